"""QuantMage's conditions: a comparison, a month, all or any of some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from core.errors import BadInput
from core.flow.binding import MAX_DAYS
from core.flow.formats import quantmage_constructs as qc
from core.flow.formats.foreign import MAX_NESTING, joined, note_unknown_of_condition
from core.flow.formats.quantmage_indicators import operand, symbol_of
from core.flow.formats.report import Findings, Place
from core.flow.formats.scalars import count_of, number_of
from core.flow.formats.unfold import shown
from core.flow.nodes import Comparison, IndicatorOperand, Month, Value

_NEVER = Comparison(left=0, op=">", right=0)
_FIELDS = {
    "condition_type", "type", "greater_than", "for_days", "lh_indicator", "lh_ticker_symbol",
    "lh_days_ago", "rh_indicator", "rh_ticker_symbol", "rh_days_ago", "rh_value", "rh_value_int",
    "rh_weight", "rh_bias",
}  # fmt: skip


def condition_of(source: Any, place: Place, findings: Findings, depth: int = 0) -> Value | None:
    """The condition; None, and why in ``findings``, if it has no counterpart."""
    if not isinstance(source, Mapping) or depth > MAX_NESTING:
        findings.add(place, qc.MALFORMED, f"The condition is {shown(source)}.")
        return None
    kind = source.get("condition_type")
    if kind in ("AllOf", "AnyOf"):
        return _joined(source, place, findings, depth)
    if kind != "SingleCondition":
        findings.add(place, qc.UNKNOWN_CONDITION, f"The condition is {shown(kind)}.")
        return None
    note_unknown_of_condition(source, _FIELDS, qc.UNKNOWN_CONDITION_FIELD, place, findings)
    try:
        return _single(source, place, findings)
    except BadInput as err:
        findings.add(place, qc.MALFORMED, str(err))
        return None


def _joined(
    source: Mapping[str, Any], place: Place, findings: Findings, depth: int
) -> Value | None:
    parts = source.get("conditions")
    if not isinstance(parts, list) or not parts:
        findings.add(place, qc.MALFORMED, "'conditions' is no list of conditions.")
        return None
    findings.add(place, qc.ALL_OF)
    found = [
        condition_of(part, place.at(f"conditions[{i}]"), findings, depth + 1)
        for i, part in enumerate(parts)
    ]
    return joined(found, any_of=source["condition_type"] == "AnyOf")


def _single(source: Mapping[str, Any], place: Place, findings: Findings) -> Value | None:
    kind, greater = source.get("type"), source.get("greater_than")
    if not isinstance(greater, bool):
        raise BadInput("greater_than", f"it is {shown(greater)}, not true or false.")
    for_days = _days(source.get("for_days", 1), "for_days", 1)
    if kind == "Month":
        return _month(source, greater, for_days, place, findings)
    if kind in ("IndicatorPercentile", "IndicatorStochastic"):
        findings.add(place, qc.PERCENTILE, f"It is {kind}.")
        return None
    if kind not in ("IndicatorAndNumber", "BothIndicators"):
        findings.add(place, qc.UNKNOWN_CONDITION, f"The condition is {shown(kind)}.")
        return None
    left = _side(source, "lh", place, findings)
    right: IndicatorOperand | float | None
    if kind == "BothIndicators":
        right = _right_indicator(source, place, findings)
    else:
        findings.add(place, qc.NUMBER)
        right = number_of(source.get("rh_value"), "rh_value")
    if for_days != 1:
        findings.add(place.at("for_days"), qc.FOR_DAYS)
    if left is None or right is None:
        return None
    op: Literal[">", "<"] = ">" if greater else "<"
    return Comparison(left=left, op=op, right=right, for_days=None if for_days == 1 else for_days)


def _side(
    source: Mapping[str, Any], side: str, place: Place, findings: Findings, **modifiers: Any
) -> IndicatorOperand | None:
    days = _days(source.get(f"{side}_days_ago") or 0, f"{side}_days_ago", 0)
    if days:
        findings.add(place.at(f"{side}_days_ago"), qc.DAYS_AGO)
    at = place.at(f"{side}_indicator")
    symbol = symbol_of(
        source.get(f"{side}_ticker_symbol"), place.at(f"{side}_ticker_symbol"), findings
    )
    found = operand(
        source.get(f"{side}_indicator"), symbol, at, findings, days_ago=days, **modifiers
    )
    return found if symbol is not None else None


def _days(value: Any, field: str, least: int) -> int:
    days = count_of(value, field)
    if not least <= days <= MAX_DAYS:
        raise BadInput(field, f"{days} is not from {least} to {MAX_DAYS:,}.")
    return days


def _right_indicator(
    source: Mapping[str, Any], place: Place, findings: Findings
) -> IndicatorOperand | None:
    times = number_of(source.get("rh_weight", 1), "rh_weight")
    plus = number_of(source.get("rh_bias", 0), "rh_bias")
    neutral = times == 1 and plus == 0
    detail = "" if neutral else f"The weight is {times}, the bias {plus}."
    findings.add(place, qc.BOTH if neutral else qc.SCALED, detail)
    return _side(source, "rh", place, findings, times=times, plus=plus)


def _month(
    source: Mapping[str, Any], greater: bool, for_days: int, place: Place, findings: Findings
) -> Value | None:
    if for_days != 1:
        findings.add(place, qc.MONTH_FOR_DAYS, f"It has for_days {for_days}.")
        return None
    bound = count_of(source.get("rh_value_int"), "rh_value_int")
    findings.add(place, qc.MONTH)
    months = tuple(m for m in range(1, 13) if (m > bound if greater else m < bound))
    return Month(month=months) if months else _NEVER
