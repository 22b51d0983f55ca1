"""The light backtest beside the editor: equity and key figures as one edits.

It runs on the source used last, in a thread of its own; the browser fetches what came out
(``app.previews``). Typing never waits for it, and no script runs again because of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from app.components.builder.editing import Editing
from app.components.own import FETCHED, own_component
from app.previews import Preview, Work
from app.resources import services
from core.backtest.result import Backtest
from core.backtest.run import run_backtest
from core.backtest.settings import BacktestSettings
from core.flow.nodes import Flow
from core.market.source import Progress


@dataclass(frozen=True, slots=True)
class Basis:
    """What a light backtest is run on."""

    source: str = "demo"
    path: Path | None = None
    settings: BacktestSettings = field(default_factory=BacktestSettings)


def use(slug: str, basis: Basis) -> None:
    """Let a strategy's light backtests run on this from now on."""
    st.session_state[f"preview_basis_{slug}"] = basis


def preview(editing: Editing) -> None:
    """Start a run if the draft changed, and let the browser show what comes out."""
    basis: Basis = st.session_state.get(f"preview_basis_{editing.slug}", Basis())
    key = f"preview_{editing.slug}"
    if key not in st.session_state:
        st.session_state[key] = Preview(services().clock)
    found: Preview = st.session_state[key]
    flow = editing.checked.flow if editing.checked.runs else None
    found.want(
        (editing.history.revision, basis), None if flow is None else _work(editing, flow, basis)
    )
    with st.container(key=f"light_{editing.slug}"):
        own_component(
            __package__, "builder_preview", "preview", "preview.css", (FETCHED, "preview.js")
        )(
            key=f"figures_{editing.slug}",
            data={
                "address": found.address,
                "number": found.number,
                "runs": flow is not None,
                "source": basis.source,
            },
        )


def _work(editing: Editing, flow: Flow, basis: Basis) -> Work:
    shared, find, fill = services(), editing.find, editing.fill

    def work(progress: Progress) -> Backtest:
        source = shared.source(basis.source, path=basis.path)
        return run_backtest(fill(flow), source, basis.settings, find=find, progress=progress)

    return work
