"""The system page: the checks of 'sluice doctor', and the services' signs of life."""

from __future__ import annotations

import streamlit as st

from app.components.checks import show_checks
from app.resources import services
from core.bootstrap import version
from core.health import check_all

REFRESH_SECONDS = 5


@st.fragment(run_every=REFRESH_SECONDS)
def system_view() -> None:
    """Everything here is as of now, and looked at again every few seconds."""
    now = services().clock()
    checks = check_all(services())
    failed = sum(check.state == "failed" for check in checks)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.subheader(f"Sluice {version()}", anchor=False)
        if failed:
            st.badge(f"{failed} to mend", icon=":material/error:", color="red")
        else:
            st.badge("Healthy", icon=":material/check_circle:", color="green")
        st.caption(f"as of {now:%H:%M:%S} UTC, every {REFRESH_SECONDS} s", width="content")
    show_checks(checks)
