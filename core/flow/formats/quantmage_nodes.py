"""QuantMage's incantations as nodes, children before parents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from core.errors import BadInput
from core.flow import nodes as ast
from core.flow.formats import quantmage_constructs as qc
from core.flow.formats.foreign import note_unknown
from core.flow.formats.names import NOTE, named
from core.flow.formats.quantmage_conditions import condition_of
from core.flow.formats.quantmage_indicators import FUNCTIONS, operand, symbol_of
from core.flow.formats.report import Construct, Findings, Place
from core.flow.formats.scalars import count_of, fraction_of, number_of
from core.flow.formats.unfold import Below, Site, fold, shown
from core.indicators.registry import find_indicator

_ONE: dict[str, tuple[tuple[str, str], ...]] = {  # child by field, and its key in the flow
    "IfElse": (("then_incantation", "then"), ("else_incantation", "else")),
    "EnterExit": (("enter_incantation", "then"), ("exit_incantation", "else")),
    "Mixed": (("from_incantation", "children[0]"), ("to_incantation", "children[1]")),
}
_FIELDS: dict[str, set[str]] = {
    "Ticker": {"symbol"},
    "Weighted": {"type", "weights", "inverse_volatility_window", "incantations"},
    "Filtered": {
        "sort_indicator", "count", "bottom", "weight_type", "weights", "inverse_volatility_window",
        "incantations",
    },
    "IfElse": {
        "condition", "then_incantation", "else_incantation", "then_comment", "else_comment",
    },
    "Switch": {"conditions", "incantations", "comments"},
    "EnterExit": {
        "enter_condition", "exit_condition", "enter_incantation", "exit_incantation",
        "enter_comment", "exit_comment",
    },
    "Mixed": {
        "indicator", "ticker_symbol", "from_value", "to_value", "from_incantation",
        "to_incantation", "from_comment", "to_comment",
    },
}  # fmt: skip
_EMPTY: dict[str, Any] = {"incantation_type": None}
"""Stands for a branch that was left empty."""


def nodes_of(root: Any, place: Place, findings: Findings, name: str) -> ast.Node:
    """The flow's root; what is not supported is in ``findings`` and stands as cash."""
    top = _EMPTY if root is None else root
    return fold(top, place, _below, _build, findings, name)


def _below(source: dict[str, Any]) -> list[Below]:
    kind = source.get("incantation_type")
    if isinstance(kind, str) and kind in _ONE:
        found = [Below(key, node_key, source.get(key)) for key, node_key in _ONE[kind]]
    elif isinstance(kind, str) and kind in ("Weighted", "Filtered", "Switch"):
        found = _listed(kind, source.get("incantations"))
    else:
        found = []
    return [b._replace(source=_EMPTY) if b.source is None else b for b in found]


def _listed(kind: str, parts: Any) -> list[Below]:
    if not isinstance(parts, list):
        return []
    if kind != "Switch":
        key = "items" if kind == "Filtered" else "children"
        return [Below(f"incantations[{i}]", f"{key}[{i}]", p) for i, p in enumerate(parts)]
    # The first incantation is for all conditions being true, the first case for none.
    last = len(parts) - 1
    return [Below(f"incantations[{i}]", f"cases[{last - i}]", p) for i, p in enumerate(parts)]


# -- nodes ---------------------------------------------------------------------------------------


def _build(site: Site) -> ast.Node:
    """The node for one incantation; cash where there is none, and then the findings say why."""
    if site.source is _EMPTY:
        site.found(qc.EMPTY)
        return ast.Cash()
    kind = site.source.get("incantation_type")
    if not isinstance(kind, str) or kind not in _BUILDERS:
        site.found(qc.UNKNOWN_INCANTATION, f"It is {shown(kind)}.")
        return ast.Cash()
    unknown = site.source.keys() - _FIELDS[kind] - {"incantation_type", "name"}
    note_unknown(unknown, site.place, site.findings)
    try:
        node = _BUILDERS[kind](site)
    except BadInput as err:
        site.found(qc.MALFORMED, str(err))
        return ast.Cash()
    name, full = named(site.source.get("name"), site.place, site.findings)
    note = "\n".join(text for text in (full, node.note) if text)[:NOTE] or None
    return node.model_copy(update={"name": name, "note": note})


