"""Breakers: a drawdown that stops a strategy or the account, and what lets it go on. Pure.

A strategy its breaker paused keeps what it holds; were it flat, its own equity could never recover.
So a *shadow* goes on in its place: a number that earns what the strategy's targets would have
earned. The strategy goes on when the shadow's drawdown is small again, or when a person says so;
never because a flat line looks calm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Shadow:
    """``growth`` and ``peak`` in the units of the strategy's own growth; ``weights`` are its
    targets since the close of ``session``; ``since`` is when it was paused."""

    growth: float
    peak: float
    weights: Mapping[str, float]
    session: date
    since: date

    @property
    def drawdown(self) -> float:
        """From 0 to 1."""
        return 1.0 - self.growth / self.peak if self.peak > 0 else 0.0

    def moved(
        self, returns: Mapping[str, float], weights: Mapping[str, float], session: date
    ) -> Shadow:
        """After ``session``: it earned what its weights earned since its last one, and holds
        ``weights`` from here on. A symbol without a return earned nothing."""
        gain = sum(weight * returns.get(symbol, 0.0) for symbol, weight in self.weights.items())
        growth = self.growth * (1.0 + gain)
        return Shadow(growth, max(self.peak, growth), weights, session, self.since)

    def released(self, limit: float) -> bool:
        """Whether it has moved since it was paused, and stands less than ``limit`` below its
        peak."""
        return self.session > self.since and self.drawdown < limit

    def as_json(self) -> dict[str, Any]:
        return {
            "growth": self.growth,
            "peak": self.peak,
            "weights": dict(self.weights),
            "session": self.session.isoformat(),
            "since": self.since.isoformat(),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Shadow:
        return cls(
            raw["growth"],
            raw["peak"],
            raw["weights"],
            date.fromisoformat(raw["session"]),
            date.fromisoformat(raw["since"]),
        )
