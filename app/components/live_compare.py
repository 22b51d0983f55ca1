"""Backtest against live: the deployment's flow over its live sessions, by the backtest's engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

import numpy as np
import pandas as pd
import streamlit as st

from app.account_reading import ALL
from app.backtest_run import BacktestRun
from app.charts.live_equity import growth_chart
from app.components.plain import plain
from app.components.problems import show_error
from app.resources import services
from app.theme import palette
from core.accounts.account import Account
from core.backtest.result import Backtest
from core.backtest.run import run_backtest
from core.backtest.settings import BacktestSettings
from core.flow.formats.native import from_json
from core.market.source import Progress
from core.metrics.definitions import BY_NAME, shown
from core.portfolio.deployment import Deployment
from core.portfolio.equity import Snapshot

FIRST_LOOK_SECONDS, LOOK_AGAIN_SECONDS = 1.0, 0.5
METRICS = ("total_return", "volatility", "sharpe", "sortino", "max_drawdown", "calmar")
_RUNS = "live_backtests"


def compare_view(account: Account) -> None:
    """Choose a strategy; both curves, both sets of metrics, and how far they are apart."""
    found = services().deployments.of(account.id, ALL)
    if not found:
        st.info("No strategy was deployed here yet.", icon=":material/compare_arrows:")
        return
    by_id = {one.id: one for one in found}
    chosen = st.selectbox(
        "Strategy", list(by_id), key="dash_compared", persist_state="session", width=360,
        format_func=lambda id_: by_id[id_].name, label_visibility="collapsed",
    )  # fmt: skip
    one = by_id[chosen]
    live = services().equity.snapshots(account.id, books=[one.book], metrics=True)
    if len(live) < 2:
        st.info(
            "There is nothing to compare before the second live close.",
            icon=":material/compare_arrows:",
        )
        return
    run = _run(account, one, live[0].session, live[-1].session)
    run.wait(FIRST_LOOK_SECONDS)
    if not run.done:
        _progress(run)
    elif run.error is not None:
        show_error(run.error)
    elif run.backtest is not None:
        _shown(account, live, run.backtest)


def _run(account: Account, one: Deployment, start: date, end: date) -> BacktestRun:
    """This session's backtest of that flow over those sessions, started at the first call."""
    runs: dict[object, BacktestRun] = st.session_state.setdefault(_RUNS, {})
    key = (one.id, one.flow_hash, start, end)
    if key not in runs:
        while len(runs) > 20:
            runs.pop(next(iter(runs))).cancel()
        runs[key] = BacktestRun(_work(account, one, start, end), _not_kept, services().clock)
    return runs[key]


def _work(
    account: Account, one: Deployment, start: date, end: date
) -> Callable[[Progress], Backtest]:
    shared = services()

    def work(progress: Progress) -> Backtest:
        flow = from_json(one.flow, one.name)
        settings = BacktestSettings(start=start, end=end, benchmark="none")
        return run_backtest(
            flow, shared.source_of(account), settings, progress=progress,
            find=lambda slug: from_json(one.references[slug], slug),
        )  # fmt: skip

    return work


def _not_kept(backtest: Backtest, started: datetime) -> None:
    """It is computed again whenever somebody asks: nothing to save."""


@st.fragment(run_every=LOOK_AGAIN_SECONDS)
def _progress(run: BacktestRun) -> None:
    if run.done:
        st.rerun(scope="app")
    st.progress(min(max(run.share, 0.0), 1.0), text=run.doing)


def _shown(account: Account, live: Sequence[Snapshot], backtest: Backtest) -> None:
    result = backtest.result
    # Both begin at the first live close; what getting in cost is in the live line's first step.
    begun = live[0].growth
    grown = np.array([s.growth / begun for s in live])
    days = [s.session for s in live]
    figure = growth_chart(
        {"Live": (days, grown), "Backtest": (result.sessions.tolist(), result.equity)},
        palette(st.context.theme.type),
    )
    st.plotly_chart(figure, key="dash_against", config={"displaylogo": False}, theme=None)
    common = dict(zip(result.sessions.tolist(), result.equity.tolist(), strict=True))
    gaps = [abs(g - common[day]) for day, g in zip(days, grown, strict=True) if day in common]
    if gaps:
        last = grown[-1] - common.get(days[-1], float("nan"))
        st.markdown(
            f"Live is **{last:+.2%}** beside the backtest after {len(days)} closes; furthest apart "
            f"{max(gaps):.2%}."
        )
    st.caption(
        f"{plain(account.source)} data, settled by now; the backtest trades at the close with "
        f"{result.costs.slippage_bps:g} bps of slippage, live windows before it. The flow is the "
        "one that runs now."
    )
    newest = live[-1].metrics
    rows = [
        {
            "Metric": BY_NAME[name].label,
            "Live": shown(name, newest.get(name, float("nan"))),
            "Backtest": shown(name, result.metrics[name]),
        }
        for name in METRICS
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, width=460, key="dash_against_metrics")
