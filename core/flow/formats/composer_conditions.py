"""Composer's conditions: one comparison, any or all of some, one for each of some tickers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from core.errors import BadInput
from core.flow.formats import composer_constructs as cc
from core.flow.formats.composer_functions import operand
from core.flow.formats.composer_symbols import symbol_of
from core.flow.formats.foreign import MAX_NESTING, joined, note_unknown_of_condition
from core.flow.formats.report import Findings, Place
from core.flow.formats.scalars import number_of
from core.flow.formats.unfold import shown
from core.flow.nodes import Comparison, IndicatorOperand, Value

_SIGNS: dict[Any, Literal[">", ">=", "<", "<="]] = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_BLOCK = {"condition-type", "lhs", "comparator", "rhs", "operator", "conditions", "tickers", "id"}
_SIDE = {"fn", "ticker", "params", "constant"}
_EACH = "%"
"""Stands for the ticker in a comparison that is made for each of some."""


def condition_of(branch: Mapping[str, Any], place: Place, findings: Findings) -> Value | None:
    """The condition of an if's true branch; None, and why in ``findings``, if it has none.

    Newer files have a block under ``condition``, and the flat fields beside it repeat its first
    comparison for old readers; older files have the flat fields alone.
    """
    if branch.get("condition") is not None:
        return _block(branch["condition"], place.at("condition"), findings, 0)
    return _flat(branch, place, findings)


# -- blocks --------------------------------------------------------------------------------------


def _block(block: Any, place: Place, findings: Findings, depth: int) -> Value | None:
    if not isinstance(block, Mapping) or depth > MAX_NESTING:
        findings.add(place, cc.MALFORMED, f"The condition is {shown(block)}.")
        return None
    kind = block.get("condition-type")
    note_unknown_of_condition(block, _BLOCK, cc.UNKNOWN_CONDITION_FIELD, place, findings)
    if kind == "binary":
        return _binary(block, place, findings, None)
    if kind == "binary-compound":
        return _each_ticker(block, place, findings)
    if kind == "compound":
        return _compound(block, place, findings, depth)
    findings.add(place, cc.UNKNOWN_CONDITION, f"The condition is {shown(kind)}.")
    return None


def _compound(
    block: Mapping[str, Any], place: Place, findings: Findings, depth: int
) -> Value | None:
    parts = block.get("conditions")
    if not isinstance(parts, list) or not parts:
        findings.add(place, cc.MALFORMED, "'conditions' is no list of conditions.")
        return None
    findings.add(place, cc.COMPOUND)
    found = [
        _block(part, place.at(f"conditions[{i}]"), findings, depth + 1)
        for i, part in enumerate(parts)
    ]
    return _joined(block.get("operator"), found, place, findings)


def _each_ticker(block: Mapping[str, Any], place: Place, findings: Findings) -> Value | None:
    tickers = block.get("tickers")
    if not isinstance(tickers, list) or not tickers:
        findings.add(place, cc.MALFORMED, "'tickers' is no list of tickers.")
        return None
    findings.add(place, cc.EACH_TICKER)
    found = [
        _binary(block, place.at(f"tickers[{i}]"), findings, ticker)
        for i, ticker in enumerate(tickers)
    ]
    return _joined(block.get("operator"), found, place, findings)


def _joined(
    operator: Any, parts: list[Value | None], place: Place, findings: Findings
) -> Value | None:
    if operator not in ("any", "all"):
        findings.add(place, cc.UNKNOWN_CONDITION, f"The operator is {shown(operator)}.")
        return None
    return parts[0] if len(parts) == 1 else joined(parts, any_of=operator == "any")


def _binary(
    block: Mapping[str, Any], place: Place, findings: Findings, ticker: Any
) -> Value | None:
    left = _side(block.get("lhs"), place.at("lhs"), findings, ticker)
    right = _side(block.get("rhs"), place.at("rhs"), findings, ticker)
    return _compared(left, block.get("comparator"), right, place, findings)


def _side(
    side: Any, place: Place, findings: Findings, ticker: Any
) -> IndicatorOperand | float | None:
    if not isinstance(side, Mapping):
        findings.add(place, cc.MALFORMED, f"It is {shown(side)}.")
        return None
    note_unknown_of_condition(side, _SIDE, cc.UNKNOWN_CONDITION_FIELD, place, findings)
    if "constant" in side:
        return _number(side["constant"], place, findings)
    subject = side.get("ticker")
    if subject == _EACH and ticker is not None:
        subject = ticker
    return _measured(side.get("fn"), side.get("params", {}), subject, place, findings)


# -- flat fields ---------------------------------------------------------------------------------


def _flat(branch: Mapping[str, Any], place: Place, findings: Findings) -> Value | None:
    left = _flat_measured(branch, "lhs", place, findings)
    right = _flat_right(branch, place, findings)
    return _compared(left, branch.get("comparator"), right, place, findings)


def _flat_right(
    branch: Mapping[str, Any], place: Place, findings: Findings
) -> IndicatorOperand | float | None:
    fixed, value = branch.get("rhs-fixed-value?"), branch.get("rhs-val")
    if fixed is True or (fixed is None and "rhs-fn" not in branch):
        return _number(value, place.at("rhs-val"), findings)
    if fixed not in (None, False):
        findings.add(place.at("rhs-fixed-value?"), cc.MALFORMED, f"It is {shown(fixed)}.")
        return None
    return _flat_measured(branch, "rhs", place, findings)


def _flat_measured(
    branch: Mapping[str, Any], side: str, place: Place, findings: Findings
) -> IndicatorOperand | None:
    params = parameters_of(branch, f"{side}-fn-params", f"{side}-window-days", place, findings)
    if params is None:
        return None
    at = place.at(f"{side}-fn")
    return _measured(branch.get(f"{side}-fn"), params, branch.get(f"{side}-val"), at, findings)


def parameters_of(
    source: Mapping[str, Any], key: str, window_key: str, place: Place, findings: Findings
) -> Mapping[str, Any] | None:
    """A function's parameters, from ``key`` or the older ``window_key``; both must agree."""
    params, window = source.get(key), source.get(window_key)
    if not isinstance(params, Mapping | None):
        findings.add(place.at(key), cc.MALFORMED, f"It is {shown(params)}.")
        return None
    if window is None:
        return params or {}
    if params and "window" in params and str(params["window"]) != str(window):
        detail = f"{key} says {shown(params['window'])} and {window_key} {shown(window)}."
        findings.add(place, cc.MALFORMED, detail)
        return None
    return params or {"window": window}


# -- both ----------------------------------------------------------------------------------------


def _measured(
    fn: Any, params: Any, ticker: Any, place: Place, findings: Findings
) -> IndicatorOperand | None:
    symbol = symbol_of(ticker, place, findings)
    found = operand(fn, params, symbol, place, findings)
    return found if symbol is not None else None


def _number(value: Any, place: Place, findings: Findings) -> float | None:
    try:
        return number_of(value)
    except BadInput as err:
        findings.add(place, cc.MALFORMED, err.message)
        return None


def _compared(
    left: IndicatorOperand | float | None,
    comparator: Any,
    right: IndicatorOperand | float | None,
    place: Place,
    findings: Findings,
) -> Value | None:
    sign = _SIGNS.get(comparator) if isinstance(comparator, str) else None
    if comparator == "eq":
        findings.add(place, cc.ABOUT_EQUAL)
    elif sign is None:
        findings.add(place, cc.UNKNOWN_CONDITION, f"The comparator is {shown(comparator)}.")
    elif left is not None and right is not None:
        findings.add(place, cc.COMPARISON)
        return Comparison(left=left, op=sign, right=right)
    return None
