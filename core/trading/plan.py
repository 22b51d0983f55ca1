"""Plan: from decisions to crosses and screened orders, given everything that was read. Pure."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from core.brokers.base import Asset, BrokerAccount, Quote
from core.portfolio.deployment import Deployment
from core.portfolio.ledger import ZERO, Balances, owned
from core.portfolio.netting import Cross, NetOrder, net
from core.portfolio.rebalance import Lattice, Unplannable, Wish, checked, wish, worth
from core.risk.checks import Screened, Standing, screen
from core.risk.limits import Limits
from core.trading.completing import sentence
from core.trading.decide import Decision, drifted, failed

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Everything a plan is made of, besides the decisions.

    ``quotes``     only those young enough to trade on
    ``stale``      age in seconds of those that are not; None where there is none at all
    ``in_flight``  symbols with an order that is not final
    ``stopped``    assets whose books and broker differ
    """

    session: date
    at: datetime
    account: BrokerAccount
    positions: Mapping[str, Decimal]
    quotes: Mapping[str, Quote]
    stale: Mapping[str, float | None]
    assets: Mapping[str, Asset]
    balances: Balances
    in_flight: frozenset[str]
    stopped: frozenset[str]
    step: Decimal
    minimum_notional: Decimal

    @property
    def marks(self) -> dict[str, Decimal]:
        return {symbol: quote.price for symbol, quote in self.quotes.items()}

    @property
    def lattices(self) -> dict[str, Lattice]:
        return {
            symbol: Lattice(self.step if asset.fractionable else Decimal(1), self.minimum_notional)
            for symbol, asset in self.assets.items()
        }

    @property
    def in_doubt(self) -> frozenset[str]:
        """Stopped symbols of which the broker has more than the books: a split that is not booked
        yet. What they are worth to their owners is not known."""
        book = owned(self.balances)
        return frozenset(
            symbol
            for symbol in self.stopped
            if self.positions.get(symbol, ZERO) > book.get(symbol, ZERO)
        )

    def as_json(self) -> dict[str, Any]:
        """What is kept with the window: prices with their age and feed, what was stopped."""
        return {
            "at": self.at.isoformat(),
            "cash": str(self.account.cash),
            "equity": str(self.account.equity),
            "quotes": {
                symbol: {
                    "price": str(quote.price),
                    "age_seconds": round((self.at - quote.at).total_seconds(), 1),
                    "feed": quote.feed,
                }
                for symbol, quote in sorted(self.quotes.items())
            },
            "stale": dict(sorted(self.stale.items())),
            "in_flight": sorted(self.in_flight),
            "stopped": sorted(self.stopped),
        }


@dataclass(frozen=True, slots=True)
class Planned:
    """One deployment's decision, what it is worth, and what it wants to trade."""

    deployment: Deployment
    decision: Decision
    equity: Decimal | None
    wish: Wish | None
    completes: str = ""
    """What of its last target failed and is tried again here."""


@dataclass(frozen=True, slots=True)
class Plan:
    planned: tuple[Planned, ...]
    crosses: tuple[Cross, ...]
    screened: Screened
    too_small: tuple[NetOrder, ...]


def make_plan(
    decisions: Sequence[tuple[Deployment, Decision]],
    reading: Reading,
    limits: Limits,
    standing: Standing,
) -> Plan:
    """Wishes of each deployment, netted, then screened.

    A symbol in flight, stopped or not tradable is left as it is, for every strategy: its weight is
    not moved to others.
    """
    frozen = frozenset(
        {symbol for symbol, asset in reading.assets.items() if not asset.tradable}
        | reading.in_flight
        | reading.stopped
    )
    planned = [_kept_apart(one, decision, reading, limits, frozen) for one, decision in decisions]
    wishes = [one.wish for one in planned if one.wish is not None and one.wish.changes]
    netted = net(wishes, reading.marks, reading.lattices)
    screened = screen(netted.orders, standing, limits)
    crosses = () if screened.halt and not screened.passed else netted.crosses
    return Plan(tuple(planned), crosses, screened, netted.too_small)


def _kept_apart(
    deployment: Deployment,
    decision: Decision,
    reading: Reading,
    limits: Limits,
    frozen: frozenset[str],
) -> Planned:
    """Its plan, or none where making it failed: the other strategies have theirs."""
    try:
        return _planned(deployment, decision, reading, limits, frozen)
    except Exception as err:
        log.exception("%s cannot be planned", deployment.name, extra={"action": "plan"})
        return Planned(deployment, failed(err), None, None)


