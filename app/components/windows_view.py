"""Trade windows of an account, newest first, and one of them in full."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import pandas as pd
import streamlit as st

from app.account_reading import next_due, session_of, shown_account
from app.components.age import age
from app.components.downloads import export_link
from app.components.plain import plain
from app.components.toasts import said, say
from app.components.window_detail import TABLE_EPOCH, window_detail
from app.resources import services
from app.theme import WINDOWS
from core.accounts.account import Account
from core.calendar import calendar
from core.portfolio.records import OrderRecordState, Window
from core.trading.schedule import Due

REFRESH_SECONDS = 3
PAGE = 30
_WINDOW = "window"


def windows_view(account_id: UUID) -> None:
    """Run now, the list, and the window chosen in it."""
    _list(account_id)
    chosen = st.query_params.get(_WINDOW)
    if chosen is None:
        return
    known = {str(w.id) for w in services().windows.of(account_id)}
    if chosen not in known:
        st.info("This account has no such window.", icon=":material/search_off:")
        return
    window_detail(UUID(chosen))


@st.fragment(run_every=REFRESH_SECONDS)
def _list(account_id: UUID) -> None:
    said()
    account = shown_account(account_id)
    _run_now(account)
    size = st.session_state.get("windows_shown", PAGE)
    found = services().windows.of(account.id, limit=size + 1)
    if not found:
        st.info(
            "No window yet. The first one opens "
            + (f"{due.due_at:%a %Y-%m-%d %H:%M} UTC" if (due := _due(account)) else "soon")
            + ", once a strategy is deployed and the scheduler runs.",
            icon=":material/event_repeat:",
        )
        return
    tally = services().orders.tally([one.id for one in found])
    frame = pd.DataFrame([_line(one, tally.get(one.id, {})) for one in found[:size]])
    labels = {style.label: style.colour for style in WINDOWS.values()}
    picked = st.dataframe(
        frame, hide_index=True, on_select="rerun", selection_mode="single-row", placeholder="",
        key=f"windows_{found[0].id}_{st.session_state.get(TABLE_EPOCH, 0)}",
        height=min(len(frame), 9) * 35 + 38,
        column_config={
            "State": st.column_config.MultiselectColumn(
                options=list(labels), color=list(labels.values()), width="small"
            ),
            "Due (UTC)": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
            "Took": st.column_config.TextColumn(help="From its claim to its end."),
        },
    )  # fmt: skip
    rows = picked["selection"]["rows"]
    wanted = str(found[rows[0]].id) if rows and rows[0] < len(found) else None
    if wanted is not None and st.query_params.get(_WINDOW) != wanted:
        st.query_params[_WINDOW] = wanted
        st.rerun(scope="app")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(
            "Choose a row to see its timeline, decisions and orders."
            if st.query_params.get(_WINDOW) is None
            else f"{min(size, len(found))} windows",
            width="content",
        )
        st.space("stretch")
        if len(found) > size:
            st.button("Older", icon=":material/expand_more:", on_click=_more, args=(size,))
        export_link(account, "Orders")


def _more(size: int) -> None:
    st.session_state["windows_shown"] = size + 100


def _due(account: Account) -> Due | None:
    return next_due(account, services().clock())


def _line(one: Window, tally: Mapping[OrderRecordState, int]) -> dict[str, object]:
    took = None
    if one.claimed_at is not None and one.finished_at is not None:
        took = f"{(one.finished_at - one.claimed_at).total_seconds():.1f} s"
    refused = tally.get("refused", 0) + tally.get("rejected", 0)
    return {
        "Session": one.session,
        "State": [WINDOWS[one.state].label],
        "Kind": "by hand" if one.manual else f"close − {one.slot} min",
        "Due (UTC)": one.due_at,
        "Took": took,
        "Orders": sum(tally.values()),
        "Filled": tally.get("filled", 0),
        "Refused": refused,
        "Error": one.error,
    }


# -- run now -------------------------------------------------------------------------------------


def _run_now(account: Account) -> None:
    """A request is a row; the scheduler takes it at its next look."""
    shared, now = services(), services().clock()
    venue = calendar("XNYS")
    session = session_of(now)
    open_now = venue.opening(session) <= now < venue.close(session)
    asked = [one for one in shared.windows.of(account.id, session=session) if one.manual]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        waiting = bool(asked) and asked[0].state == "requested"
        st.button(
            "Run now", icon=":material/play_arrow:", type="primary", key="ops_run",
            disabled=not open_now or waiting, on_click=_request, args=(account,),
            help="Decide and trade now, beside the planned windows; the scheduler takes it within "
            "a minute. The kill switch and all limits count.",
        )  # fmt: skip
        if not open_now:
            due = _due(account)
            st.caption(
                "The market is closed: a window can be run while it is open."
                + (f" Next window {due.due_at:%a %H:%M} UTC." if due else ""),
                width="content",
            )
        elif asked:
            newest = asked[0]
            style = WINDOWS[newest.state]
            st.badge(style.label, icon=f":material/{style.icon}:", color=style.colour)
            said = f"asked {age(newest.due_at, now)}"
            if newest.claimed_at is None:
                said += ", waits for the scheduler"
            else:
                waited = (newest.claimed_at - newest.due_at).total_seconds()
                said += f", taken by {plain(newest.host)} after {max(waited, 0):.0f} s"
            st.caption(said, width="content")


def _request(account: Account) -> None:
    shared, now = services(), services().clock()
    session = session_of(now)
    made = shared.windows.request(
        account.id, session, due_at=now, closes_at=calendar("XNYS").close(session),
        limit=account.limits.manual_windows_per_day,
    )  # fmt: skip
    if made is None:
        say(
            "Not asked for: a window is under way, or the day's "
            f"{account.limits.manual_windows_per_day} are used up.",
            ":material/info:",
        )
        return
    say("Asked for. The scheduler takes it within a minute.", ":material/schedule_send:")
