"""Overview: where an account and each of its strategies stand at this moment. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core.portfolio.deployment import Deployment
from core.portfolio.equity import TOTAL, EquityPoint, Snapshot, chained
from core.portfolio.ledger import EXTERNAL, OTHER_SIDES, RESERVE, ZERO, Balances, total_of

BOOK_NAMES = {RESERVE: "Reserve", EXTERNAL: "External", TOTAL: "Total"}
"""How people read the books that are no strategy's."""


@dataclass(frozen=True, slots=True)
class Now:
    """What a book is worth, and what it made.

    ``at``        when it was valued; None before the first time
    ``stale``     some price behind it was older than the account allows
    ``result``    of this session in money, capital that came or went taken out; None while unknown
    ``share``     the same as a share of what it began with
    ``total``     growth since the first session, less one
    ``drawdown``  below its peak, 0 to 1
    """

    equity: Decimal
    at: datetime | None
    stale: bool
    result: Decimal | None
    share: float | None
    total: float | None
    drawdown: float


def now_of(
    before: Snapshot | None, newest: Snapshot | None, point: EquityPoint | None, moved: Decimal
) -> Now | None:
    """A book's standing from its last snapshot ``before`` this session and its ``newest`` value.

    ``moved`` is the capital that came since ``before``. None for a book nobody valued yet.
    """
    valued: Snapshot | EquityPoint | None = newest
    if point is not None and (newest is None or point.at >= newest.at):
        valued = point
    if valued is None:
        return None
    stale = isinstance(valued, EquityPoint) and valued.stale
    if before is not None and valued.at == before.at:
        # Nothing was seen of this session yet.
        return Now(
            before.equity, before.at, stale, None, None, before.growth - 1.0, before.drawdown
        )
    begun = moved if before is None else before.equity + moved
    if begun <= 0:
        return Now(valued.equity, valued.at, stale, None, None, None, 0.0)
    peak = 1.0
    if before is not None and before.drawdown < 1.0:
        peak = before.growth / (1.0 - before.drawdown)
    share, growth, drawdown = chained(before, peak, valued.equity, moved)
    return Now(
        valued.equity, valued.at, stale, valued.equity - begun, share, growth - 1.0, drawdown
    )


@dataclass(frozen=True, slots=True)
class Row:
    """One strategy; ``growths`` of the last sessions, the oldest first."""

    deployment: Deployment
    now: Now | None
    cash: Decimal
    symbols: tuple[str, ...]
    sharpe: float | None
    growths: Sequence[float]


@dataclass(frozen=True, slots=True)
class Overview:
    """``reserve`` is cash no strategy was given, ``positions`` how many symbols are held."""

    total: Now | None
    rows: tuple[Row, ...]
    reserve: Decimal
    cash: Decimal
    positions: int


def overview(
    deployments: Sequence[Deployment],
    balances: Balances,
    currency: str,
    *,
    before: Mapping[str, Snapshot],
    newest: Mapping[str, Snapshot],
    points: Mapping[str, EquityPoint],
    moved: Mapping[str, Decimal],
    growths: Mapping[str, Sequence[float]],
) -> Overview:
    """Put together what was read of an account: by book, ``TOTAL`` for everything."""
    owning = {book: held for book, held in balances.items() if book not in OTHER_SIDES}
    rows = []
    for one in deployments:
        book, held = one.book, balances.get(one.book, {})
        snapshot = newest.get(book)
        sharpe = snapshot.metrics.get("sharpe") if snapshot else None
        rows.append(
            Row(
                one,
                now_of(before.get(book), snapshot, points.get(book), moved.get(book, ZERO)),
                held.get(currency, ZERO),
                tuple(sorted(held.keys() - {currency})),
                sharpe,
                growths.get(book, ()),
            )
        )
    return Overview(
        now_of(before.get(TOTAL), newest.get(TOTAL), points.get(TOTAL), total_of(moved)),
        tuple(rows),
        owning.get(RESERVE, {}).get(currency, ZERO),
        sum((held.get(currency, ZERO) for held in owning.values()), ZERO),
        len({asset for held in owning.values() for asset in held} - {currency}),
    )
