"""Fields of an operand: a number, or an indicator of a symbol or of a flow."""

from __future__ import annotations

from typing import Any

from app.components.builder.fields import Fields, Place
from core.flow.draft.blocks import Path, Ref
from core.flow.draft.operations import REMOVED
from core.flow.draft.variables import variables
from core.flow.words import MISSING
from core.indicators import registered
from core.indicators.registry import Indicator

NUMBER = "number"
_COMMON = ("symbol", "of", "days_ago", "times", "plus")


def operand_fields(fields: Fields, place: Place, label: str, path: Path) -> None:
    """An operand of a comparison: which it is, then what it takes."""
    value = fields.get(path)
    options = {NUMBER: "Number", **_names(fields)}
    chosen = value.get("indicator") if isinstance(value, dict) else NUMBER
    if chosen not in options:
        options[chosen] = str(chosen or MISSING)

    def take(kind: str) -> None:
        new = 0 if kind == NUMBER else measuring(kind, value)
        fields.write({path: new}, f"edit {label.lower()}")

    fields.pick(place, label, path, options, chosen, take, "A number, or an indicator of a symbol.")
    if isinstance(value, dict):
        indicator_details(fields, place, path)
    else:
        fields.number(place, "Number", path, REMOVED, "What to compare with.")


def indicator_fields(
    fields: Fields, place: Place, label: str, path: Path, *, item: bool = False
) -> None:
    """An indicator where no number can stand; with ``item`` it measures what a sort ranks."""
    value = fields.get(path)
    value = value if isinstance(value, dict) else {}
    options = _names(fields)
    chosen = value.get("indicator")
    if chosen not in options:
        options = {chosen: str(chosen or MISSING), **options}

    def take(kind: str) -> None:
        fields.write({path: measuring(kind, value, item=item)}, f"edit {label.lower()}")

    fields.pick(place, label, path, options, chosen, take, "What is measured.")
    indicator_details(fields, place, path, item=item)


def measuring(kind: str, before: Any, *, item: bool = False) -> dict[str, Any]:
    """An operand for that indicator which keeps what still applies of the one before."""
    old = before if isinstance(before, dict) else {}
    known = registered().get(kind)
    kept = {key: old[key] for key in _COMMON if key in old}
    if not item and not kept.keys() & {"symbol", "of"}:
        kept["symbol"] = "SPY"
    if known is None:  # a variable stands for its name: its parameters are not known
        return {"indicator": kind, **{k: v for k, v in old.items() if k != "indicator"}, **kept}
    if known.pair:
        kept["other"] = old.get("other", "QQQ")
    numbers = {p.name: old.get(p.name, p.default) for p in known.parameters}
    return {"indicator": kind, **numbers, **kept}


def indicator_details(fields: Fields, place: Place, path: Path, *, item: bool = False) -> None:
    """Whose it is, its parameters, and what is done to the number."""
    value = fields.get(path)
    if not isinstance(value, dict):
        return
    known = registered().get(str(value.get("indicator")))
    if known is not None:
        place.caption(f"{known.meaning} Unit: {known.unit}.")
    columns = place.columns(2)
    drawn = 0
    subject = _subject(value, item)
    if subject == "symbol":
        fields.symbol(columns[0], "Symbol", (*path, "symbol"), "Whose prices are measured.")
        drawn = 1
    if known is not None and known.pair:
        fields.symbol(columns[drawn % 2], "With", (*path, "other"), "The second symbol.")
        drawn += 1
    for name, default, meaning in _parameters(value, known):
        label = name.replace("_", " ").capitalize()
        fields.number(columns[drawn % 2], label, (*path, name), default, meaning)
        drawn += 1
    _more(fields, place, path, value, subject, item)


def _more(
    fields: Fields, place: Place, path: Path, value: dict[str, Any], subject: str, item: bool
) -> None:
    """What is rarely needed, folded unless it is used."""
    used = subject == "flow" or any(value.get(key) for key in ("days_ago", "plus"))
    used = used or value.get("times", 1) != 1
    more = place.expander("Measured where, shifted, scaled", expanded=used)
    options = {"symbol": "A symbol", "flow": "A flow's own equity"}
    if item:
        options = {"item": "The item being ranked", **options}

    def take(kind: str) -> None:
        kept = {k: v for k, v in value.items() if k not in ("symbol", "of")}
        whose: dict[str, dict[str, Any]] = {
            "symbol": {"symbol": value.get("symbol", "SPY")}, "flow": {"of": None}, "item": {},
        }  # fmt: skip
        fields.write({path: kept | whose[kind]}, "edit what is measured")

    fields.pick(
        more, "Measured of", path, options, subject, take,
        "A symbol's prices, or the equity of blocks put into the outline below this one.",
        what="subject",
    )  # fmt: skip
    if subject == "flow" and not isinstance(value.get("of"), Ref):
        more.caption("Choose the block it measures in the outline.")
    one, two, three = more.columns(3)
    fields.number(one, "Days ago", (*path, "days_ago"), 0, "Its value so many sessions back.")
    fields.number(two, "Times", (*path, "times"), 1, "Multiplied by this.")
    fields.number(three, "Plus", (*path, "plus"), 0, "Then this is added.")


def _subject(value: dict[str, Any], item: bool) -> str:
    if "of" in value:
        return "flow"
    return "item" if item and "symbol" not in value else "symbol"


def _parameters(value: dict[str, Any], known: Indicator | None) -> list[tuple[str, Any, str]]:
    """Name, default and meaning of each parameter; of an unknown indicator those it was given."""
    if known is None:
        given = [k for k in value if k not in (*_COMMON, "indicator")]
        return [(name, REMOVED, "A parameter of the indicator.") for name in given]
    return [
        (p.name, p.default, f"{p.meaning.rstrip('.')}. From {p.low:g} to {p.high:g}.")
        for p in known.parameters
    ]


def _names(fields: Fields) -> dict[Any, str]:
    """Every indicator by label, and the variables that hold an indicator's name."""
    names = {name: known.label for name, known in registered().items()}
    for name, default in variables(fields.draft).items():
        if default in registered():
            names[f"${name}"] = f"${name} (a variable)"
    return names
