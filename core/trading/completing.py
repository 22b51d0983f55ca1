"""Completing: what failed of a strategy's last target, where it does not trade daily. Pure.

A strategy that trades daily tries again by itself. One that trades by month or by drift would stay
half-done until its next period. So the legs that were refused, rejected or expired are tried again
in the account's next window: as new orders, planned on that window's prices, never more than what
was missing, and never beyond what the target asks for by then. What the kill switch stopped, or
somebody canceled, is a person's word and not made up for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.flow.nodes import Rebalance
from core.portfolio.ledger import ZERO
from core.portfolio.records import Leg

_ENDED = ("refused", "rejected", "expired")
_NOT_MADE_UP = ("halted", "reducing", "too_small")


@dataclass(frozen=True, slots=True)
class Owed:
    """``missing`` by symbol, signed: what is still to be traded towards ``weights``; ``since`` is
    the session of the oldest leg that failed."""

    weights: Mapping[str, float]
    missing: Mapping[str, Decimal]
    since: date


def completes(rebalance: Rebalance) -> bool:
    """Whether a strategy waits longer than a day before it tries again by itself."""
    return rebalance.every != "daily" or rebalance.threshold is not None


def owed(
    legs: Sequence[Leg], weights: Mapping[str, float], flow_hash: str, since: date | None
) -> Owed | None:
    """What is left to do of ``legs``, the newest of each symbol; None for nothing.

    Legs of another version, and of sessions before ``since``, belong to another target. Without
    ``since`` those of the last session it traded in count.
    """
    own = [leg for leg in legs if leg.flow_hash == flow_hash]
    first = since or max((leg.session for leg in own), default=None)
    if first is None:
        return None
    failed = {leg.symbol: leg for leg in own if leg.session >= first and _failed(leg)}
    missing = {symbol: left for symbol, leg in failed.items() if (left := _left(leg))}
    if not missing:
        return None
    return Owed(weights, missing, min(failed[symbol].session for symbol in missing))


def _failed(leg: Leg) -> bool:
    return leg.state in _ENDED and leg.status not in _NOT_MADE_UP and not leg.called_off


def _left(leg: Leg) -> Decimal:
    """Signed; what was traded inside since is done."""
    if leg.side == "buy":
        return max(leg.missing - max(leg.crossed, ZERO), ZERO)
    return -max(leg.missing + min(leg.crossed, ZERO), ZERO)


def sentence(done: Owed, changes: Mapping[str, Decimal]) -> str:
    """What is completed now, for the timeline and the decision."""
    parts = [
        f"{'buy' if change > 0 else 'sell'} {abs(change).normalize():f} {symbol}"
        for symbol, change in sorted(changes.items())
    ]
    return f"completes what failed since {done.since}: {', '.join(parts)}"
