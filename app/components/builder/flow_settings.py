"""Fields of the flow itself: name, rules of trading, variables."""

from __future__ import annotations

import streamlit as st

from app.components.builder.fields import Fields
from app.components.plain import plain
from core.errors import BadInput
from core.flow.draft.operations import REMOVED
from core.flow.draft.variables import declare, forget, rename_variable, uses, variables
from core.flow.variables import parse_value

EVERY = {
    "daily": "Daily",
    "weekly": "Weekly",
    "monthly": "Monthly",
    "quarterly": "Quarterly",
    "yearly": "Yearly",
}
PRICES = {"adjusted": "Splits and dividends", "split_adjusted": "Splits only"}


def flow_fields(fields: Fields) -> None:
    """The settings of the whole strategy."""
    st.markdown(":material/water_lux: **Strategy**")
    fields.text(st, "Name", ("name",), "What it is called in the library.")
    fields.text(st, "Description", ("description",), "What it is for.", tall=True)
    one, two = st.columns(2)
    _rebalance(fields, one, two)
    _benchmark(fields, one)
    fields.choice(
        two, "Signals adjusted for", ("signal_prices",), PRICES, "adjusted",
        "Which prices indicators are computed on.",
    )  # fmt: skip
    _cost(fields, one, "Slippage (bps)", "slippage_bps")
    _cost(fields, two, "Commission (bps)", "commission_bps")
    _variables(fields)


def _rebalance(fields: Fields, one: object, two: object) -> None:
    rule = fields.get(("rebalance",), "daily")
    every = rule.get("every", "daily") if isinstance(rule, dict) else rule
    threshold = rule.get("threshold") if isinstance(rule, dict) else None

    def write(every: str, threshold: float | None) -> None:
        both = {"every": every, "threshold": threshold}
        fields.write({("rebalance",): every if threshold is None else both}, "edit rebalancing")

    options = EVERY if every in EVERY else {**EVERY, every: str(every)}
    fields.pick(
        one, "Rebalance", ("rebalance",), options, every, lambda chosen: write(chosen, threshold),
        "On the first session of each period.",
    )  # fmt: skip
    key, epoch = fields.key(("rebalance",), "drift"), fields.editing.epoch
    shown = 100.0 * threshold if isinstance(threshold, int | float) else 0.0

    def changed() -> None:
        percent = st.session_state.get(key)
        if epoch == fields.editing.epoch and percent is not None and percent != shown:
            write(every, round(percent / 100, 8) or None)

    two.number_input(  # type: ignore[attr-defined]
        "Only past a drift of (%)", 0.0, 99.0, shown, 1.0, key=key, on_change=changed,
        help="Trade only when a weight is further than this from its target; 0 is always.",
    )  # fmt: skip


def _benchmark(fields: Fields, place: object) -> None:
    value = fields.get(("benchmark",))
    shown = value.get("strategy", "") if isinstance(value, dict) else str(value or "")
    shown = f"strategy {shown}" if isinstance(value, dict) else shown
    key, epoch = fields.key(("benchmark",)), fields.editing.epoch

    def changed() -> None:
        raw = st.session_state.get(key)
        if epoch != fields.editing.epoch or raw in (None, shown):
            return
        text = raw.strip()
        new: object = text if text.startswith("$") else text.upper()
        if text.lower().startswith("strategy "):
            new = {"strategy": text[len("strategy ") :].strip()}
        if isinstance(new, str) and new != text:
            fields.renew(("benchmark",))
        fields.write({("benchmark",): new or REMOVED}, "edit benchmark")

    place.text_input(  # type: ignore[attr-defined]
        "Benchmark", shown, key=key, on_change=changed, placeholder="none",
        help="A symbol, a variable, or 'strategy' and the short name of one in the library.",
    )  # fmt: skip


def _cost(fields: Fields, place: object, label: str, name: str) -> None:
    path = ("costs", name)
    shown = fields.get(path, 0)
    shown = float(shown) if isinstance(shown, int | float) else 0.0
    key, epoch = fields.key(path), fields.editing.epoch

    def changed() -> None:
        value = st.session_state.get(key)
        if epoch != fields.editing.epoch or value is None or value == shown:
            return
        costs = {**(fields.get(("costs",)) or {}), name: value}
        fields.write({("costs",): costs}, f"edit {label.lower()}")

    place.number_input(  # type: ignore[attr-defined]
        label, 0.0, 1000.0, shown, 1.0, key=key, on_change=changed,
        help="Basis points of traded notional.",
    )  # fmt: skip


# -- variables -----------------------------------------------------------------------------------


def _variables(fields: Fields) -> None:
    st.markdown("**Variables**", help="Write \\$name in any field to use one; sweeps vary them.")
    used = uses(fields.draft)
    for name, value in variables(fields.draft).items():
        one, two, three = st.columns([3, 3, 1], vertical_alignment="bottom")
        _variable_name(fields, one, name, len(used.get(name, ())))
        _variable_value(fields, two, name, value)
        fields.button(
            three, "", "delete", ("variables", name),
            lambda name=name: fields.editing.edit(  # type: ignore[misc]
                forget(fields.draft, name), None, f"delete variable {name}"
            ),
            f"Delete {plain(name)}.",
        )  # fmt: skip
    undeclared = sorted(set(used) - set(variables(fields.draft)))
    for name in undeclared:
        fields.button(
            st, f"Declare \\${plain(name)}", "add", ("variables", name),
            lambda name=name: _declare(fields, name, 1),  # type: ignore[misc]
            "It is used and has no value yet.",
        )  # fmt: skip
    fields.button(
        st, "Add variable", "add", ("variables",),
        lambda: _declare(fields, _new_name(fields), 1), "A number or symbol with a name.",
    )  # fmt: skip


def _new_name(fields: Fields) -> str:
    known, number = variables(fields.draft), 1
    while f"variable_{number}" in known:
        number += 1
    return f"variable_{number}"


def _declare(fields: Fields, name: str, value: int) -> None:
    fields.editing.edit(declare(fields.draft, name, value), None, f"add variable {name}")


def _variable_name(fields: Fields, place: object, name: str, many: int) -> None:
    key, epoch = fields.key(("variables", name), "name"), fields.editing.epoch

    def changed() -> None:
        new = (st.session_state.get(key) or "").strip().removeprefix("$")
        if epoch != fields.editing.epoch or new in ("", name):
            return
        try:
            draft = rename_variable(fields.draft, name, new)
        except BadInput as err:
            fields.editing.say(f"{err.message} {err.fix}".strip(), "block")
            return
        fields.editing.edit(draft, None, f"rename variable {name}")

    place.text_input(  # type: ignore[attr-defined]
        "Name of variable", name, key=key, on_change=changed, label_visibility="collapsed",
        help=f"Used by {many} block{'' if many == 1 else 's'}; renaming it renames its uses.",
    )  # fmt: skip


def _variable_value(fields: Fields, place: object, name: str, value: object) -> None:
    key, epoch, shown = fields.key(("variables", name)), fields.editing.epoch, str(value)

    def changed() -> None:
        text = (st.session_state.get(key) or "").strip()
        if epoch == fields.editing.epoch and text not in ("", shown):
            fields.write({("variables", name): parse_value(text)}, f"edit {name}")

    place.text_input(  # type: ignore[attr-defined]
        f"Value of {plain(name)}", shown, key=key, on_change=changed,
        label_visibility="collapsed", help="Its value unless a backtest or sweep gives another.",
    )  # fmt: skip
