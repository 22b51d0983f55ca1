"""Parity: sixty past sessions through the real windows and the built-in broker, without costs,
equal the backtest of the same flow: every weight exactly, equity to the cent of share rounding.

The flows run side by side in one account, so that their trades cross and are netted. ``files`` is
real data with a 4:1 and a 5:1 split and dividends inside the sixty sessions.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from core.backtest.result import Result
from core.calendar import calendar, period_starts
from core.market.source import MarketSource
from core.market.sources.demo import DemoSource
from core.market.sources.files import FilesSource
from core.portfolio.rebalance import UNSPENT
from tests.fakes.as_of import AsOfSource
from tests.scenarios.live import Replayed, backtested, replay_flows, sessions_from

pytestmark = pytest.mark.slow

CAPITAL = Decimal(100_000)
CENT = 0.01
STEP, PRICE, MONEY = 1e-9, 0.5e-8, 0.5e-6
"""Of a share; half of what the paper broker's prices and dividends are rounded to."""


def asset(symbol: str) -> dict[str, Any]:
    return {"kind": "asset", "symbol": symbol}


def number(indicator: str, symbol: str, **rest: Any) -> dict[str, Any]:
    return {"indicator": indicator, "symbol": symbol, **rest}


def flows(a: str, b: str, c: str, d: str) -> dict[str, dict[str, Any]]:
    """Of every kind; ``c`` and ``d`` are the ones that split."""
    roots: dict[str, tuple[Any, dict[str, Any]]] = {
        "Daily gate": ("daily", {
            "kind": "gate", "when": {"left": number("rsi", a, window=5), "op": ">", "right": 55},
            "then": {"kind": "weight", "children": [asset(a), asset(c), asset(d)]},
            "else": {"kind": "weight", "scheme": "specified", "weights": [0.6, 0.3, 0.1],
                     "children": [asset(b), asset(c), {"kind": "cash"}]}}),
        "Sort": ("daily", {
            "kind": "sort", "items": [a, b, c, d], "by": {"indicator": "roc", "window": 5},
            "take": 2, "allocation": "inverse_volatility", "window": 20}),
        "Scale": ("daily", {
            "kind": "scale", "indicator": number("rsi", b, window=7), "from": 30, "to": 70,
            "children": [asset(c), asset(a), asset(b)]}),
        "Inverse volatility": ("weekly", {
            "kind": "weight", "scheme": "inverse_volatility", "window": 20,
            "children": [asset(a), asset(b), asset(d)]}),
        "Latch": ("daily", {
            "kind": "latch", "enter": {"left": number("roc", d, window=5), "op": ">", "right": 4},
            "exit": {"left": number("roc", d, window=5), "op": "<", "right": -1},
            "then": asset(d), "else": asset(b)}),
        "Monthly": ("monthly", {
            "kind": "weight", "scheme": "rank", "children": [asset(a), asset(c), asset(b)]}),
        "Threshold": ({"threshold": 0.02}, {
            "kind": "weight", "children": [asset(a), asset(c), asset(d)]}),
        "Monthly threshold": ({"every": "monthly", "threshold": 0.01}, {
            "kind": "weight", "children": [asset(b), asset(d)]}),
    }  # fmt: skip
    made = {
        name: {"sluice": 1, "name": name, "rebalance": rebalance, "root": root}
        for name, (rebalance, root) in roots.items()
    }
    split = {
        "name": "Split-adjusted signals", "signal_prices": "split_adjusted",
        "root": {"kind": "gate",
                 "when": {"left": number("close", a), "op": ">", "right": number("sma", a, window=10)},
                 "then": {"kind": "weight", "children": [asset(c), asset(a)]}, "else": asset(b)},
    }  # fmt: skip
    made["Split-adjusted signals"] = {"sluice": 1, "rebalance": "daily", **split}
    return made


def same_weights(replayed: Replayed, name: str, result: Result) -> None:
    for t, (session, weights) in enumerate(
        zip(replayed.sessions, replayed.decided[name], strict=True)
    ):
        row = result.weights[t]
        expected = {s: float(w) for s, w in zip(result.symbols, row, strict=True) if w}
        if replayed.states[name][t] == "decided":
            assert weights == expected, (name, session)


def equity_of(replayed: Replayed, name: str) -> np.ndarray:
    shots = replayed.snapshots[name]
    assert [shot.session for shot in shots] == list(replayed.sessions)
    return np.array([float(shot.equity) for shot in shots])


