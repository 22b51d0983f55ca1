"""Breakers: a drawdown that stops a strategy or the account, and what lets it go on. Pure.

A strategy its breaker paused holds what it has or nothing; its own equity can then never recover.
So a *shadow* goes on in its place: a number that earns what the strategy's targets would have
earned. The strategy goes on when the shadow's drawdown is small again, or when a person says so;
never because a flat line looks calm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Shadow:
    """``growth`` and ``peak`` in the units of the strategy's own growth; ``weights`` and
    ``prices`` are its targets at the last close and what they cost there."""

    growth: float
    peak: float
    weights: Mapping[str, float]
    prices: Mapping[str, float]

    @property
    def drawdown(self) -> float:
        return 1.0 - self.growth / self.peak if self.peak > 0 else 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "growth": self.growth,
            "peak": self.peak,
            "weights": dict(self.weights),
            "prices": dict(self.prices),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Shadow:
        return cls(raw["growth"], raw["peak"], raw["weights"], raw["prices"])

    def moved(self, prices: Mapping[str, float], weights: Mapping[str, float]) -> Shadow:
        """After a session: it earned what its weights earned, and holds ``weights`` from here.

        A symbol without a new price earned nothing yet: its old price is kept.
        """
        gain = sum(
            weight * (prices.get(symbol, self.prices[symbol]) / self.prices[symbol] - 1.0)
            for symbol, weight in self.weights.items()
            if symbol in self.prices and self.prices[symbol] > 0
        )
        growth = self.growth * (1.0 + gain)
        known = {s: prices.get(s, self.prices.get(s, 0.0)) for s in weights}
        return Shadow(growth, max(self.peak, growth), weights, known)


def trips(drawdown: float, limit: float) -> bool:
    """``drawdown`` from 0 to 1; at the limit it trips."""
    return drawdown >= limit


def releases(shadow: Shadow, limit: float) -> bool:
    """Below the limit, and only after the shadow has moved: a line that stands still says
    nothing."""
    return shadow.drawdown < limit
