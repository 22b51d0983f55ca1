"""What a backtest is asked to do beyond what the flow itself says."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.errors import BadInput
from core.flow.nodes import Benchmark, Costs, Rebalance, VariableValue

Basis = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
Rate = Annotated[float, Field(gt=-1, le=10, allow_inf_nan=False)]


class BacktestSettings(BaseModel):
    """A frozen request; None means what the flow says, or all the data there is.

    Rates are per year as fractions (0.05 is 5 %).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: date | None = None
    end: date | None = None
    variables: dict[str, VariableValue] = Field(default_factory=dict)
    slippage_bps: Basis | None = None
    commission_bps: Basis | None = None
    rebalance: Rebalance | None = None
    execution: Literal["close", "next_open"] = "close"
    benchmark: Benchmark | Literal["none"] | None = None
    leverage: Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)] = 1.0
    max_leverage: Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)] = 2.0
    cash_rate: Rate = 0.0
    borrow_rate: Rate = 0.05
    risk_free_rate: Rate = 0.0
    capital: Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)] = 100_000.0

    @model_validator(mode="after")
    def _in_order(self) -> BacktestSettings:
        if self.start and self.end and self.start >= self.end:
            raise ValueError(f"start {self.start} is not before end {self.end}")
        return self

    def costs(self, flow: Costs) -> Costs:
        """The flow's costs, with those given here instead."""
        return Costs(
            slippage_bps=flow.slippage_bps if self.slippage_bps is None else self.slippage_bps,
            commission_bps=(
                flow.commission_bps if self.commission_bps is None else self.commission_bps
            ),
        )


def parse_settings(**given: object) -> BacktestSettings:
    """Settings from what a form or a command line holds; BadInput names the field that is wrong."""
    try:
        return BacktestSettings.model_validate(given)
    except ValidationError as err:
        first = err.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"] if not str(part).startswith("<"))
        message = first["msg"].removeprefix("Value error, ")
        shown = f"{first['input']!r}: " if field else ""
        raise BadInput(field or "start", f"{shown}{message[0].lower()}{message[1:]}.") from None
