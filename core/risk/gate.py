"""The gate: what a flow has to have shown on paper before it may trade with money. Pure.

The evidence is computed from the ledger and the snapshots of paper accounts, for exactly the flow
that is to be deployed: another version begins its own history.
"""

from __future__ import annotations

from dataclasses import dataclass

DAYS = 30
TRADES = 10
WIN_RATE = 0.45
DRAWDOWN = 0.20


@dataclass(frozen=True, slots=True)
class Evidence:
    """``days`` from its first to its last snapshot on paper; ``trades`` that closed something;
    ``won`` of them at a gain; ``drawdown`` the deepest, 0 to 1; ``critical`` events it had."""

    days: int
    trades: int
    won: int
    drawdown: float
    critical: int

    @property
    def win_rate(self) -> float | None:
        return self.won / self.trades if self.trades else None


@dataclass(frozen=True, slots=True)
class Item:
    """One thing the gate asks for."""

    name: str
    passed: bool
    shown: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.name} {self.shown}, needs {self.wanted}"


def items(evidence: Evidence) -> tuple[Item, ...]:
    """Every item, passed or not; boundaries as written: at least 45 %, less than 20 %."""
    rate = evidence.win_rate
    return (
        Item("days on paper", evidence.days >= DAYS, str(evidence.days), f"at least {DAYS}"),
        Item(
            "closed trades", evidence.trades >= TRADES, str(evidence.trades), f"at least {TRADES}"
        ),
        Item(
            "win rate",
            rate is not None and rate >= WIN_RATE,
            "none" if rate is None else f"{rate:.1%}",
            f"at least {WIN_RATE:.0%}",
        ),
        Item(
            "deepest drawdown",
            evidence.drawdown < DRAWDOWN,
            f"{evidence.drawdown:.1%}",
            f"less than {DRAWDOWN:.0%}",
        ),
        Item("critical events", not evidence.critical, str(evidence.critical), "none"),
    )


def failing(evidence: Evidence) -> tuple[Item, ...]:
    return tuple(item for item in items(evidence) if not item.passed)
