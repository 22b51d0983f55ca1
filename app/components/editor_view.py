"""The Edit view of a strategy's page: its flow to change, a light backtest beside it, saving."""

from __future__ import annotations

import streamlit as st

from app import navigation
from app.components.builder.builder import builder
from app.components.builder.drafts import editing, keep
from app.components.builder.editing import Editing
from app.components.builder.saving import just_saved
from core.library.strategies import StrategyVersion


def editor_view(slug: str, saved: StrategyVersion) -> None:
    """Edit the strategy: this session's draft of it, one kept earlier, or its newest version."""
    _edit(editing(slug, saved))


@st.fragment
def _edit(edited: Editing) -> None:
    """One fragment, with none inside and nothing behind it on the page.

    Streamlit drops messages of a run that ends while the next one is asked for. That is harmless
    where every run that can follow draws again all that the one before drew.
    """
    builder(edited)
    keep(edited)  # when everything is drawn: nobody waits for it
    if just_saved(edited.slug) or navigation.leaving():
        st.rerun()
