"""The form that asks for a backtest; everything it shows is one fragment's."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import streamlit as st

from core.adapters import SOURCE_NAMES
from core.backtest.settings import BacktestSettings, parse_settings
from core.errors import BadInput
from core.flow.nodes import Flow, StrategyBenchmark, VariableValue

SOURCES = {
    "demo": ("Demo", "A synthetic market: names are real, every price is invented."),
    "files": (
        "Files",
        "A CSV or Parquet file, or a folder of them, on this server.",
    ),
    "yahoo": ("Yahoo", "Daily bars of US-listed stocks and ETFs; needs no keys."),
    "alpaca": ("Alpaca", "Daily bars of US stocks and ETFs; needs keys in the environment."),
    "bybit": ("Bybit", "Crypto perpetuals with funding; needs no keys."),
}
EARLIEST, LATEST = date(1960, 1, 1), date(2100, 12, 31)
EVERY = ("daily", "weekly", "monthly", "quarterly", "yearly")


@dataclass(frozen=True, slots=True)
class Request:
    """What the form asks for."""

    source: str
    path: Path | None
    settings: BacktestSettings


@dataclass(frozen=True, slots=True)
class Filled:
    """What the form begins with; a new ``number`` makes it begin anew."""

    number: int = 0
    source: str = SOURCE_NAMES[0]
    path: str = ""
    settings: BacktestSettings = field(default_factory=BacktestSettings)


def fill_form(slug: str, source: str, path: str | None, settings: BacktestSettings) -> None:
    """Let a strategy's form begin with these values, when its page is shown next."""
    number = _filled(slug).number + 1
    st.session_state[f"form_filled_{slug}"] = Filled(number, source, path or "", settings)


def _filled(slug: str) -> Filled:
    filled: Filled = st.session_state.get(f"form_filled_{slug}", Filled())
    return filled


def backtest_form(
    slug: str, version: int, flow: Flow, data: Path | None, *, swept: bool = False
) -> Request:
    """Draw the form with the flow's own values in it; what it asks for now.

    ``data`` is where the source Files looks first; where variables are ``swept`` the form leaves
    them out. Raises BadInput naming the field.
    """
    filled = Filled() if swept else _filled(slug)
    key = f"sweep_{slug}" if swept else f"form_{slug}_{filled.number}"
    source = _source(key, filled.source)
    path = _path(key, filled.path or str(data or "")) if source == "files" else None
    left, right = st.columns(2)
    begin, end = filled.settings.start, filled.settings.end
    given: dict[str, object] = {
        "start": _date(
            left, "Start", begin, f"{key}_start", "The first session everything is known on"
        ),
        "end": _date(right, "End", end, f"{key}_end", "The last settled session"),
        "variables": {} if swept else _variables(f"{key}_{version}", flow, filled.settings),
    }
    with st.expander("Costs, rebalancing, benchmark", icon=":material/tune:"):
        given |= _rules(f"{key}_{version}", flow, filled.settings)
    return Request(source, path, parse_settings(**given))


def _source(key: str, first: str) -> str:
    chosen: str = st.selectbox(
        "Source",
        SOURCE_NAMES,
        SOURCE_NAMES.index(first),
        key=f"{key}_source",
        format_func=lambda name: SOURCES[name][0],
        persist_state="session",
    )
    st.caption(SOURCES[chosen][1])
    return chosen


def _path(key: str, first: str) -> Path:
    text: str = st.text_input(
        "File or folder",
        value=first,
        key=f"{key}_path",
        placeholder="/data/equities_daily.csv.gz",
        help="Columns date, symbol, open, high, low, close, volume and, if prices are not "
        "adjusted, adj_close.",
        persist_state="session",
    )
    if not text.strip():
        raise BadInput("--data", "it is empty.", "Write the path of a file or folder.")
    return Path(text.strip()).expanduser()


def _date(place: object, label: str, first: date | None, key: str, otherwise: str) -> date | None:
    chosen: date | None = place.date_input(  # type: ignore[attr-defined]
        label,
        value=first,
        min_value=EARLIEST,
        max_value=LATEST,
        key=key,
        format="YYYY-MM-DD",
        help=f"Empty: {otherwise[0].lower()}{otherwise[1:]}.",
        persist_state="session",
    )
    return chosen


