"""Real strategies of Composer and QuantMage: imported, compared with a second opinion, backtested.

The files are the developers' (../shared/strategies); the tests skip where they are absent.
"""

from __future__ import annotations

import os
import zlib
from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.backtest.run import run_backtest
from core.backtest.settings import parse_settings
from core.flow.binding import bind
from core.flow.compile import compile_flow
from core.flow.evaluate import decide, observe
from core.flow.formats.imports import read_strategy
from core.flow.formats.native import content_hash, dump, from_json, parse, to_json
from core.flow.formats.report import Imported
from core.flow.nodes import Flow
from core.flow.validate import validate
from core.market.sources.files import FilesSource
from tests.reference.foreign import Prices, Unknown, opinion_on
from tests.reference.markets import Market, bars_of

REFUSED = {"jamestest_score.edn"}  # its weights sum to 68 %
SESSIONS, FIRST, EVERY = 1000, 700, 15
FEW = (
    "holy_grail_simplified.edn", "copy_of_holy_grail_simplified_bare_windows.edn", "nuclear_feaver.edn", "group_stuff.edn",
    "walters_champagne.edn", "soxl_growth.edn", "corporate_chaos_5_ways.json", "exxa_weightSpecified.json",
    "tqqq_for_the_long_term_hwrdr.json", "6_1_jaewon_s_market_mix_sub_04_uncorrelated_bonds.json",
    "7_1_total_market_2_sub_05_bonds.json", "10_svix_4tlt_l_jaewon_l_07_feb_2024.json",
)  # fmt: skip
UNREAD = {"6_1_jaewon_s_market_mix_sub_02_wood_xlu_canaries_leverage.json"}  # AroonUp reads highs


@pytest.fixture(scope="module")
def files(shared) -> dict[str, Path]:
    """Every strategy file by its name."""
    folder = shared / "strategies"
    if not folder.is_dir():
        pytest.skip(f"needs the real strategies, not found at {folder}")
    return {path.name: path for path in sorted(folder.glob("*/*"))}


@pytest.fixture(scope="module")
def imported(files) -> dict[str, Imported]:
    return {name: read_strategy(path.read_bytes(), name) for name, path in files.items()}


def test_every_file_is_imported_with_a_report(imported):
    assert len(imported) >= 100
    for name, found in imported.items():
        assert found.report.findings, name
        assert (found.flow is None) == (name in REFUSED), name
        if found.flow is not None:
            assert [p for p in validate(found.flow) if p.severity == "error"] == [], name
    refused = [f for name in REFUSED for f in imported[name].report.of("not supported")]
    assert [f.construct.name for f in refused] == ["wt-cash-specified, far from 100 %"]
    statuses = Counter(found.report.status for found in imported.values())
    assert statuses["exact"] >= 17
    formats = {found.report.format for found in imported.values()}
    assert formats == {"Composer score JSON", "Composer score EDN", "Composer defsymphony", "QuantMage"}  # fmt: skip


def test_every_node_of_a_file_is_in_its_report(files, imported):
    """Counted in the text, by the words that only nodes have."""
    text = files["klm.edn"].read_text()
    found = Counter(f.construct.name for f in imported["klm.edn"].report.findings)
    assert found["asset"] == text.count("(asset\n") + text.count("(asset ")
    assert found["if"] == text.count("(if\n") + text.count("(if ")
    assert found["group"] == text.count("(group\n") + text.count("(group ")


def lossless(flow: Flow) -> None:
    written = to_json(flow)
    again = from_json(written)
    assert to_json(again) == written
    assert content_hash(again) == content_hash(flow)


@pytest.mark.parametrize("name", FEW)
def test_native_json_loses_nothing(imported, name):
    lossless(imported[name].flow)
    assert parse(dump(imported[name].flow)) == imported[name].flow


@pytest.mark.slow
def test_native_json_loses_nothing_of_any_file(imported):
    for found in imported.values():
        if found.flow is not None:
            lossless(found.flow)


# -- against the second opinion ------------------------------------------------------------------


