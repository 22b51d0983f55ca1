"""QuantMage's spells: version 2 JSON exports.

Nothing falls back to a default: what has no exact counterpart is named in the report.
"""

from __future__ import annotations

from typing import Any

from core.errors import BadInput
from core.flow.formats import quantmage_constructs as qc
from core.flow.formats.foreign import imported, note_unknown, stem, titled
from core.flow.formats.quantmage_indicators import symbol_of
from core.flow.formats.quantmage_nodes import nodes_of
from core.flow.formats.report import Findings, Imported, Place
from core.flow.formats.scalars import fraction_of, number_of
from core.flow.formats.text import json_of, text_of
from core.flow.formats.unfold import shown

_FIELDS = {
    "name", "description", "version", "trading_type", "threshold", "slippage_bps",
    "benchmark_ticker", "benchmark_spell", "incantation",
}  # fmt: skip
_CALENDAR = {
    "Daily": "daily", "Weekly": "weekly", "Monthly": "monthly", "Quarterly": "quarterly",
    "Yearly": "yearly",
}  # fmt: skip


def parse(content: str | bytes, name: str = "spell") -> Imported:
    """The flow in ``content`` and the report on it; ``name`` is what messages call it.

    Raises BadInput for what is no spell at all; a spell with something that is not supported has a
    report and no flow.
    """
    return from_value(json_of(text_of(content, name), name), name)


def from_value(value: Any, name: str) -> Imported:
    """As ``parse``, for JSON that has been read."""
    if not isinstance(value, dict) or "incantation" not in value:
        raise BadInput(
            name, "no spell: expected an object with an 'incantation'.", "Export the whole spell."
        )
    findings, top = Findings(), Place("", None, "")
    if value.get("version", 2) != 2:
        findings.add(top.at("version"), qc.VERSION, f"It is version {shown(value['version'])}.")
    note_unknown(value.keys() - _FIELDS, top, findings)
    fields: dict[str, Any] = {
        "rebalance": _rebalance(value, top, findings), "costs": _costs(value, top, findings),
        "benchmark": _benchmark(value, top, findings),
    }  # fmt: skip
    title, fields["description"] = titled(value, top, findings)
    root = nodes_of(value["incantation"], Place("incantation", None, "root"), findings, name)
    return imported(root, fields, findings, "QuantMage", (title, stem(name), "Spell"))


def _rebalance(value: dict[str, Any], top: Place, findings: Findings) -> Any:
    kind, place = value.get("trading_type"), top.at("trading_type")
    if isinstance(kind, str) and kind in _CALENDAR:
        findings.add(place, qc.DAILY if kind == "Daily" else qc.CALENDAR)
        return _CALENDAR[kind]
    if kind != "Threshold":
        findings.add(place, qc.MALFORMED, f"It is {shown(kind)}.")
        return "daily"  # of a flow that is not made
    try:
        points = fraction_of(value.get("threshold"), "threshold")
        if not 0 < points < 100:
            raise BadInput("threshold", f"{shown(value['threshold'])} is not from 0 to 100.")
    except BadInput as err:
        findings.add(top.at("threshold"), qc.MALFORMED, str(err))
        return "daily"
    findings.add(place, qc.THRESHOLD)
    return {"threshold": float(points / 100)}


def _costs(value: dict[str, Any], top: Place, findings: Findings) -> dict[str, float]:
    if value.get("slippage_bps") is None:
        return {}
    try:
        bps = number_of(value["slippage_bps"], "slippage_bps")
        if not 0 <= bps <= 1000:
            raise BadInput("slippage_bps", f"{bps} is not from 0 to 1000.")
    except BadInput as err:
        findings.add(top.at("slippage_bps"), qc.MALFORMED, str(err))
        return {}
    findings.add(top.at("slippage_bps"), qc.SLIPPAGE)
    return {"slippage_bps": bps}


def _benchmark(value: dict[str, Any], top: Place, findings: Findings) -> str | None:
    if value.get("benchmark_spell"):
        findings.add(top.at("benchmark_spell"), qc.BENCHMARK_SPELL)
    if not value.get("benchmark_ticker"):
        return None
    findings.add(top.at("benchmark_ticker"), qc.BENCHMARK)
    return symbol_of(value["benchmark_ticker"], top.at("benchmark_ticker"), findings)
