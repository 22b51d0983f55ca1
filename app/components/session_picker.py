"""Choose a session: by slider, by date, or one step at a time."""

from __future__ import annotations

from datetime import date

import numpy as np
import streamlit as st

from core.calendar import Sessions

PARTS = ("slider", "date")


def session_picker(key: str, sessions: Sessions) -> int:
    """Number of the session chosen; at first the last one.

    The slider, the date and the buttons are one choice: whichever was used last moves the others.
    A day without a session means the one before it.
    """
    first, last = sessions[0].item(), sessions[-1].item()
    key = f"{key}_{first}_{last}"
    chosen: date = st.session_state.setdefault(key, last)
    at = number_of(sessions, chosen)
    slider, field = (_named(key, part) for part in PARTS)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.button(
            "Previous", icon=":material/chevron_left:", key=f"{key}_previous", disabled=at == 0,
            help="The session before.", on_click=_go, args=(key, sessions, at - 1),
        )  # fmt: skip
        st.date_input(
            "Session", chosen, min_value=first, max_value=last, key=field, format="YYYY-MM-DD",
            width=170, help="A day without a session shows the one before it.",
            on_change=_moved, args=(key, field, "slider"),
        )  # fmt: skip
        st.button(
            "Next", icon=":material/chevron_right:", key=f"{key}_next",
            disabled=at == len(sessions) - 1, help="The session after.", on_click=_go,
            args=(key, sessions, at + 1),
        )  # fmt: skip
    st.slider(
        "Session", first, last, chosen, key=slider, format="YYYY-MM-DD",
        label_visibility="collapsed", on_change=_moved, args=(key, slider, "date"),
    )  # fmt: skip
    return at


def number_of(sessions: Sessions, day: date) -> int:
    """The session on ``day``, or the last before it; the first if there is none before."""
    return max(int(np.searchsorted(sessions, np.datetime64(day), side="right")) - 1, 0)


def _named(key: str, part: str) -> str:
    """The widget's key. It is never set: a browser that misses that shows the first day of all.

    A widget that has to follow another begins anew, with its value, under the next key.
    """
    return f"{key}_{part}_{st.session_state.setdefault(f'{key}_{part}', 0)}"


def _follow(key: str, part: str) -> None:
    st.session_state[f"{key}_{part}"] += 1


def _go(key: str, sessions: Sessions, at: int) -> None:
    st.session_state[key] = sessions[min(max(at, 0), len(sessions) - 1)].item()
    for part in PARTS:
        _follow(key, part)


def _moved(key: str, used: str, other: str) -> None:
    """Follow the widget that was used. Its own value stays: somebody may be typing in it."""
    day: date | None = st.session_state[used]
    if day is not None:
        st.session_state[key] = day
        _follow(key, other)