def _variables(key: str, flow: Flow, filled: BacktestSettings) -> dict[str, VariableValue]:
    """The values given for the flow's variables, those that differ from its own."""
    given: dict[str, VariableValue] = {}
    columns = st.columns(3)
    for i, (name, default) in enumerate(flow.variables.items()):
        with columns[i % 3]:
            first = filled.variables.get(name, default)
            # A default that changed meanwhile, as a global variable's may, is shown anew.
            value = _variable(f"{key}_{name}_{default}", name, first)
        if value != default:
            given[name] = value
    return given


def _variable(key: str, name: str, default: VariableValue) -> VariableValue:
    words = name.replace("_", " ").capitalize()
    if isinstance(default, str):
        text: str = st.text_input(words, value=default, key=key, persist_state="session")
        return text.strip() or default
    if isinstance(default, int):
        whole: int = st.number_input(words, value=default, step=1, key=key, persist_state="session")
        return whole
    number: float = st.number_input(
        words, value=float(default), step=None, format="%g", key=key, persist_state="session"
    )
    return number


def _rules(key: str, flow: Flow, filled: BacktestSettings) -> dict[str, object]:
    """What stands in for the flow's own rules."""
    costs, rebalance = filled.costs(flow.costs), filled.rebalance or flow.rebalance
    one, two = st.columns(2)
    slippage = one.number_input(
        "Slippage (bps)", 0.0, 1000.0, float(costs.slippage_bps), 1.0,
        key=f"{key}_slippage", help="Basis points of traded notional.", persist_state="session",
    )  # fmt: skip
    commission = two.number_input(
        "Commission (bps)", 0.0, 1000.0, float(costs.commission_bps), 1.0,
        key=f"{key}_commission", help="Basis points of traded notional.", persist_state="session",
    )  # fmt: skip
    every = one.selectbox(
        "Rebalance", EVERY, EVERY.index(rebalance.every), key=f"{key}_every",
        format_func=str.capitalize, persist_state="session",
    )  # fmt: skip
    threshold = two.number_input(
        "Only past a drift of (%)", 0.0, 99.0, 100 * (rebalance.threshold or 0.0), 1.0,
        key=f"{key}_threshold", persist_state="session",
        help="Trade only when a weight is further than this from its target; 0 is always.",
    )  # fmt: skip
    benchmark = one.text_input(
        "Benchmark", _benchmark_text(flow, filled), key=f"{key}_benchmark",
        placeholder=flow.benchmark.strategy if isinstance(flow.benchmark, StrategyBenchmark)
        else "none", help="A symbol; empty for the flow's own, 'none' for no benchmark.",
        persist_state="session",
    )  # fmt: skip
    execution = two.selectbox(
        "Trade at", ("close", "next_open"), int(filled.execution == "next_open"),
        key=f"{key}_execution",
        format_func=lambda value: {"close": "The close", "next_open": "The next open"}[value],
        help="Of the session that decides, or the open after it.", persist_state="session",
    )  # fmt: skip
    capital = one.number_input(
        "Capital", 1.0, 1e12, float(filled.capital), 1000.0, format="%.0f", key=f"{key}_capital",
        help="Only for what amounts are shown in.", persist_state="session",
    )  # fmt: skip
    leverage = two.number_input(
        "Leverage", 0.01, 10.0, float(filled.leverage), 0.1, key=f"{key}_leverage",
        help="Multiplies every weight; gross exposure is capped at 2.", persist_state="session",
    )  # fmt: skip
    return {
        "slippage_bps": slippage,
        "commission_bps": commission,
        "rebalance": {"every": every, "threshold": threshold / 100 or None},
        "benchmark": benchmark.strip() or None,
        "execution": execution,
        "capital": capital,
        "leverage": leverage,
    }


def _benchmark_text(flow: Flow, filled: BacktestSettings) -> str:
    """The benchmark in the form: the one it begins with, or the flow's own symbol."""
    chosen = filled.benchmark or flow.benchmark
    return "" if isinstance(chosen, StrategyBenchmark) else str(chosen or "")
