"""Composer's symphonies: score JSON, score EDN and defsymphony text, wrapped as they are found.

All three become one tree, the score, which ``composer_nodes`` maps. Nothing falls back to a
default: what has no exact counterpart is named in the report.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from core.errors import BadInput
from core.flow.formats import composer_constructs as cc
from core.flow.formats.composer_nodes import nodes_of
from core.flow.formats.composer_symbols import symbol_of
from core.flow.formats.defsymphony import score_of
from core.flow.formats.edn import Form, read_edn
from core.flow.formats.foreign import imported, note_unknown, stem, titled
from core.flow.formats.report import Findings, Imported, Place
from core.flow.formats.scalars import fraction_of
from core.flow.formats.text import json_of, text_of
from core.flow.formats.unfold import shown

_WRAPPERS = ("symphony", "score", "raw_value")
_BACKTEST = {
    "uid", "capital", "client-commit", "start-date-in-epoch-days", "end-date-in-epoch-days",
    "slippage-percent", "slippage_percent", "symphony-benchmarks", "ticker-benchmarks",
    "apply-reg-fee?", "apply-taf-fee?", "apply-subscription", *_WRAPPERS,
}  # fmt: skip
"""What stands beside the symphony in a request for a backtest; dates and capital are that one's."""


def parse(content: str | bytes, name: str = "symphony") -> Imported:
    """The flow in ``content`` and the report on it; ``name`` is what messages call it.

    Raises BadInput for what is no symphony at all; a symphony with something that is not supported
    has a report and no flow.
    """
    return from_value(value_of(text_of(content, name), name), name)


def value_of(text: str, name: str) -> Any:
    """What is written in ``text``: EDN, JSON, or either inside a JSON string."""
    for _ in range(3):
        start = text.lstrip()[:1]
        if start in ("(", ";") or (start == "{" and text.lstrip()[1:].lstrip()[:1] in (":", ";")):
            return read_edn(text, name)
        value = json_of(text, name)
        if not isinstance(value, str):
            return value
        text = text_of(value, name)
    raise BadInput(name, "a text within a text within a text.", "Export the strategy again.")


def from_value(value: Any, name: str) -> Imported:
    """As ``parse``, for text that ``value_of`` has read."""
    if isinstance(value, Form):
        if not value or value[0] != "defsymphony":
            raise BadInput(name, "expected (defsymphony …).", "Copy the whole definition.")
        return _imported(score_of(value, name), {}, Place("", value.line, ""), name, "defsymphony")
    settings: dict[str, Any] = {}
    path: list[str] = []
    score = value
    while isinstance(score, dict) and "step" not in score:
        if score.get("type") == "node_root":
            findings = Findings()
            findings.add(Place(".".join(path) or "root", None, ""), cc.VERSION_2)
            return Imported(None, findings.report("Composer score, version 2"))
        key = next((key for key in _WRAPPERS if isinstance(score.get(key), dict | str)), None)
        if key is None or len(path) > 3:
            break
        settings |= {k: v for k, v in score.items() if k != key}
        path.append(key)
        score = score[key]
        score = value_of(text_of(score, name), name) if isinstance(score, str) else score
    if not isinstance(score, dict) or score.get("step") != "root":
        what = shown(score.get("step")) if isinstance(score, dict) else shown(score)
        raise BadInput(
            name, f"no symphony: expected a node with step 'root', found {what}.",
            "Export the whole symphony.",
        )  # fmt: skip
    place = Place(".".join(path), getattr(score, "line", None), "")
    kind = "score EDN" if hasattr(value, "line") else "score JSON"
    return _imported(score, settings, place, name, kind)


def _imported(
    score: dict[str, Any], settings: dict[str, Any], place: Place, name: str, kind: str
) -> Imported:
    findings = Findings()
    fields: dict[str, Any] = {"rebalance": _rebalance(score, place, findings)}
    _settings(settings, fields, findings)
    title, fields["description"] = titled(score, place, findings)
    inside = Place(place.path, place.line, "root")
    root = nodes_of(score, inside, findings, name)
    names = (title, stem(name), "Symphony")
    return imported(root, fields, findings, f"Composer {kind}", names)


def _rebalance(score: dict[str, Any], place: Place, findings: Findings) -> Any:
    every, width = score.get("rebalance"), score.get("rebalance-corridor-width")
    at = place.at("rebalance")
    if every in ("daily", "monthly") and isinstance(every, str):
        findings.add(at, cc.DAILY if every == "daily" else cc.MONTHLY)
        return str(every)
    if every in ("weekly", "quarterly", "yearly"):
        findings.add(at, cc.CALENDAR, f"It is {every}.")
        return str(every)
    if every == "none" and width is not None:
        try:
            share = fraction_of(width)
        except BadInput as err:
            findings.add(at, cc.MALFORMED, err.message)
            return "daily"
        if 0 < share < 1:
            findings.add(at, cc.THRESHOLD, f"The width is {float(100 * share):g} points.")
            return {"threshold": float(share)}
        findings.add(at, cc.MALFORMED, f"The width is {shown(width)}.")
    elif every in (None, "none"):
        findings.add(at, cc.NO_REBALANCE)
    else:
        findings.add(at, cc.MALFORMED, f"It is {shown(every)}.")
    return "daily"  # of a flow that is not made


def _settings(settings: dict[str, Any], fields: dict[str, Any], findings: Findings) -> None:
    """What stands around the symphony: costs and benchmark."""
    top = Place("", None, "")
    note_unknown(settings.keys() - _BACKTEST, top, findings)
    slippage = settings.get("slippage-percent", settings.get("slippage_percent"))
    if slippage is not None:
        try:
            bps = float(fraction_of(slippage) * 10_000)
        except BadInput as err:
            findings.add(top.at("slippage-percent"), cc.MALFORMED, err.message)
        else:
            known = cc.SLIPPAGE if 0 <= bps <= 1000 else cc.MALFORMED
            findings.add(top.at("slippage-percent"), known, f"{Fraction(str(bps))!s} basis points.")
            fields["costs"] = {"slippage_bps": bps if 0 <= bps <= 1000 else 0}
    fees = [key for key in ("apply-reg-fee?", "apply-taf-fee?", "apply-subscription")
            if settings.get(key) not in (None, False, "none")]  # fmt: skip
    if fees:
        findings.add(top.at(fees[0]), cc.FEES)
    tickers = settings.get("ticker-benchmarks") or []
    others = settings.get("symphony-benchmarks") or []
    if isinstance(tickers, list) and tickers:
        first = tickers[0].get("id") if isinstance(tickers[0], dict) else tickers[0]
        fields["benchmark"] = symbol_of(first, top.at("ticker-benchmarks"), findings)
        findings.add(top.at("ticker-benchmarks"), cc.BENCHMARK)
    if others or len(tickers) > 1:
        findings.add(top.at("symphony-benchmarks"), cc.OTHER_BENCHMARKS)
