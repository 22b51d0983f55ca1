"""Every indicator column of a sweep, and every flow that is measured: each computed once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from core.backtest.market import Market
from core.errors import BadInput
from core.flow.evaluate import session_returns
from core.flow.walk import Slots, fill_truths, scratch, simulate_inner
from core.indicators.columns import ColumnTable
from core.market.bars import Float
from core.sweep.combinations import Combinations
from core.sweep.values import Values

MAX_INNER = 20_000
"""Versions of one measured flow."""


def observe(
    values: Values, market: Market
) -> tuple[Float, npt.NDArray[np.bool_], npt.NDArray[np.int8]]:
    """Columns float64 [C, T], priced bool [T, N] and months int8 [T]; see ``Prepared``."""
    return _Observer(values, market).observe()


class _Observer:
    def __init__(self, values: Values, market: Market) -> None:
        self.values = values
        self.plan = values.plan
        self.program = values.plan.program
        self.bars = market.bars
        self.table = ColumnTable(market.signals or market.bars)
        self.signals = market.signals or market.bars
        close = self.bars.close[:, [self.bars.column(s) for s in values.held]]
        self.priced = np.ascontiguousarray(~np.isnan(close))
        self.columns = np.full((len(values.columns), len(self.bars)), np.nan)
        months = self.bars.sessions.astype("datetime64[M]").astype(np.int64) % 12 + 1
        self.months = months.astype(np.int8)

    def observe(self) -> tuple[Float, npt.NDArray[np.bool_], npt.NDArray[np.int8]]:
        for row, (spec, _) in enumerate(self.values.columns):
            if isinstance(spec.subject, str):
                self.table.fill(self.columns[row], spec, np.zeros((0, 0)))
        for number, root in enumerate(self.program.inner):
            self._measure(number, root)
        return self.columns, self.priced, self.months

    def _measure(self, number: int, root: int) -> None:
        """Every version of an inner flow, and the columns that measure it."""
        part = self.plan.nodes[root]
        if part.count > MAX_INNER:
            raise BadInput(
                "grid",
                f"the flow measured at {self.program.paths[root]} has {part.count:,} versions.",
                f"At most {MAX_INNER:,}: sweep fewer of the variables inside it.",
            )
        wanted: dict[int, list[int]] = {}
        for row, (spec, version) in enumerate(self.values.columns):
            if spec.subject == number:
                wanted.setdefault(version, []).append(row)
        returns = session_returns(self.bars, self.values.held)
        runner = SubtreeRunner(self.values, self.columns, self.priced, self.months, root, part)
        for version, rows in wanted.items():
            equity = np.full((number + 1, len(self.bars)), np.nan)
            runner.equity(version, returns, equity[number])
            table = ColumnTable(self.signals)
            for row in rows:
                table.fill(self.columns[row], self.values.columns[row][0], equity)


class SubtreeRunner:
    """Walks one subtree of a program under one combination of its variables after another."""

    def __init__(
        self,
        values: Values,
        columns: Float,
        priced: npt.NDArray[np.bool_],
        months: npt.NDArray[np.int8],
        root: int,
        part: Combinations,
    ) -> None:
        self.values, self.part, self.root = values, part, root
        self.columns, self.priced, self.months = columns, priced, months
        self.code = values.plan.program.code
        self.memory = scratch(len(self.code.kind))
        self.wanted = np.array(values.plan.conditions_below(root), dtype=np.int32)
        self.truths = np.zeros((len(self.code.conditions), len(months)), dtype=np.int8)

    def slots(self, version: int) -> Slots:
        """The binding row of one combination, its conditions decided."""
        asset, column, value = self.values.rows(self.part.digits(np.array([version])))
        slots = Slots(asset[0], column[0], value[0])
        fill_truths(self.code, slots, self.columns, self.months, self.wanted, self.truths)
        return slots

    def equity(self, version: int, returns: Float, out: Float) -> None:
        """Write the equity of the subtree, simulated by itself, to ``out`` [all sessions]."""
        slots, weights = self.slots(version), np.empty(self.priced.shape[1])
        simulate_inner(
            self.code, slots, self.columns, self.truths, self.priced, returns, self.root,
            self.memory, weights, out,
        )  # fmt: skip
