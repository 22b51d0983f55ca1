"""What was done, said at the next run.

What is sent to the browser just before a run may be lost. And what the callback of a part of the
page shows takes the place of what the page drew first, which is its style.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app.components.plain import plain
from app.components.problems import show_error
from core.errors import SluiceError

_TOAST = "toast"


def say(text: str, icon: str = ":material/check:") -> None:
    """Show ``text`` (Markdown) as a toast at the next run, of the page or of a part that calls
    ``said``: the way for callbacks of such a part, and before ``st.rerun``."""
    st.session_state[_TOAST] = (text, icon)


def said() -> None:
    """Show what the run before had to say, or the callback of this one."""
    if _TOAST in st.session_state:
        text, icon = st.session_state.pop(_TOAST)
        st.toast(text, icon=icon)


def close_when_done(work: Callable[[], str]) -> None:
    """Do it, close the dialog and say what ``work`` returned; what is wrong is said in the dialog,
    and its form keeps its text."""
    try:
        done = work()
    except SluiceError as err:
        show_error(err)
        return
    say(plain(done))
    st.rerun()
