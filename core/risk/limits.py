"""Limits of an account: what a window, a day and a position may be at most."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import BadInput


class Limits(BaseModel):
    """Every limit with its unit and default. Shares are of equity: 0.25 is 25 %."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    orders_per_window: int = Field(
        500, ge=1, description="Most orders a window may plan; more, and it plans none."
    )
    orders_per_day: int = Field(
        1000, ge=1, description="Most orders a session may plan; what is over is refused."
    )
    notional_per_window: float = Field(
        2.0, gt=0, description="Most a window may trade, in multiples of the account's equity."
    )
    notional_per_day: float = Field(
        4.0, gt=0, description="Most a session may trade, in multiples of the account's equity."
    )
    refusals_before_halt: int = Field(
        25, ge=1, description="So many orders refused for a day's budget halt the account."
    )
    position_share: float = Field(
        1.0, gt=0, description="Largest position, as a share of the account's equity."
    )
    gross_exposure: float = Field(
        1.0, gt=0, le=4, description="Largest sum of absolute weights of a strategy."
    )
    quote_age_seconds: float = Field(
        120.0, gt=0, description="Oldest quote an order may be planned on."
    )
    daily_loss: float = Field(
        0.1, gt=0, le=1, description="Loss of a day at which the account only reduces."
    )
    strategy_drawdown: float = Field(
        0.15, gt=0, le=1, description="Drawdown at which a strategy is paused."
    )
    strategy_release: float = Field(
        0.10, gt=0, le=1, description="A paused strategy goes on when its shadow is below this."
    )
    account_drawdown: float = Field(
        0.25, gt=0, le=1, description="Drawdown at which the account is halted."
    )
    cost_allowance_bps: float = Field(
        0.0, ge=0, le=500, description="Share of equity kept back for what trading costs, in bps."
    )
    manual_windows_per_day: int = Field(
        10, ge=1, description="How often a person may run a window in one session."
    )

    @property
    def allowance(self) -> Decimal:
        return Decimal(repr(self.cost_allowance_bps)) / 10_000


def read_limits(values: Mapping[str, Any]) -> Limits:
    """Limits of a mapping; BadInput names the first that cannot be."""
    try:
        return Limits(**values)
    except ValidationError as err:
        first = err.errors()[0]
        raise BadInput(f"limits.{'.'.join(map(str, first['loc']))}", f"{first['msg']}.") from None
