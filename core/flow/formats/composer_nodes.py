"""Composer's score as nodes: the tree under ``root``, children before parents."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Literal

from core.errors import BadInput
from core.flow import nodes as ast
from core.flow.formats import composer_constructs as cc
from core.flow.formats.composer_conditions import condition_of, parameters_of
from core.flow.formats.composer_functions import FUNCTIONS, operand
from core.flow.formats.composer_symbols import spelled
from core.flow.formats.names import NOTE, named
from core.flow.formats.report import Findings, Place
from core.flow.formats.scalars import count_of, fraction_of
from core.flow.formats.unfold import Below, Site, fold, shown
from core.indicators.registry import find_indicator

NEAR_ONE = Fraction(1, 1000)
"""How far specified weights may be from 100 % and still be scaled to it."""

_COSMETIC = {
    "id", "step", "weight", "children", "collapsed?", "collapsed-specified-weight?",
    "collapsed_specified_weight", "suppress-incomplete-warnings?", "suppress_incomplete_warnings",
    "sort-by?", "select?", "name", "window-days",
}  # fmt: skip
_CONDITION = {
    "is-else-condition?", "condition", "comparator", "rhs-fixed-value?",
    "lhs-fn", "lhs-fn-params", "lhs-window-days", "lhs-val",
    "rhs-fn", "rhs-fn-params", "rhs-window-days", "rhs-val",
}  # fmt: skip
_OWN: dict[str, set[str]] = {
    "root": {
        "description", "rebalance", "rebalance-corridor-width", "asset_class", "asset_classes",
        "score_version",
    },
    "if-child": _CONDITION,
    "filter": {
        "sort-by-fn", "sort-by-fn-params", "sort-by-window-days", "select-fn", "select-n",
    },
    "asset": {"ticker", "exchange", "price", "dollar_volume", "has_marketcap", "children-count"},
}  # fmt: skip


def nodes_of(root: dict[str, Any], place: Place, findings: Findings, name: str) -> ast.Node:
    """The flow's root; what is not supported is in ``findings`` and stands as cash."""
    return fold(root, place, _below, _build, findings, name)


# -- the tree ------------------------------------------------------------------------------------


def _children(source: dict[str, Any]) -> list[Any]:
    found = source.get("children")
    return found if isinstance(found, list) else []