def rounding(result: Result, source: MarketSource) -> float:
    """Money that steps of shares, of prices and of dividends can come to, over all sessions.

    At a trade each symbol is left up to a step short of its target, which stays in cash and misses
    its move (taken as the whole of it); each mark and each dividend per share is rounded.
    """
    bars = source.bars(
        result.symbols, start=result.sessions[0].item(), end=result.sessions[-1].item(),
        adjustment="raw",
    )  # fmt: skip
    price = np.nanmax(bars.close)
    shares = 2 * float(CAPITAL) / np.nanmin(bars.close)
    each_session = len(result.symbols) * (STEP * price + PRICE * shares + PRICE * shares + MONEY)
    unspent = float(UNSPENT) * float(
        np.nansum(
            np.nanmax(np.abs(np.diff(bars.close, axis=0) / bars.close[:-1]), axis=1).clip(max=0.2)
        )
    )
    return float(each_session * len(result.sessions)) + unspent


def with_cash_dividends(result: Result, source: MarketSource) -> np.ndarray:
    """Equity of the decided weights where a dividend is cash until the next trade.

    A backtest's adjusted prices invest it in its own symbol at once; an account that trades once a
    month has it as cash until then. Where the next session trades, the two are the same.
    """
    span = {"start": result.sessions[0].item(), "end": result.sessions[-1].item()}
    whole = source.bars(result.symbols, adjustment="adjusted", **span).close
    split = source.bars(result.symbols, adjustment="split_adjusted", **span).close
    due = period_starts(result.sessions, result.rebalance.every)
    threshold = result.rebalance.threshold
    held, cash, equity = np.zeros(len(result.symbols)), 1.0, []
    for t, target in enumerate(result.weights):
        if t:
            total, price = whole[t] / whole[t - 1], split[t] / split[t - 1]
            cash += float(np.where(held > 0, held * (total - price), 0.0).sum())
            held = np.where(held > 0, held * price, 0.0)
        worth = cash + float(held.sum())
        equity.append(worth)
        off = np.abs(held / worth - target)
        moved = threshold is None or (off > threshold).any() or ((held > 0) != (target > 0)).any()
        if due[t] and moved:
            held, cash = target * worth, worth - float((target * worth).sum())
    return np.array(equity)


CASES = ("demo", "files")


@pytest.fixture(params=CASES)
def market(request, clock) -> tuple[MarketSource, MarketSource, tuple[str, ...], str]:
    """What windows see, what the backtest sees, symbols, and where the sixty sessions begin."""
    if request.param == "demo":
        whole = DemoSource(lambda: datetime(2026, 11, 20, 23, tzinfo=UTC))
        return AsOfSource(whole, clock), whole, ("SPY", "TLT", "QQQ", "GLD"), "2026-06-15"
    shared = request.getfixturevalue("shared")
    data = shared / "data"
    whole = FilesSource(data / "massive_day_aggs", actions=data / "corporate_actions.csv")
    return AsOfSource(whole, clock), whole, ("SPY", "QQQ", "AAPL", "TSLA"), "2020-07-01"


def test_sixty_sessions_equal_the_backtest(market, services, clock):
    seen, whole, symbols, start = market
    sessions = sessions_from(start, 60)
    clock.at = calendar("XNYS").opening(sessions[0])
    made = flows(*symbols)
    if whole.info.name == "demo":  # the real data has all of them
        made = {name: made[name] for name in ("Daily gate", "Sort", "Monthly threshold")}
    replayed = replay_flows(services, clock, seen, made, sessions, CAPITAL)
    for name, flow in made.items():
        result = backtested(flow, whole, sessions)
        same_weights(replayed, name, result)
        live, bound = equity_of(replayed, name), rounding(result, whole)
        assert bound < CENT
        held = float(CAPITAL) * with_cash_dividends(result, whole)
        np.testing.assert_allclose(live, held, rtol=0, atol=bound, err_msg=name)
        if result.rebalance.every == "daily" and result.rebalance.threshold is None:
            expected = float(CAPITAL) * result.equity
            np.testing.assert_allclose(live, expected, rtol=0, atol=bound, err_msg=name)
    account = replayed.account
    assert services.ledger.recomputed(account.id) == services.ledger.balances(account.id)
    kinds = {one.kind for one in services.ledger.movements(account.id, limit=100_000)}
    assert {"cross", "trade", "dividend"} <= kinds, "else this shows less than it says"
    assert ("split" in kinds) == (whole.info.name == "files")
