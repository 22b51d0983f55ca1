"""The channels people are told by: a list that is looked at again, with a test for each."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from app.components.age import age
from app.components.channel_form import add_channel, delete_channel, edit_channel
from app.components.list_heading import list_heading
from app.components.plain import plain
from app.components.problems import show_error
from app.components.toasts import said, say
from app.resources import services
from core.accounts.channels import Channel
from core.errors import SluiceError

REFRESH_SECONDS = 10
WIDTHS = (2.2, 2, 2.1, 1.1, 2.6, 2.6)
_TITLES = ("Channel", "Service", "Told of", "Last sent", "Last problem", "")
_OPEN = "channels_open"
"""What a row asked for: a dialog, and its channel's id. The list is a fragment that runs by
itself, which would close a dialog of its own."""


def channels_view() -> None:
    """The part of the page that is about them."""
    st.subheader("Notifications", anchor=False)
    wanted = st.session_state.pop(_OPEN, None)
    _list()
    if wanted is not None:
        _open(*wanted)


def _open(dialog: str, channel_id: object) -> None:
    if dialog == "add":
        add_channel()
        return
    found = next((c for c in _channels() if c.id == channel_id), None)
    if found is None:
        st.toast("That channel was deleted meanwhile.", icon=":material/search_off:")
    elif dialog == "edit":
        edit_channel(found)
    else:
        delete_channel(found)


def _channels() -> list[Channel]:
    return services().channels.all(services().user.id)


@st.fragment(run_every=REFRESH_SECONDS)
def _list() -> None:
    said()
    try:
        found = _channels()
    except SluiceError as err:
        show_error(err)
        return
    intro, buttons = st.columns([3, 1], vertical_alignment="center", gap="medium")
    intro.caption(
        "A channel is told of what happens in live trading. Messages go out beside trading, within "
        "seconds, and never delay or stop it; one that is not taken is tried again for a day."
    )
    with buttons.container(horizontal=True, horizontal_alignment="right", gap="small"):
        if found:
            st.download_button(
                "CSV", lambda: _csv(found), "channels.csv", "text/csv", on_click="ignore",
                icon=":material/download:",
            )  # fmt: skip
        if st.button("New channel", type="primary", icon=":material/add:"):
            _ask("add")
    if not found:
        st.info(
            "No channel yet: nobody is told when a window is missed, an order is refused or a "
            "breaker trips. Add Slack, Discord, e-mail or another service, and choose what it is "
            "told of.",
            icon=":material/notifications:",
        )
        return
    list_heading(WIDTHS, _TITLES, "channels")
    for channel in found:
        _row(channel)
    st.caption(f"as of {services().clock():%H:%M:%S} UTC, every {REFRESH_SECONDS} s")


def _ask(dialog: str, channel: Channel | None = None) -> None:
    st.session_state[_OPEN] = (dialog, channel.id if channel else None)
    st.rerun()


def _row(channel: Channel) -> None:
    now = services().clock()
    with st.container(border=True):
        name, service, told, sent, problem, actions = st.columns(
            WIDTHS, vertical_alignment="center"
        )
        with name.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.markdown(f"**{plain(channel.name)}**", width="content")
            _state(channel)
        service.markdown(plain(str(channel.destination)))
        # On a phone, where the headings go, app.theme's style lets these cells say what they are.
        with told.container(key=f"cell_told_{channel.id}"):
            st.markdown(plain(str(channel.choice)))
        with sent.container(key=f"cell_sent_{channel.id}"):
            st.markdown(age(channel.last_sent_at, now) if channel.last_sent_at else "never")
        with problem.container(key=f"cell_problem_{channel.id}"):
            if channel.last_error and channel.last_error_at:
                when = age(channel.last_error_at, now)
                st.caption(f"{when}: {plain(channel.last_error)}")
            else:
                st.caption("none")
        with actions.container(horizontal=True, gap="small", horizontal_alignment="right"):
            _actions(channel)


def _state(channel: Channel) -> None:
    if not channel.enabled:
        st.badge("Off", icon=":material/notifications_off:", color="gray")
    elif channel.failing:
        st.badge("Failing", icon=":material/error:", color="red")
    if channel.waiting:
        st.badge(f"{channel.waiting:,} waiting", icon=":material/schedule:", color="orange")


def _actions(channel: Channel) -> None:
    if st.button(
        "", key=f"test_{channel.id}", icon=":material/send:",
        help="Send a test. You see within ten seconds whether it was taken.",
    ):  # fmt: skip
        _done(lambda: _test(channel))
    on = channel.enabled
    if st.button(
        "", key=f"switch_{channel.id}",
        icon=":material/notifications_off:" if on else ":material/notifications:",
        help="Switch off: nothing is sent, and what waits is dropped." if on else
        "Switch on, for what happens from now on.",
    ):  # fmt: skip
        _done(lambda: services().channels.enable(channel.user_id, channel.id, enabled=not on))
    if st.button("", key=f"edit_{channel.id}", icon=":material/edit:", help="Change it."):
        _ask("edit", channel)
    if st.button("", key=f"drop_{channel.id}", icon=":material/delete:", help="Delete."):
        _ask("delete", channel)


def _test(channel: Channel) -> None:
    """Send it here and now: other visitors have threads of their own."""
    with st.spinner("Sending …"):
        error = services().channels.test(channel.user_id, channel.id, services().notifier.send)
    if error:
        say(f"The test was not taken. {plain(error)}", ":material/error:")
    else:
        say(f"The test was sent to {plain(channel.name)}.")


def _done(work: Callable[[], None]) -> None:
    """Do it, and show the list as it is then."""
    try:
        work()
    except SluiceError as err:
        say(plain(str(err)), ":material/error:")
    st.rerun(scope="fragment")


def _csv(found: Sequence[Channel]) -> str:
    rows = [
        {
            "name": c.name, "service": str(c.destination), "told of": str(c.choice),
            "on": c.enabled, "waiting": c.waiting, "last sent": c.last_sent_at,
            "last problem": c.last_error, "last problem at": c.last_error_at,
        }
        for c in found
    ]  # fmt: skip
    text = io.StringIO()
    pd.DataFrame(rows).to_csv(text, index=False)
    return text.getvalue()
