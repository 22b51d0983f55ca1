"""The act that trading real money asks for on a page; on the command line it is a word written."""

from __future__ import annotations

import streamlit as st

from core.brokers.base import Mode


def confirmed(mode: Mode, key: str) -> bool:
    """Whether a person may go on: on paper at once, with real money when they say so here."""
    return mode != "live" or st.checkbox(
        "This account trades real money, and that is what I want", key=key
    )
