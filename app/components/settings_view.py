"""The page Settings: accounts at brokers, and where people are told of what happens."""

from __future__ import annotations

import streamlit as st

from app.components.accounts_view import accounts_view
from app.components.channels_view import channels_view
from app.components.problems import show_error
from app.resources import services
from core.errors import NeedsOperator


def settings_view() -> None:
    """The whole page; what is wrong with the key that seals secrets concerns both parts."""
    try:
        services().vault.check()
    except NeedsOperator as err:
        show_error(err)
    accounts_view()
    st.space("medium")
    channels_view()
