"""Holdings: when each position was opened, how long it was held, when it was closed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.backtest.result import Result


@dataclass(frozen=True, slots=True)
class Spell:
    """One position from its first purchase until nothing of it is left.

    ``entered``, ``left``  numbers of sessions; ``left`` is None while it is held
    ``sessions``           how many sessions it was held for
    ``bought``, ``sold``   adjusted prices of the first and the last trade
    ``largest``            largest weight it was traded to
    ``trades``             changes of the position, first and last among them
    """

    symbol: str
    entered: int
    left: int | None
    sessions: int
    bought: float
    sold: float | None
    largest: float
    trades: int

    @property
    def price_return(self) -> float | None:
        """What the price did between the two trades; None while it is held."""
        return None if self.sold is None else self.sold / self.bought - 1


def spells_of(result: Result) -> tuple[Spell, ...]:
    """Every position of a backtest, in the order they were opened.

    A position still held at the end, or when equity fell to zero, was not left.
    """
    made, ruined = result.trades, np.flatnonzero(result.equity <= 0)
    end = int(ruined[0]) if len(ruined) else len(result.sessions) - 1
    found = []
    for column, symbol in enumerate(result.symbols):
        mine = np.flatnonzero(made.column == column)
        closing = np.flatnonzero(made.after[mine] == 0)
        for trades in np.split(mine, closing + 1):
            if not len(trades):
                continue
            first, last = int(trades[0]), int(trades[-1])
            closed = made.after[last] == 0
            entered, left = int(made.row[first]), int(made.row[last]) if closed else None
            found.append(
                Spell(
                    symbol=symbol,
                    entered=entered,
                    left=left,
                    sessions=(end if left is None else left) - entered,
                    bought=float(made.price[first]),
                    sold=float(made.price[last]) if closed else None,
                    largest=float(made.after[trades].max()),
                    trades=len(trades),
                )
            )
    return tuple(sorted(found, key=lambda spell: spell.entered))


def changes_of(result: Result) -> np.ndarray:
    """Numbers of the sessions whose decision in force differs from that of the one before."""
    differs = np.any(np.diff(result.weights, axis=0) != 0, axis=1)
    return np.concatenate([[0], 1 + np.flatnonzero(differs)])


def decisions_that_differ(one: Result, other: Result) -> int:
    """On how many of the sessions both cover they decided otherwise, or only one of them did."""
    common, mine, theirs = np.intersect1d(one.sessions, other.sessions, return_indices=True)
    symbols = sorted({*one.symbols, *other.symbols})
    a, b = _columns(one, symbols)[mine], _columns(other, symbols)[theirs]
    apart = int((np.abs(a - b).max(axis=1, initial=0.0) > 1e-9).sum())
    return apart + len(one.sessions) + len(other.sessions) - 2 * len(common)


def _columns(result: Result, symbols: list[str]) -> np.ndarray:
    weights = np.zeros((len(result.sessions), len(symbols)))
    for column, symbol in enumerate(result.symbols):
        weights[:, symbols.index(symbol)] = result.weights[:, column]
    return weights