def _ticker(site: Site) -> ast.Node:
    symbol = symbol_of(site.source.get("symbol"), site.place, site.findings)
    if symbol is None:
        return ast.Cash()
    site.found(qc.TICKER)
    return ast.Asset(symbol=symbol)


def _weighted(site: Site) -> ast.Node:
    kind = site.source.get("type")
    if not site.below:
        raise BadInput("incantations", "it has none.")
    if kind == "Equal":
        site.found(qc.EQUAL)
        return ast.Weight(children=site.below)
    if kind == "Custom":
        weights = _percents(site, len(site.below), qc.CUSTOM)
        return ast.Weight(scheme="specified", children=site.below, weights=weights)
    if kind != "InverseVolatility":
        raise BadInput("type", f"{shown(kind)} is not Equal, Custom or InverseVolatility.")
    window, tickers = _volatility_window(site.source), _all_tickers(site)
    site.found(qc.INVERSE_VOLATILITY if tickers else qc.INVERSE_VOLATILITY_OF_FLOWS)
    return ast.Weight(scheme="inverse_volatility", children=site.below, window=window)


def _percents(site: Site, expected: int, construct: Construct) -> tuple[float, ...]:
    given = site.source.get("weights")
    if not isinstance(given, list) or len(given) != expected:
        raise BadInput("weights", f"expected {expected}, found {shown(given)}.")
    percents = [fraction_of(weight, "weights") for weight in given]
    if sum(percents) == 100 and min(percents) >= 0:
        site.found(construct)
    else:
        site.found(qc.UNBALANCED, f"They sum to {float(sum(percents)):g}.")
    return tuple(float(percent / 100) for percent in percents)


def _volatility_window(source: Mapping[str, Any]) -> int:
    window = count_of(source.get("inverse_volatility_window"), "inverse_volatility_window")
    find_indicator("std_return", "window").bind({"window": window}, "inverse_volatility_window")
    return window


def _filtered(site: Site) -> ast.Node:
    source, items = site.source, len(site.below)
    count, bottom = count_of(source.get("count"), "count"), source.get("bottom")
    if not items or count < 1 or not isinstance(bottom, bool):
        raise BadInput("count", f"count {count}, bottom {shown(bottom)} of {items} items.")
    if any(part.source is _EMPTY for part in site.parts):
        raise BadInput("incantations", "an item is empty and cannot be ranked.")
    take = min(count, items)
    allocation = _allocation(site, take)
    if count > items:
        site.found(qc.FILTERED_TAKES_ALL, f"It keeps {count} of {items}.")
    by = _sorted_by(site)
    if by is None:
        return ast.Cash()
    order: Literal["asc", "desc"] = "asc" if bottom else "desc"
    return ast.Sort(items=site.below, by=(by,), order=order, take=take, **allocation)


def _sorted_by(site: Site) -> ast.IndicatorOperand | None:
    key, at = site.source.get("sort_indicator"), site.place.at("sort_indicator")
    by = operand(key, None, at, site.findings, ranked=True)
    if by is not None and not _all_tickers(site):
        site.found(qc.FILTERED_OF_FLOWS)
        if FUNCTIONS[site.source["sort_indicator"]["type"]].of_price:
            site.found(qc.FILTERED_BY_PRICE_OF_FLOWS, at="sort_indicator")
    return by


def _allocation(site: Site, take: int) -> dict[str, Any]:
    kind = site.source.get("weight_type")
    if kind == "Equal":
        site.found(qc.FILTERED)
        return {}
    if kind == "Custom":
        weights = _percents(site, take, qc.FILTERED_CUSTOM)
        return {"allocation": "specified", "weights": weights}
    if kind == "InverseVolatility":
        window = _volatility_window(site.source)
        site.found(qc.FILTERED_INVERSE_VOLATILITY)
        return {"allocation": "inverse_volatility", "window": window}
    raise BadInput("weight_type", f"{shown(kind)} is not Equal, Custom or InverseVolatility.")


