"""The strategies of an account as one table, and what can be done to those chosen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
import streamlit as st

from app import navigation
from app.account_reading import ALL, LIVE, desk_of, next_due, read_overview
from app.components.age import age
from app.components.deployment_dialogs import ask
from app.components.downloads import excel_link, export_link
from app.components.plain import plain
from app.components.toasts import say
from app.resources import services
from app.theme import DEPLOYMENTS
from core.accounts.account import Account
from core.errors import SluiceError
from core.portfolio.deployment import Deployment
from core.portfolio.overview import Overview, Row
from core.trading.deploy import pause, resume

ROW_PIXELS, MOST_ROWS = 35, 14
PERCENT = st.column_config.NumberColumn(format="%.2f%%")
MONEY = st.column_config.NumberColumn(format="accounting")
LABELS = {style.label: style for style in DEPLOYMENTS.values()}


def strategies_table(account: Account) -> None:
    """Filters, the table, the buttons for what is chosen in it, and the exports."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader("Strategies", anchor=False, width="content")
        words = st.text_input(
            "Find", key="dash_find", placeholder="Find a strategy", width=220,
            label_visibility="collapsed", persist_state="session",
        )  # fmt: skip
        stopped = st.toggle("Stopped too", key="dash_stopped", persist_state="session")
    found = read_overview(account, ALL if stopped else LIVE)
    rows = [row for row in found.rows if words.lower() in row.deployment.name.lower()]
    if not found.rows:
        _none_yet()
        return
    if not rows:
        st.info(f"No strategy is called like '{plain(words)}'.", icon=":material/search_off:")
        return
    bar = st.container()
    chosen = _table(account, rows)
    with bar:
        _actions(account, chosen)
    _exports(account, found, rows)


def _none_yet() -> None:
    st.info(
        "No strategy trades here yet. Deploy one: it gets part of the account's cash as its own "
        "capital and trades from the next window on.",
        icon=":material/rocket_launch:",
    )


def _table(account: Account, rows: Sequence[Row]) -> list[Deployment]:
    now = services().clock()
    due = next_due(account, now)
    frame = pd.DataFrame([_line(row, now, due.due_at if due else None) for row in rows])
    # Another set of rows is another table: a tick must not move to a neighbour.
    key = f"dash_table_{hash(tuple(row.deployment.id for row in rows))}"
    picked = st.dataframe(
        frame, hide_index=True, key=key, on_select="rerun", selection_mode="multi-row",
        height=min(len(rows), MOST_ROWS) * ROW_PIXELS + 38, placeholder="–",
        column_config={
            "Strategy": st.column_config.TextColumn(pinned=True, width="medium"),
            "State": st.column_config.MultiselectColumn(
                options=list(LABELS), color=[style.colour for style in LABELS.values()],
                width="small",
            ),
            "Capital": MONEY, "Equity": MONEY,
            "Today": st.column_config.NumberColumn(format="accounting", help="In money."),
            "Today %": PERCENT,
            "Total": st.column_config.NumberColumn(
                format="%.2f%%", help="Time-weighted since its first session."
            ),
            "Drawdown": PERCENT,
            "Sharpe": st.column_config.NumberColumn(
                format="%.2f", help="Per year, of its daily returns."
            ),
            "Growth": st.column_config.LineChartColumn(
                width="small", help="The last sessions.", color="auto"
            ),
            "Next window (UTC)": st.column_config.DatetimeColumn(format="MMM DD, HH:mm"),
        },
    )  # fmt: skip
    places = picked["selection"]["rows"]
    return [rows[i].deployment for i in places if i < len(rows)]


def _line(row: Row, now: datetime, due: datetime | None) -> dict[str, object]:
    one, value = row.deployment, row.now
    share = None if value is None or value.share is None else value.share * 100
    return {
        "Strategy": one.name,
        "State": [DEPLOYMENTS[one.state].label],
        "Capital": float(one.capital),
        "Equity": None if value is None else round(float(value.equity), 2),
        "Today": None if value is None or value.result is None else round(float(value.result), 2),
        "Today %": share,
        "Total": None if value is None or value.total is None else value.total * 100,
        "Drawdown": None if value is None else value.drawdown * 100,
        "Sharpe": row.sharpe,
        "Growth": [round(g, 4) for g in row.growths],
        "Next window (UTC)": due if one.state in ("active", "liquidating") else None,
        "As of": "" if value is None or value.at is None else age(value.at, now),
        "Why": one.state_reason,
    }


# -- what can be done ----------------------------------------------------------------------------


def _actions(account: Account, chosen: Sequence[Deployment]) -> None:
    """Always there: rows must not move under a pointer that ticks them."""
    one = chosen[0] if len(chosen) == 1 else None
    states = {d.state for d in chosen}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        said = f"**{len(chosen)} chosen**" if chosen else "Choose rows to act on them"
        st.markdown(said, width="content")
        st.button(
            "Pause", icon=":material/pause_circle:", disabled="active" not in states,
            on_click=_turn, args=(account, chosen, True), key="dash_pause",
            help="Keep what they hold, decide nothing.",
        )  # fmt: skip
        st.button(
            "Resume", icon=":material/play_circle:", disabled="paused" not in states,
            on_click=_turn, args=(account, chosen, False), key="dash_resume",
            help="Trade again from the next window on.",
        )  # fmt: skip
        stoppable = [d.id for d in chosen if d.state in ("active", "paused")]
        st.button(
            "Stop", icon=":material/stop_circle:", disabled=not stoppable, key="dash_stop",
            on_click=ask, args=("stop", stoppable), help="Asks what to do with what they hold.",
        )  # fmt: skip
        running = one is not None and one.state in ("active", "paused")
        ids = [d.id for d in chosen]
        st.button(
            "Capital", icon=":material/payments:", disabled=not running, key="dash_capital",
            on_click=ask, args=("capital", ids),
        )  # fmt: skip
        st.button(
            "Version", icon=":material/published_with_changes:", key="dash_version",
            disabled=not running or one is None or one.strategy_id is None,
            on_click=ask, args=("version", ids),
        )  # fmt: skip
        st.button(
            "Open", icon=":material/open_in_new:", key="dash_open",
            disabled=one is None or one.strategy_id is None, on_click=_open, args=(one,),
            help="The strategy in the library.",
        )  # fmt: skip


def _turn(account: Account, chosen: Sequence[Deployment], paused: bool) -> None:
    turn, word = (pause, "paused") if paused else (resume, "resumed")
    try:
        desk = desk_of(account)
        done = [one.name for one in chosen if turn(desk, one)]
    except SluiceError as err:
        say(plain(str(err)), ":material/error:")
        return
    what = plain(done[0]) if len(done) == 1 else f"{len(done)} strategies"
    verb = "is" if len(done) == 1 else "are"
    say(f"{what} {verb} {word}.")


def _open(one: Deployment | None) -> None:
    slug = None
    if one is not None and one.strategy_id is not None:
        slug = services().strategies.slug(services().user.id, one.strategy_id)
    if slug is None:
        say("It is not in the library any more.", ":material/search_off:")
        return
    navigation.open_strategy(slug)


def _exports(account: Account, found: Overview, rows: Sequence[Row]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(
            f"{len(rows)} of {len(found.rows)} strategies · {found.reserve:,.2f} "
            f"{account.currency} in the reserve",
            width="content",
        )
        st.space("stretch")
        export_link(account, "Strategies")
        excel_link(account)
