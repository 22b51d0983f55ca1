"""Limits, checks and breakers at their boundaries."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from core.errors import BadInput
from core.portfolio.netting import NetOrder
from core.risk.breaker import Shadow
from core.risk.checks import reduces, screen
from core.risk.limits import Limits, read_limits
from tests.unit.trading.values import standing


def order(symbol: str, side, quantity: str, mark: str = "100") -> NetOrder:
    return NetOrder(symbol, side, Decimal(quantity), Decimal(mark), {"b": Decimal(quantity)})


def buy(quantity: str, symbol: str = "SPY") -> NetOrder:
    return order(symbol, "buy", quantity)


def sell(quantity: str, symbol: str = "SPY") -> NetOrder:
    return order(symbol, "sell", quantity)


def rules(screened) -> list[str]:
    return [refusal.rule for refusal in screened.refused]


HELD = {"SPY": Decimal(10), "OLD": Decimal(-5)}


@pytest.mark.parametrize(
    ("one", "smaller"),
    [
        (sell("10"), True), (sell("10.000000001"), False), (buy("1"), False),
        (buy("5", "OLD"), True), (buy("5.1", "OLD"), False), (sell("1", "OLD"), False),
        (sell("1", "NONE"), False), (buy("1", "NONE"), False),
    ],
)  # fmt: skip
def test_what_makes_a_position_smaller(one, smaller):
    assert reduces(one, HELD) is smaller


@pytest.mark.parametrize(("count", "passes"), [(3, True), (4, False)])
def test_a_window_over_its_number_of_orders_plans_none_and_halts(count, passes):
    orders = [buy("1", f"S{i}") for i in range(count)]
    screened = screen(orders, standing(), Limits(orders_per_window=3))
    assert len(screened.passed) == (count if passes else 0)
    assert bool(screened.halt) is not passes


@pytest.mark.parametrize(("quantity", "passes"), [("100", True), ("100.000001", False)])
def test_a_window_over_its_notional_plans_none_and_halts(quantity, passes):
    limits = Limits(notional_per_window=1.0, position_share=9)
    screened = screen([buy(quantity)], standing(buying_power=Decimal(99_999)), limits)
    assert bool(screened.passed) is passes
    assert bool(screened.halt) is not passes


def test_the_days_orders():
    limits = Limits(orders_per_day=5)
    screened = screen([buy("1", "A"), buy("1", "B")], standing(orders_today=4), limits)
    assert [one.symbol for one in screened.passed] == ["A"]
    assert rules(screened) == ["budget"]


@pytest.mark.parametrize(("today", "passed"), [("39900", 1), ("39900.01", 0)])
def test_the_days_notional(today, passed):
    screened = screen([buy("1")], standing(notional_today=Decimal(today)), Limits())
    assert len(screened.passed) == passed


def test_what_reduces_is_sent_beyond_the_days_budget():
    at = standing(orders_today=1000, positions=HELD)
    assert screen([sell("10")], at, Limits()).passed


@pytest.mark.parametrize(("refused_today", "halts"), [(23, False), (24, True)])
def test_so_many_refusals_halt(refused_today, halts):
    """Row 9: the same target again and again."""
    at = standing(orders_today=1000, refused_today=refused_today)
    assert bool(screen([buy("1")], at, Limits()).halt) is halts


def test_refusals_for_other_reasons_do_not_halt():
    at = standing(refused_today=24, buying_power=Decimal(0))
    screened = screen([buy("1")], at, Limits())
    assert rules(screened) == ["funds"]
    assert not screened.halt


@pytest.mark.parametrize(("quantity", "passes"), [("50", True), ("50.1", False)])
def test_the_largest_position(quantity, passes):
    screened = screen([buy(quantity)], standing(), Limits(position_share=0.5))
    assert bool(screened.passed) is passes
    assert rules(screened) == ([] if passes else ["position"])


def test_a_position_over_its_limit_may_get_smaller():
    at = standing(positions={"SPY": Decimal(200)})
    assert screen([sell("1")], at, Limits(position_share=0.5)).passed


@pytest.mark.parametrize(("power", "passes"), [("1000", True), ("999.99", False)])
def test_buying_power_to_the_cent(power, passes):
    screened = screen([buy("10")], standing(buying_power=Decimal(power)), Limits())
    assert bool(screened.passed) is passes


def test_what_is_sold_can_be_spent():
    at = standing(buying_power=Decimal(0), positions=HELD)
    screened = screen([sell("10"), buy("10", "TLT"), buy("0.1", "GLD")], at, Limits())
    assert [one.symbol for one in screened.passed] == ["SPY", "TLT"]


def test_a_reducing_account_only_reduces():
    screened = screen(
        [sell("10"), buy("1", "TLT")], standing(reducing=True, positions=HELD), Limits()
    )
    assert [one.side for one in screened.passed] == ["sell"]
    assert rules(screened) == ["reducing"]


def test_without_its_cash_an_account_only_reduces():
    at = standing(cash_missing=True, positions=HELD)
    assert rules(screen([sell("1"), buy("1", "TLT")], at, Limits())) == ["stopped"]


@pytest.mark.parametrize(
    "values",
    [
        {"orders_per_window": 0}, {"position_share": 0}, {"daily_loss": 1.01}, {"what": 1},
        {"quote_age_seconds": float("nan")}, {"strategy_drawdown": "x"}, {"gross_exposure": 4.1},
        {"notional_per_day": float("inf")},
    ],
)  # fmt: skip
def test_limits_that_cannot_be(values):
    with pytest.raises(BadInput) as caught:
        read_limits(values)
    assert caught.value.field == f"limits.{next(iter(values))}"


def test_the_allowance_is_exact():
    assert Limits(cost_allowance_bps=2.0).allowance == Decimal("0.0002")


# -- breakers --------------------------------------------------------------------------------------

DAY, NEXT = date(2026, 11, 24), date(2026, 11, 25)


def shadow(growth: float, peak: float = 1.0, weights=None, session=NEXT) -> Shadow:
    return Shadow(growth, peak, {"SPY": 1.0} if weights is None else weights, session, DAY)


@pytest.mark.parametrize(("growth", "goes_on"), [(0.89, False), (0.9, False), (0.9001, True)])
def test_a_shadow_releases_below_the_limit(growth, goes_on):
    limit = 1.0 - 0.9 / 1.0
    assert shadow(growth).released(limit) is goes_on


def test_a_shadow_that_has_not_moved_releases_nobody():
    assert not shadow(0.99, session=DAY).released(0.1)


def test_a_flat_line_releases_nobody():
    one = shadow(0.8, weights={})
    for number in range(1, 60):
        one = one.moved({"SPY": 0.1}, {}, date.fromordinal(NEXT.toordinal() + number))
    assert one.growth == 0.8
    assert not one.released(0.1)


def test_a_shadow_earns_what_its_weights_earned():
    one = shadow(0.8, weights={"SPY": 0.5, "GONE": 0.5}).moved({"SPY": 0.2}, {"TLT": 1.0}, NEXT)
    assert one.growth == pytest.approx(0.88)
    assert one.weights == {"TLT": 1.0}


def test_a_shadow_above_its_peak_has_a_new_one():
    one = shadow(0.99).moved({"SPY": 0.1}, {}, NEXT)
    assert one.peak == one.growth == pytest.approx(1.089)


def test_a_shadow_is_kept_as_json():
    one = shadow(0.8)
    assert Shadow.from_json(one.as_json()) == one