def _if_else(site: Site) -> ast.Node:
    site.found(qc.IF_ELSE)
    when = _condition(site, "condition")
    if when is None:
        return ast.Cash()
    labels = (("Then", "then_comment"), ("Else", "else_comment"))
    note = _comments((label, site.source.get(key)) for label, key in labels)
    then, otherwise = site.below
    return ast.Gate.model_validate({"when": when, "then": then, "else": otherwise, "note": note})


def _switch(site: Site) -> ast.Node:
    conditions = site.source.get("conditions")
    if not isinstance(conditions, list) or not conditions:
        raise BadInput("conditions", f"expected a list of conditions, found {shown(conditions)}.")
    if len(site.below) != len(conditions) + 1:
        raise BadInput("incantations", f"{len(site.below)} for {len(conditions)} conditions.")
    site.found(qc.SWITCH)
    found = [_condition(site, f"conditions[{i}]", c) for i, c in enumerate(conditions)]
    cases: list[ast.Node] = []
    for part, node in zip(reversed(site.parts), reversed(site.below), strict=True):
        if part.source is not _EMPTY:
            cases.append(node)
        elif cases:  # the next lower case once more
            site.findings.add(part.place, qc.SWITCH_GAP)
            cases.append(cases[-1])
        else:
            site.findings.add(part.place, qc.SWITCH_BASE)
            return ast.Cash()
    known = tuple(c for c in found if c is not None)
    if len(known) < len(found):
        return ast.Cash()
    comments = site.source.get("comments")
    texts = comments if isinstance(comments, list) else []
    note = _comments((f"{len(known) - i} true", text) for i, text in enumerate(texts))
    return ast.Switch(conditions=known, cases=tuple(cases), note=note)


def _enter_exit(site: Site) -> ast.Node:
    site.found(qc.ENTER_EXIT)
    enter, leave = _condition(site, "enter_condition"), _condition(site, "exit_condition")
    if enter is None or leave is None:
        return ast.Cash()
    then, otherwise = site.below
    fields = {"enter": enter, "exit": leave, "then": then, "else": otherwise}
    return ast.Latch.model_validate(fields)


def _mixed(site: Site) -> ast.Node:
    source, place = site.source, site.place
    site.found(qc.MIXED)
    symbol = symbol_of(source.get("ticker_symbol"), place.at("ticker_symbol"), site.findings)
    measured = operand(source.get("indicator"), symbol, place.at("indicator"), site.findings)
    low, high = (number_of(source.get(key), key) for key in ("from_value", "to_value"))
    if low == high:
        raise BadInput("to_value", f"from and to are both {low}.")
    if symbol is None or measured is None:
        return ast.Cash()
    fields = {"indicator": measured, "from": low, "to": high, "children": site.below}
    return ast.Scale.model_validate(fields)


def _condition(site: Site, key: str, source: Any = None) -> ast.Value | None:
    found = site.source.get(key) if source is None else source
    return condition_of(found, site.place.at(key), site.findings)


def _comments(comments: Iterable[tuple[str, Any]]) -> str | None:
    lines = [f"{label}: {text}" for label, text in comments if isinstance(text, str) and text]
    return "\n".join(lines)[:NOTE] or None


def _all_tickers(site: Site) -> bool:
    return all(part.source.get("incantation_type") == "Ticker" for part in site.parts)


_BUILDERS: dict[str, Callable[[Site], ast.Node]] = {
    "Ticker": _ticker,
    "Weighted": _weighted,
    "Filtered": _filtered,
    "IfElse": _if_else,
    "Switch": _switch,
    "EnterExit": _enter_exit,
    "Mixed": _mixed,
}
