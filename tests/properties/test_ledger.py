"""Σ virtual = broker, to the last decimal, after every step: a hundred strategies, whatever comes."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.portfolio.ledger import ZERO, applied, rounded_down, shared_out
from core.portfolio.lots import Lot, after_split, after_trade
from tests.properties.ledger_world import BEGIN, CENT6, PRICE, STEP, World
from tests.reference.engine import quick


@quick(12)
@given(st.randoms(use_true_random=False))
def test_a_hundred_strategies_and_a_broker_agree_after_every_step(draw):
    world = World(random.Random(draw.random()), strategies=100, symbols=12)
    for _ in range(12):
        world.step()
    world.settle()
    again = {b: h for b, h in applied({}, world.entries.values()).items() if h}
    assert again == {b: h for b, h in world.balances.items() if h}


@quick(25)
@given(st.randoms(use_true_random=False))
def test_few_strategies_for_long(draw):
    world = World(random.Random(draw.random()), strategies=5, symbols=4)
    for _ in range(40):
        world.step()


amounts = st.integers(1, 10**15).map(lambda n: Decimal(n) * STEP)


@quick(300)
@given(
    st.lists(amounts, min_size=1, max_size=20),
    st.integers(-(10**15), 10**15),
    st.sampled_from([STEP, CENT6, Decimal(1)]),
)
def test_shares_sum_and_stay_within_their_parts(parts, total, step):
    owners = {f"b{i}": part for i, part in enumerate(parts)}
    whole = sum(parts, ZERO)
    total = Decimal(total) * STEP
    shares = shared_out(total, owners, step)
    assert sum(shares.values(), ZERO) == total
    if abs(total) <= whole:
        assert all(abs(shares[owner]) <= part for owner, part in owners.items())
        assert all(share * total >= 0 for share in shares.values())


@quick(200)
@given(
    st.lists(st.tuples(amounts, st.integers(1, 10**9)), min_size=1, max_size=8),
    st.sampled_from(["2", "0.1", "1.5", "0.05", "7", "0.3333"]),
)
def test_lots_sum_to_what_is_held_through_trades_and_splits(trades, ratio):
    lots: tuple[Lot, ...] = ()
    held = ZERO
    for quantity, price in trades:
        lots = after_trade(lots, quantity, Decimal(price) * PRICE, BEGIN).lots
        held += quantity
        change = rounded_down(held * Decimal(ratio), STEP) - held
        lots = after_split(lots, change)
        held += change
        sold = rounded_down(held / 3, STEP)
        if sold:
            lots = after_trade(lots, -sold, Decimal(1), BEGIN).lots
            held -= sold
        assert sum((lot.quantity for lot in lots), ZERO) == held
        assert all(lot.quantity == lot.quantity.quantize(STEP) for lot in lots)


def test_a_defect_is_seen(monkeypatch):
    """The property can fail: fills booked twice, once."""
    world = World(random.Random(3), strategies=5, symbols=4)
    honest = World.post

    def twice(self, *entries):
        honest(self, *entries)
        honest(
            self,
            *[replace(e, reference=e.reference + "-again") for e in entries if e.kind == "trade"],
        )

    monkeypatch.setattr(World, "post", twice)
    with pytest.raises(AssertionError):
        go_on(world)


def go_on(world: World) -> None:
    for _ in range(40):
        world.step()
