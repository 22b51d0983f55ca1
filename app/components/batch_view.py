"""The batch tests page: a form, the list with its progress, and the results of one sweep."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import streamlit as st

from app.components.age import age
from app.components.plain import plain
from app.components.sweep_compare import sweep_compare
from app.components.sweep_form import sweep_form
from app.components.sweep_results import sweep_results
from app.components.toasts import said, say
from app.resources import services
from core.errors import SluiceError, UnknownName
from core.library.sweeps import ENDED, Sweep

LOOK_AGAIN_SECONDS, LOOK_SELDOM_SECONDS = 1.0, 15.0
PAGE_ROWS = 20
SOON = timedelta(days=7)
CHOSEN = "sweep"
"""The address names the sweep that is shown, so that a link opens the same view."""
_BADGES = {
    "queued": ("blue", ":material/schedule:"),
    "running": ("blue", ":material/play_arrow:"),
    "paused": ("orange", ":material/pause:"),
    "finished": ("green", ":material/check_circle:"),
    "failed": ("red", ":material/error:"),
    "cancelled": ("gray", ":material/block:"),
}


def batch_view() -> None:
    """The whole page."""
    total = services().sweeps.count(services().user.id)
    with st.expander("New batch test", icon=":material/add:", expanded=total == 0):
        _form()
    if not total:
        st.info(
            "No batch test yet. Choose a strategy above, write the values to try, and start it.",
            icon=":material/grid_on:",
        )
        return
    st.session_state["sweep_shown"] = st.query_params.get(CHOSEN)
    _list()
    sweep_compare()
    sweep = chosen_sweep()
    if sweep is not None:
        st.divider()
        sweep_results(sweep)


def chosen_sweep() -> Sweep | None:
    """The sweep the address names; None if it names none, or none that is there."""
    text = st.query_params.get(CHOSEN)
    if not text:
        return None
    try:
        return services().sweeps.get(services().user.id, UUID(text))
    except (ValueError, UnknownName):
        st.warning("The batch test of this link is not there any more.", icon=":material/link_off:")
        return None


@st.fragment
def _form() -> None:
    started = sweep_form()
    if started is not None:
        st.query_params[CHOSEN] = str(started.id)
        st.rerun()


def _list() -> None:
    """All sweeps, running ones first; looked at again and again, quickly while one is at work."""
    at_work = _at_work()
    seconds = LOOK_AGAIN_SECONDS if at_work else LOOK_SELDOM_SECONDS
    st.fragment(_rows, run_every=seconds)(at_work)


def _at_work() -> bool:
    """Whether one is queued, running or paused: these stand first."""
    return any(s.state not in ENDED for s in services().sweeps.recent(services().user.id, limit=1))


def _rows(at_work: bool) -> None:
    said()
    user = services().user.id
    total = services().sweeps.count(user)
    page = 1
    if total > PAGE_ROWS:
        page = st.pagination(-(-total // PAGE_ROWS), key="sweeps_page")
    rows = services().sweeps.recent(user, limit=PAGE_ROWS, offset=(page - 1) * PAGE_ROWS)
    states = {row.id: row.state for row in rows}
    before = st.session_state.get("sweep_states", {})
    st.session_state["sweep_states"] = states
    for row in rows:
        _row(row)
    _retention(total)
    if at_work != _at_work():
        st.rerun()  # to be looked at more often, or less
    shown = st.query_params.get(CHOSEN)
    if shown != st.session_state.get("sweep_shown"):
        st.rerun()
    if any(str(id_) == shown and before.get(id_, state) != state for id_, state in states.items()):
        st.rerun()  # the results below are of another state by now


def _retention(total: int) -> None:
    """How long they are kept, and which go within a week."""
    shared = services()
    days = timedelta(days=shared.settings.sweep_retention_days)
    st.caption(f"{total:,} kept; ended ones for {days.days} days, pinned ones for ever.")
    soon = shared.sweeps.older(shared.user.id, shared.clock() - days + SOON)
    if soon:
        lines = "\n".join(
            f"- {plain(s.flow_name)}, {s.done:,} runs: on {(s.finished_at + days).date()}"
            for s in soon if s.finished_at
        )  # fmt: skip
        st.warning(
            f"{len(soon):,} of them will be deleted within a week, unless pinned:\n{lines}",
            icon=":material/auto_delete:",
        )


def _row(row: Sweep) -> None:
    with st.container(border=True):
        name, progress, actions = st.columns([4, 4, 4], vertical_alignment="center")
        colour, icon = _BADGES[row.state]
        with name.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(row.state, color=colour, icon=icon)  # type: ignore[arg-type]
            st.markdown(f"**{plain(row.flow_name)}**", width="content")
        axes = " × ".join(f"{axis['names'][0]} {len(axis['values'])}" for axis in row.grid["axes"])
        made = age(row.created_at, services().clock())
        name.caption(f"{plain(axes)} · {plain(row.source)} · {made}")
        progress.progress(row.done / max(row.total, 1), text=_progress(row))
        if row.error:
            progress.caption(f":red[{plain(row.error)}]")
        with actions.container(horizontal=True, horizontal_alignment="right", gap="small"):
            _actions(row)


def _progress(row: Sweep) -> str:
    text = f"{row.done:,} of {row.total:,} runs"
    if row.failed:
        text += f", {row.failed:,} failed"
    if row.started_at is None:
        return text
    end = row.finished_at or services().clock()
    rate = row.done / max((end - row.started_at).total_seconds(), 1e-3)
    if row.state == "running" and row.done:
        left = (row.total - row.done) / rate
        return f"{text} · {rate:,.0f} a second · {left:,.0f} s left"
    return f"{text} · {rate:,.0f} a second" if row.state == "finished" else text


def _actions(row: Sweep) -> None:
    st.button(
        "Results", key=f"show_{row.id}", icon=":material/table_chart:", on_click=_choose,
        args=(row,), disabled=row.done == 0,
    )  # fmt: skip
    if row.state in ("queued", "running"):
        _button("pause", row, ":material/pause:", "Stop after the blocks at work.")
    if row.state == "paused":
        _button("resume", row, ":material/play_arrow:", "Go on.")
    if row.state in ("queued", "paused"):
        _button("first", row, ":material/vertical_align_top:", "Run before the others.")
    if row.state in ("queued", "running", "paused"):
        _button("cancel", row, ":material/stop_circle:", "End it; the runs it has stay.")
    else:
        pinned = "Unpin" if row.pinned else "Pin: keep it whatever its age."
        _button("pin", row, ":material/push_pin:", pinned)
        _button("delete", row, ":material/delete:", "Delete it with its runs.")


def _button(action: str, row: Sweep, icon: str, said: str) -> None:
    st.button("", key=f"{action}_{row.id}", icon=icon, help=said, on_click=_do, args=(action, row))


def _choose(row: Sweep) -> None:
    st.query_params[CHOSEN] = str(row.id)


def _do(action: str, row: Sweep) -> None:
    """Carry an action out; somebody else may have been faster, which is said."""
    shared = services()
    sweeps, user = shared.sweeps, shared.user.id
    try:
        if action == "pause":
            sweeps.pause(user, row.id)
        elif action == "resume":
            sweeps.resume(user, row.id)
        elif action == "cancel":
            sweeps.cancel(user, row.id)
        elif action == "first":
            others = [s.priority for s in sweeps.recent(user) if s.state in ("queued", "paused")]
            sweeps.prioritise(user, row.id, max(others, default=0) + 1)
        elif action == "pin":
            sweeps.pin(user, row.id, pinned=not row.pinned)
        else:
            sweeps.delete(user, row.id)
            if st.query_params.get(CHOSEN) == str(row.id):
                del st.query_params[CHOSEN]
        shared.start_sweeps(user)
    except SluiceError as err:
        say(plain(str(err)), ":material/error:")