def _branches(source: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """An if's true branch, then the other: key in the flow, key in the source, branch."""
    found = _children(source)
    if len(found) != 2 or not all(isinstance(b, dict) for b in found):
        return []
    otherwise = [b.get("is-else-condition?") is True for b in found]
    if sorted(otherwise) != [False, True]:
        return []
    keys = [f"children[{i}]" for i in range(2)]
    pairs = sorted(zip(otherwise, keys, found, strict=True), key=lambda pair: pair[0])
    return [("else" if is_else else "then", key, branch) for is_else, key, branch in pairs]


def _below(source: dict[str, Any]) -> list[Below]:
    step = source.get("step")
    if step in ("asset", "empty"):
        return []  # an asset may have left-over children
    if step == "if":
        return [
            Below(f"{key}.{child.key}", child.node_key, child.source)
            for side, key, branch in _branches(source)
            for child in _one_or_several(branch, side)
        ]
    if step == "root":
        return _one_or_several(source, "")
    if step == "group":
        return _one_or_several(source, "child")
    part = "items" if step == "filter" else "children"
    return [Below(f"children[{i}]", f"{part}[{i}]", c) for i, c in enumerate(_children(source))]


def _one_or_several(source: dict[str, Any], node_key: str) -> list[Below]:
    found = _children(source)
    if len(found) == 1:
        return [Below("children[0]", node_key, found[0])]
    inside = f"{node_key}.children" if node_key else "children"
    return [Below(f"children[{i}]", f"{inside}[{i}]", child) for i, child in enumerate(found)]


def _note_unknown_fields(site: Site) -> None:
    step = site.source.get("step")
    known = _COSMETIC | _OWN.get(step, set()) if isinstance(step, str) else _COSMETIC
    unknown = [(key, key) for key in site.source.keys() - known]
    if step == "if":
        for _, at, branch in _branches(site.source):
            extra = branch.keys() - _COSMETIC - _CONDITION
            unknown += [(f"{at}.{key}", key) for key in extra]
    for at, key in sorted(unknown):
        site.found(cc.UNKNOWN_FIELD, f"The field is {shown(key)}.", at=at)


# -- nodes ---------------------------------------------------------------------------------------


def _build(site: Site) -> ast.Node:
    """The node for one step; cash where there is none, and then the findings say why."""
    _note_unknown_fields(site)
    step = site.source.get("step")
    build = _BUILDERS.get(step) if isinstance(step, str) else None
    if step == "wt-marketcap":
        site.found(cc.MARKET_CAP)
    elif build is None:
        site.found(cc.UNKNOWN_STEP, f"It is {shown(step)}.")
    elif not site.below and step not in ("asset", "if"):
        site.found(cc.EMPTY)
        return ast.Group(**_named(site), child=ast.Cash()) if step == "group" else ast.Cash()
    else:
        return build(site)
    return ast.Cash()


def _root(site: Site) -> ast.Node:
    site.found(cc.ROOT)
    return _only(site)


def _group(site: Site) -> ast.Node:
    site.found(cc.GROUP)
    return ast.Group(**_named(site), child=_only(site))


def _named(site: Site) -> dict[str, Any]:
    name, note = named(site.source.get("name"), site.place, site.findings)
    return {"name": name, "note": note}


def _only(site: Site) -> ast.Node:
    if len(site.below) == 1:
        return site.below[0]
    site.found(cc.SEVERAL_CHILDREN)
    return ast.Weight(children=site.below)


def _asset(site: Site) -> ast.Node:
    ticker, title = site.source.get("ticker"), site.source.get("name")
    symbol, construct = spelled(ticker)
    site.found(construct or cc.ASSET, f"The ticker is {shown(ticker)}." if construct else "")
    if symbol is None:
        return ast.Cash()
    # The long name is no title: it would hide the symbol.
    return ast.Asset(symbol=symbol, note=str(title)[:NOTE] if title else None)


def _equal(site: Site) -> ast.Node:
    site.found(cc.EQUAL)
    return ast.Weight(children=site.below)


def _specified(site: Site) -> ast.Node:
    try:
        shares = _shares(site)
    except BadInput as err:
        site.found(cc.MALFORMED, str(err))
        return ast.Cash()
    total = sum(shares, Fraction())
    if abs(total - 1) > NEAR_ONE or min(shares) < 0:
        site.found(cc.UNBALANCED, f"They sum to {float(100 * total):.6g} %.")
        return ast.Cash()
    if total == 1:
        site.found(cc.SPECIFIED)
    else:
        site.found(cc.NORMALISED, f"They sum to {float(100 * total):.10g} %.")
    weights = tuple(_plain(share / total) for share in shares)
    return ast.Weight(scheme="specified", children=site.below, weights=weights)


def _shares(site: Site) -> list[Fraction]:
    given = getattr(site.source, "shares", None)
    if given is not None:
        return [fraction_of(share, "weight") for share in given]
    shares = []
    for part in site.parts:
        weight, at = part.source.get("weight"), f"{part.place.path}.weight"
        if not isinstance(weight, dict):
            raise BadInput(at, f"it is {shown(weight)}.")
        den = fraction_of(weight.get("den"), f"{at}.den")
        if not den:
            raise BadInput(f"{at}.den", "it is 0.")
        shares.append(fraction_of(weight.get("num"), f"{at}.num") / den)
    return shares


def _plain(share: Fraction) -> float | int:
    return int(share) if share.denominator == 1 else float(share)


def _inverse_volatility(site: Site) -> ast.Node:
    try:
        window = count_of(site.source.get("window-days"), "window-days")
        find_indicator("std_return", "window-days").bind({"window": window}, "window-days")
    except BadInput as err:
        site.found(cc.MALFORMED, str(err))
        return ast.Cash()
    assets = _all_assets(site)
    site.found(cc.INVERSE_VOLATILITY if assets else cc.INVERSE_VOLATILITY_OF_FLOWS)
    return ast.Weight(scheme="inverse_volatility", children=site.below, window=window)


def _if(site: Site) -> ast.Node:
    sides = _branches(site.source)
    if not sides:
        detail = "An if needs one branch with a condition and one that is the else."
        site.found(cc.MALFORMED, detail)
        return ast.Cash()
    site.found(cc.IF)
    (_, key, then), (_, else_key, _) = sides
    when = condition_of(then, site.place.at(key), site.findings)
    split = len(_children(then))
    chosen = _side(site, site.below[:split], key)
    other = _side(site, site.below[split:], else_key)
    if when is None:
        return ast.Cash()
    return ast.Gate.model_validate({"when": when, "then": chosen, "else": other})


def _side(site: Site, below: tuple[ast.Node, ...], key: str) -> ast.Node:
    """What stands in a branch: several nodes share equally."""
    if not below:
        site.found(cc.EMPTY, at=key)
        return ast.Cash()
    return below[0] if len(below) == 1 else ast.Weight(children=below)


def _filter(site: Site) -> ast.Node:
    source, items = site.source, len(site.below)
    try:
        take = count_of(source.get("select-n"), "select-n")
        if take < 1 or source.get("select-fn") not in ("top", "bottom"):
            raise BadInput("select-fn", f"{shown(source.get('select-fn'))} {take} selects nothing.")
    except BadInput as err:
        site.found(cc.MALFORMED, str(err))
        return ast.Cash()
    by = _sorted_by(site)
    if take > items:
        site.found(cc.FILTER_TAKES_ALL, f"It selects {take} of {items}.")
    if by is None:
        return ast.Cash()
    order: Literal["asc", "desc"] = "desc" if source["select-fn"] == "top" else "asc"
    return ast.Sort(items=site.below, by=(by,), order=order, take=min(take, items))


def _sorted_by(site: Site) -> ast.IndicatorOperand | None:
    fn, assets = site.source.get("sort-by-fn"), _all_assets(site)
    site.found(cc.FILTER if assets else cc.FILTER_OF_FLOWS)
    if not assets and isinstance(fn, str) and fn in FUNCTIONS and FUNCTIONS[fn].of_price:
        site.found(cc.FILTER_BY_PRICE_OF_FLOWS, f"The function is {fn}.")
    params = parameters_of(
        site.source, "sort-by-fn-params", "sort-by-window-days", site.place, site.findings
    )
    if params is None:
        return None
    return operand(fn, params, None, site.place.at("sort-by-fn"), site.findings)


def _all_assets(site: Site) -> bool:
    return all(part.source.get("step") == "asset" for part in site.parts)


_BUILDERS: dict[str, Callable[[Site], ast.Node]] = {
    "root": _root,
    "group": _group,
    "asset": _asset,
    "if": _if,
    "filter": _filter,
    "wt-cash-equal": _equal,
    "wt-cash-specified": _specified,
    "wt-inverse-vol": _inverse_volatility,
    "empty": _equal,  # it has no children, and is noted for that
}
