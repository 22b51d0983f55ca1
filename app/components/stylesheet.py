"""CSS of a page, where nothing takes its place."""

from __future__ import annotations

import streamlit as st


def stylesheet(css: str, of: str) -> None:
    """Apply ``css``; ``of`` tells those of a page apart.

    Streamlit puts what is nothing but a style where its toasts are, and a toast of a fragment's
    callback takes the first place there: the page would stand unstyled until its next whole run.
    """
    with st.container(key=f"stylesheet_{of}"):
        st.html(f"<span hidden></span><style>{css}</style>")