def _planned(
    deployment: Deployment,
    decision: Decision,
    reading: Reading,
    limits: Limits,
    frozen: frozenset[str],
) -> Planned:
    held = dict(reading.balances.get(deployment.book, {}))
    cash = held.pop(reading.account.currency, ZERO)
    doubtful = sorted(reading.in_doubt & held.keys())
    if doubtful:
        reason = f"how much it holds of {', '.join(doubtful)} is not known"
        return Planned(deployment, _aborted(decision, reason), None, None)
    try:
        equity = worth(held, reading.marks, cash)
    except Unplannable as err:
        return Planned(deployment, _aborted(decision, _priced(str(err), held, reading)), None, None)
    if decision.state in ("aborted", "failed") or decision.weights is None:
        return Planned(deployment, decision, equity, None)
    if equity <= 0:
        return Planned(deployment, _aborted(decision, "it has no money left"), equity, None)
    try:
        weights = checked(decision.weights, gross_limit=limits.gross_exposure)
        if not _acts(decision, weights, held, equity, reading):
            return _completed(deployment, decision, equity, held, reading, limits, frozen)
        wanted = wish(
            deployment.book,
            weights,
            equity,
            held,
            reading.marks,
            reading.lattices,
            allowance=limits.allowance,
            frozen=frozen,
        )
    except Unplannable as err:
        reason = _priced(str(err), decision.weights, reading)
        return Planned(deployment, _aborted(decision, reason), equity, None)
    small = sorted(
        symbol
        for symbol in weights
        if symbol in reading.assets
        and symbol not in frozen
        and not held.get(symbol)
        and symbol not in wanted.changes
    )
    if small:
        decision = replace(decision, reason=f"too small to buy: {', '.join(small)}")
    left = sorted(
        symbol
        for symbol in weights.keys() | held.keys()
        if symbol in frozen or symbol not in reading.assets
    )
    if left:
        both = (
            (decision.reason, _left_alone(left, reading))
            if small
            else (_left_alone(left, reading),)
        )
        decision = replace(decision, reason="; ".join(both))
    return Planned(deployment, decision, equity, wanted)


def _completed(
    deployment: Deployment,
    decision: Decision,
    equity: Decimal,
    held: Mapping[str, Decimal],
    reading: Reading,
    limits: Limits,
    frozen: frozenset[str],
) -> Planned:
    """It does not trade anew: only what failed of its last target is tried again."""
    left = decision.owed
    if left is None:
        return Planned(deployment, decision, equity, None)
    wanted = wish(
        deployment.book,
        checked(left.weights, gross_limit=limits.gross_exposure),
        equity,
        held,
        reading.marks,
        reading.lattices,
        allowance=limits.allowance,
        frozen=frozen,
        at_most=left.missing,
    )
    if not wanted.changes:
        return Planned(deployment, decision, equity, None)
    said = sentence(left, wanted.changes)
    reason = f"{decision.reason}; {said}" if decision.reason else said
    return Planned(deployment, replace(decision, reason=reason), equity, wanted, said)


def _acts(
    decision: Decision,
    weights: Mapping[str, float],
    held: Mapping[str, Decimal],
    equity: Decimal,
    reading: Reading,
) -> bool:
    if decision.state == "held":
        return False
    if decision.threshold is None:
        return True
    actual = {s: float(q * reading.quotes[s].price / equity) for s, q in held.items() if q}
    return drifted(actual, weights, decision.threshold)


def _aborted(decision: Decision, reason: str) -> Decision:
    return replace(decision, state="aborted", reason=reason, weights=None)


def _priced(reason: str, symbols: Mapping[str, Any], reading: Reading) -> str:
    """The reason, with how old the prices are that were refused."""
    old = [
        f"{symbol} {age:,.0f} s old" if age is not None else f"{symbol} not quoted"
        for symbol, age in sorted(reading.stale.items())
        if symbol in symbols
    ]
    return f"{reason} ({', '.join(old[:5])})" if old else reason


def _left_alone(symbols: Sequence[str], reading: Reading) -> str:
    def why(symbol: str) -> str:
        if symbol in reading.stopped:
            return f"{symbol} (books and broker differ)"
        if symbol in reading.in_flight:
            return f"{symbol} (an order is open)"
        asset = reading.assets.get(symbol)
        return f"{symbol} ({asset.reason if asset and asset.reason else 'not tradable'})"

    return "left alone: " + ", ".join(why(symbol) for symbol in symbols)
