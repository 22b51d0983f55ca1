"""A saved result computed again, so that it can be explained."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import streamlit as st

from app.backtest_run import BacktestRun
from app.components.plain import plain
from app.components.problems import show_error
from app.resources import services
from core.backtest.holdings import decisions_that_differ
from core.backtest.result import Backtest, Result
from core.backtest.run import run_backtest
from core.flow.formats.native import content_hash
from core.market.source import Progress

FIRST_LOOK_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 0.25
MOST_KEPT = 4
"""What a flow saw is large: a session keeps the results it explained last."""
_RUNS = "explained_runs"


def explained(key: str, result: Result, backtest: Backtest | None) -> Backtest | None:
    """What explains ``result``: the backtest it came from, or the same computed again.

    A saved result has its numbers but not what the flow saw. A button computes it again from the
    saved flow and settings; until then this draws the button, or the progress, and returns None.
    """
    if backtest is not None:
        return backtest
    run = _run_of(key, result)
    if run is not None and run.done and run.backtest is not None:
        _compare(result, run.backtest.result)
        return run.backtest
    if run is not None and not run.done:
        _progress(key, run)
        return None
    st.info(
        "This result was read back from the database, without what the flow saw each day. "
        "Explaining it computes it again from the saved flow, settings and source.",
        icon=":material/info:",
    )
    if run is not None and run.error is not None:
        show_error(run.error)
    if result.provenance.source == "files":
        _path(key, result)
    st.button(
        "Explain this result", type="primary", icon=":material/question_mark:",
        key=f"{key}_explain", on_click=_begin, args=(key, result),
    )  # fmt: skip
    return None


def _runs() -> dict[str, tuple[Result, BacktestRun]]:
    """This session's runs with what they explain, by its key on the page, the oldest first."""
    runs: dict[str, tuple[Result, BacktestRun]] = st.session_state.setdefault(_RUNS, {})
    return runs


def _run_of(key: str, result: Result) -> BacktestRun | None:
    """The run that explains this result, not an earlier one shown in the same place."""
    saved, run = _runs().get(key, (None, None))
    if saved is None or not _alike(saved, result):
        return None
    return run


def _alike(one: Result, other: Result) -> bool:
    """Hashes of the flows: to compare very deep ones as values would recurse too far."""
    if (one.data_digest, one.settings) != (other.data_digest, other.settings):
        return False
    return content_hash(one.flow) == content_hash(other.flow)


def _path(key: str, result: Result) -> None:
    """Where the bars are: a result knows the name of the file or folder only."""
    data = services().settings.data
    known = str(data) if data is not None and data.name == result.provenance.feed else ""
    st.text_input(
        "File or folder", value=known, key=f"{key}_explain_path", width=460,
        help=f"Where {result.provenance.feed} is on this server.", persist_state="session",
    )  # fmt: skip


def _begin(key: str, result: Result) -> None:
    text = str(st.session_state.get(f"{key}_explain_path", "")).strip()
    run = BacktestRun(_work(result, text), _not_kept, services().clock)
    runs = _runs()
    runs.pop(key, None)
    runs[key] = result, run
    for oldest in list(runs)[:-MOST_KEPT]:
        runs.pop(oldest)[1].cancel()
    run.wait(FIRST_LOOK_SECONDS)


def _work(result: Result, text: str) -> Callable[[Progress], Backtest]:
    """The same backtest over the same sessions; ``text`` says where files are."""
    shared = services()
    path = Path(text).expanduser() if text else None
    settings = result.settings.model_copy(update={"start": result.start, "end": result.end})

    def work(progress: Progress) -> Backtest:
        source = shared.source(result.provenance.source, path=path)
        return run_backtest(
            result.flow, source, settings, find=shared.flows.find, progress=progress
        )

    return work


def _not_kept(backtest: Backtest, started: datetime) -> None:
    """The result is saved already."""


def _compare(saved: Result, again: Result) -> None:
    """Say so where what is explained is not quite what was saved."""
    apart = decisions_that_differ(saved, again)
    if saved.data_digest == again.data_digest and not apart:
        return
    why = (
        "The source's bars have changed since this result was saved"
        if saved.data_digest != again.data_digest
        else "A strategy this one refers to has changed since this result was saved"
    )
    effect = (
        f"and decide otherwise on {apart:,} of {len(saved.sessions):,} sessions"
        if apart
        else "though every decision is the same"
    )
    st.warning(
        plain(f"{why}, {effect}. What follows explains the backtest as it comes out now."),
        icon=":material/warning:",
    )


@st.fragment(run_every=LOOK_AGAIN_SECONDS)
def _progress(key: str, run: BacktestRun) -> None:
    """How far it is, several times a second; the page follows when it is done."""
    if run.done:
        st.rerun()
    with st.container(border=True):
        st.progress(min(max(run.share, 0.0), 1.0), text=run.doing)
        st.button(
            "Cancel", icon=":material/stop_circle:", on_click=run.cancel, key=f"{key}_explain_stop"
        )