def made_up(symbols: tuple[str, ...]) -> Market:
    """Prices that swing widely, the same for a symbol whichever file asks."""
    dates = pd.bdate_range("2019-01-01", periods=SESSIONS)
    closes = {}
    for symbol in symbols:
        generator = np.random.default_rng(zlib.crc32(symbol.encode()))
        steps = generator.normal(0.0005, generator.uniform(0.004, 0.03), SESSIONS)
        closes[symbol] = 100 * np.exp(np.cumsum(steps + 0.3 * np.roll(steps, 1)))
    frame = pd.DataFrame(closes, dates)
    return Market(dict.fromkeys(("open", "high", "low", "close", "volume"), frame))


def check_against_opinion(path: Path, found: Imported) -> int:
    """Equal weights on many sessions; how many there were."""
    binding = bind(compile_flow(found.flow))
    market = made_up(binding.symbols)
    closes = {symbol: market["close"][symbol].to_numpy() for symbol in market["close"]}
    months = market["close"].index.month.to_numpy()
    opinion, tree = opinion_on(path.read_text(), Prices(closes, months))
    decisions = decide(observe(binding, bars_of(market)), FIRST)
    compared = 0
    for t in range(FIRST, SESSIONS, EVERY):
        try:
            expected = opinion.weights(tree, t)
        except Unknown:
            continue
        held = dict(zip(binding.held, decisions.weights[t].tolist(), strict=True))
        actual = {symbol: weight for symbol, weight in held.items() if weight}
        assert actual == pytest.approx({s: w for s, w in expected.items() if w}, abs=1e-9), t
        compared += 1
    return compared


@pytest.mark.parametrize("name", FEW)
def test_it_decides_what_its_file_says(files, imported, name):
    assert check_against_opinion(files[name], imported[name]) == len(range(FIRST, SESSIONS, EVERY))


@pytest.mark.slow
def test_more_of_them_decide_what_they_say(files, imported):
    """Each fourth file; with SLUICE_FUZZ=1 all of them, the largest included (minutes)."""
    readable = sorted(imported.keys() - REFUSED - UNREAD)
    chosen = readable if os.environ.get("SLUICE_FUZZ") else readable[3::4]
    for name in chosen:
        assert check_against_opinion(files[name], imported[name]) >= 10, name


# -- on real prices ------------------------------------------------------------------------------

DATA = ("equities_daily.csv.gz", "equities_daily_fulladj.csv.gz")
QUICK = ("exxa_weightEqual.json", "exxa_cumulativeReturn.json", "tqqq_for_the_long_term_hwrdr.json")


@pytest.fixture(scope="module")
def listed(shared) -> dict[Path, set[str]]:
    """The symbols in each file of prices."""
    paths = [shared / "data" / name for name in DATA]
    return {p: set(pd.read_csv(p, usecols=["symbol"])["symbol"]) for p in paths}


def backtested(found: Imported, listed: dict[Path, set[str]]) -> bool:
    """Backtest it where its symbols are; False if they are nowhere."""
    needed = set(bind(compile_flow(found.flow)).symbols)
    if isinstance(found.flow.benchmark, str):
        needed.add(found.flow.benchmark)
    path = next((path for path, symbols in listed.items() if needed <= symbols), None)
    if path is None:
        return False
    settings = parse_settings(end=date(2025, 6, 27))
    result = run_backtest(found.flow, FilesSource(path), settings).result
    assert len(result.sessions) > 200
    assert np.isfinite(result.equity).all()
    assert (result.weights >= 0).all()
    assert result.weights.sum(axis=1).max() <= 1 + 1e-9
    assert result.turnover.sum() > 0
    return True


@pytest.mark.parametrize("name", QUICK)
def test_exact_ones_backtest_on_real_prices(imported, listed, name):
    assert imported[name].report.status == "exact"
    assert backtested(imported[name], listed)


@pytest.mark.slow
def test_all_backtest_whose_symbols_are_there(imported, listed):
    flows = {name: found for name, found in imported.items() if found.flow is not None}
    ran = {name for name, found in flows.items() if backtested(found, listed)}
    assert {name for name in ran if imported[name].report.status == "exact"} >= {*QUICK}
    assert len(ran) >= 17
