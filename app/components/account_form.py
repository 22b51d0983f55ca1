"""Accounts: a paper account with one click, and what an account is allowed."""

from __future__ import annotations

import re
from typing import Any

import streamlit as st

from app.components.plain import plain
from app.components.problems import show_error
from app.components.toasts import say
from app.resources import services
from core.accounts.account import Account, checked_slots
from core.errors import BadInput, SluiceError
from core.risk.limits import Limits, read_limits
from core.trading.open_account import NewAccount, open_account

DEMO_NAME = "Paper"
GROUPS = {
    "Budgets": (
        "orders_per_window", "orders_per_day", "notional_per_window", "notional_per_day",
        "refusals_before_halt", "manual_windows_per_day",
    ),
    "Positions and prices": (
        "position_share", "gross_exposure", "quote_age_seconds", "cost_allowance_bps",
    ),
    "Losses": ("daily_loss", "strategy_drawdown", "strategy_release", "account_drawdown"),
}  # fmt: skip


def add_demo_account() -> None:
    """A paper account on the demo market with one click; the next run says how it went."""
    names = {one.name for one in services().accounts.all(services().user.id)}
    name = next(n for i in range(1, 1000) if (n := DEMO_NAME + (f" {i}" * (i > 1))) not in names)
    try:
        open_account(services(), NewAccount(name=name))
    except SluiceError as err:
        say(plain(str(err)), ":material/error:")
        return
    say(f"{name} is ready: 100,000 USD of paper money.", ":material/check_circle:")


def read_slots(text: str) -> tuple[int, ...]:
    """``15, 10`` as minutes before the close; BadInput for what is none."""
    parts = [part for part in re.split(r"[,;\s]+", text.strip()) if part]
    if not all(re.fullmatch(r"\d{1,4}", part) for part in parts):
        raise BadInput("windows", f"'{text}' is no list of minutes.", "Write for example: 10")
    return checked_slots(tuple(int(part) for part in parts))


def limits_form(account: Account) -> None:
    """Every limit of the account with what it means; saved together, or not at all."""
    with st.form(f"limits_{account.id}", border=True):
        values: dict[str, Any] = {}
        for group, names in GROUPS.items():
            st.markdown(f"**{group}**")
            columns = st.columns(2, gap="medium")
            for i, name in enumerate(names):
                values[name] = _field(columns[i % 2], account, name)
        slots = st.text_input(
            "Windows, minutes before the close", ", ".join(map(str, account.slots)),
            help="One or more, separated by commas; from the next session on.",
        )  # fmt: skip
        if st.form_submit_button("Save limits", type="primary", icon=":material/save:"):
            try:
                limits, minutes = read_limits(values), read_slots(slots)
            except SluiceError as err:
                show_error(err)
                return
            services().accounts.change(account.id, limits=limits, slots=minutes)
            st.toast(f"Limits of {plain(account.name)} are saved.", icon=":material/check_circle:")


def _field(column: Any, account: Account, name: str) -> Any:
    field = Limits.model_fields[name]
    value = getattr(account.limits, name)
    whole = isinstance(value, int)
    words = name.replace("_", " ").capitalize()
    label = words.replace(" seconds", " (seconds)").replace(" bps", " (bps)")
    found = column.number_input(
        label, value=value, step=1 if whole else None, format="%d" if whole else "%g",
        key=f"limit_{account.id}_{name}",
    )  # fmt: skip
    column.caption(f"{field.description} Default {field.default:g}.")
    return found
