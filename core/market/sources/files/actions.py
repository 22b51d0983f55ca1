"""Splits and dividends from a file of corporate actions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from core.market.adjustment import CorporateAction, Kind
from core.market.sources.files.layout import ACTIONS, read_days
from core.market.sources.files.table import TableFile, bad_file, float_column

_KINDS: Mapping[str, Kind] = {"split": "split", "dividend": "dividend"}


def read_actions(file: TableFile) -> dict[str, tuple[CorporateAction, ...]]:
    """Each symbol's corporate actions, oldest first.

    Raises BadInput naming the line for a type other than ``split`` and ``dividend``, a value that
    is not above zero, a date that cannot be read, and a split given twice.
    """
    table = file.read(["value"], [ACTIONS.symbol, "type"], [ACTIONS.time])
    if not table.num_rows:
        return {}
    days, _ = read_days(file, table.column(ACTIONS.time).combine_chunks(), ACTIONS.time)
    symbols = table.column(ACTIONS.symbol).to_pylist()
    kinds = table.column("type").to_pylist()
    values = float_column(table, "value").tolist()
    found: dict[str, list[CorporateAction]] = {}
    for row in np.argsort(days, kind="stable").tolist():
        kind = _KINDS.get((kinds[row] or "").strip().lower())
        if kind is None:
            raise bad_file(
                file.name,
                f"{file.line(row)}, column 'type': '{kinds[row]}' is not a corporate action.",
                "Write split or dividend.",
            )
        if not (0 < values[row] < np.inf):
            raise bad_file(
                file.name,
                f"{file.line(row)}, column 'value': {values[row]:g} is not above zero.",
                "A split's value is its new shares per old share, a dividend's is paid per share.",
            )
        action = CorporateAction(symbols[row], days[row].item(), kind, values[row])
        earlier = found.setdefault(action.symbol, [])
        if kind == "split" and any(
            a.kind == "split" and a.ex_date == action.ex_date for a in earlier
        ):
            raise bad_file(
                file.name,
                f"{file.line(row)}: {action.symbol} splits twice on {action.ex_date}.",
                "Remove one.",
            )
        earlier.append(action)
    return {symbol: tuple(actions) for symbol, actions in found.items()}
