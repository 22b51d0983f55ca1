"""How long a trade window of 100 strategies over 200 symbols takes, after checking that it is right.

    python tests/benchmarks/bench_window.py

An own embedded Postgres, invented daily bars of four years, and the fake Alpaca, each of whose
answers takes 60 to 120 ms. A tenth of the decisions is compared with a backtest of the same bars,
and after the window the books must sum to what the fake holds, before any figure is shown. Goals:
decisions in 5 s, the whole window in 30 s. Seconds by the clock, and of this process's processor.
"""

from __future__ import annotations

import cProfile
import pstats
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from core.accounts.account import lease_of  # noqa: E402
from core.backtest.run import run_backtest  # noqa: E402
from core.backtest.settings import BacktestSettings  # noqa: E402
from core.bootstrap import Services  # noqa: E402
from core.brokers.alpaca import AlpacaBroker  # noqa: E402
from core.calendar import calendar  # noqa: E402
from core.flow.formats.native import from_json  # noqa: E402
from core.market.sources.files import FilesSource  # noqa: E402
from core.risk.limits import Limits  # noqa: E402
from core.settings import Settings  # noqa: E402
from core.trading.decide import decide_one, prepare  # noqa: E402
from core.trading.deploy import deploy  # noqa: E402
from core.trading.market import read_bars  # noqa: E402
from core.trading.schedule import Due  # noqa: E402
from core.trading.settle import prove, settle  # noqa: E402
from core.trading.window import TradeWindow  # noqa: E402
from tests.fakes.alpaca_data import AlpacaData  # noqa: E402
from tests.fakes.alpaca_trading import KEY_ID, SECRET_KEY, AlpacaTrading  # noqa: E402
from tests.fakes.as_of import AsOfSource  # noqa: E402
from tests.fakes.clock import VirtualClock  # noqa: E402
from tests.fakes.server import Call  # noqa: E402

STRATEGIES, SYMBOLS = 100, tuple(f"S{number:03}" for number in range(200))
SESSION = date(2026, 11, 25)
DECIDE_GOAL, WINDOW_GOAL = 5.0, 30.0
DELAY = (0.06, 0.12)


class SlowTrading(AlpacaTrading):
    def content(self, call: Call) -> Any:
        self.stopping.wait(random.uniform(*DELAY))
        return super().content(call)


class SlowData(AlpacaData):
    def content(self, call: Call) -> Any:
        self.stopping.wait(random.uniform(*DELAY))
        return super().content(call)


@dataclass
class Took:
    clock: float
    processor: float


class Watch:
    def __enter__(self) -> Watch:
        self._began = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        clock, processor = self._began
        self.took = Took(time.perf_counter() - clock, time.process_time() - processor)


def write_bars(path: Path) -> dict[str, str]:
    """Four years of every symbol; the last prices."""
    days = calendar("XNYS").between(SESSION - timedelta(days=4 * 365), SESSION)
    draw, last = np.random.default_rng(1), {}
    with path.open("w") as out:
        out.write("date,symbol,open,high,low,close,volume\n")
        for symbol in SYMBOLS:
            moves = np.exp(np.cumsum(draw.normal(0.0002, 0.015, len(days))))
            for day, price in zip(days, 20 + 80 * moves, strict=True):
                last[symbol] = f"{price:.2f}"
                out.write(f"{day},{symbol}," + ",".join([last[symbol]] * 4) + ",100000\n")
    return last


def flow_of(draw: random.Random, name: str) -> dict[str, Any]:
    """A gate over sorts of flows: some forty nodes."""

    def sort(count: int) -> dict[str, Any]:
        return {
            "kind": "sort", "items": draw.sample(SYMBOLS, count), "take": 4,
            "by": {"indicator": "cumulative_return", "window": draw.randint(10, 90)},
            "allocation": draw.choice(["equal", "rank", "inverse_volatility"]), "window": 20,
        }  # fmt: skip

    def clean(node: dict[str, Any]) -> dict[str, Any]:
        if node["allocation"] != "inverse_volatility":
            del node["window"]
        return node

    left = {"indicator": "rsi", "symbol": draw.choice(SYMBOLS), "window": draw.randint(5, 20)}
    root = {
        "kind": "gate", "when": {"left": left, "op": ">", "right": 50},
        "then": {"kind": "weight", "children": [clean(sort(12)), clean(sort(8))]},
        "else": {"kind": "weight", "children": [clean(sort(10)), clean(sort(10))]},
    }  # fmt: skip
    return {"sluice": 1, "name": name, "benchmark": SYMBOLS[0], "root": root}


def main() -> int:
    draw = random.Random(1)
    close = calendar("XNYS").close(SESSION)
    clock = VirtualClock(close - timedelta(minutes=10))
    with (
        tempfile.TemporaryDirectory() as name,
        SlowData(clock, requests_per_minute=100_000) as data,
        SlowTrading(
            clock, quotes=data.quotes, cash=10_000_000, requests_per_minute=100_000
        ) as fake,
    ):
        folder = Path(name)
        folder.chmod(0o755)
        home = folder / "home"
        home.mkdir(mode=0o755)
        bars = folder / "bars.csv"
        for symbol, price in write_bars(bars).items():
            data.quotes.set(symbol, price)
        settings = Settings(home=home, no_demo=True)
        with Services(settings, clock=clock) as services:
            services.migrate()
            source = AsOfSource(FilesSource(bars), clock)
            account = services.accounts.add(
                services.user.id, "Bench", broker="alpaca", mode="paper", source="files",
                path=str(bars), slots=(10,), limits=Limits(cost_allowance_bps=50), options={},
                sealed=services.vault.seal({"key_id": KEY_ID, "secret_key": SECRET_KEY}),
            )  # fmt: skip
            broker = AlpacaBroker(
                KEY_ID, SECRET_KEY, clock=clock, trading_url=fake.url, data_url=data.url,
                timeout_seconds=10,
            )  # fmt: skip
            desk = services.desk(account, source=source, broker=broker)
            settle(desk, 0)
            flows = [from_json(flow_of(draw, f"Strategy {n:03}")) for n in range(STRATEGIES)]
            for flow in flows:
                deploy(desk, flow, services.flows.find, Decimal(50_000))
            source.bars(SYMBOLS)
            deployments = services.deployments.of(account.id)
            rows: list[tuple[str, Took]] = []
            for name in ("decide, a process's first time", "decide, compiled before"):
                with Watch() as watch:
                    if not rows:
                        ready = {one.id: prepare(one) for one in deployments}
                    read = read_bars(source, ready)
                    decided = {
                        id_: decide_one(one, read.bars[id_], SESSION, None)
                        for id_, one in ready.items()
                    }
                rows.append((name, watch.took))
            named = {one.name: decided[one.id].weights for one in deployments}
            for flow in flows[::10]:
                span = BacktestSettings(start=SESSION - timedelta(days=10), end=SESSION)
                result = run_backtest(flow, FilesSource(bars), span).result
                row = zip(result.symbols, result.weights[-1], strict=True)
                assert named[flow.name] == {s: float(w) for s, w in row if w}, flow.name
            lease = services.lease(lease_of(account.id))
            assert lease.take()
            window = TradeWindow(desk, lease.fence)
            profile = cProfile.Profile() if "--profile" in sys.argv else None
            with Watch() as watch:
                if profile:
                    profile.enable()
                ran = window.run(Due(SESSION, 10, clock(), close))
                if profile:
                    profile.disable()
            rows.append(("whole window", watch.took))
            orders = services.orders.of_window(ran.id) if ran else ()
            assert orders
            assert {one.state for one in orders} == {"filled"}, {o.reason for o in orders}
            assert sorted(fake.sent_ids) == sorted(one.client_order_id for one in orders)
            assert prove(desk), "the books do not sum to what the broker holds"
            broker.close()
        sys.stdout.write(
            f"{STRATEGIES} strategies, {len(SYMBOLS)} symbols, {len(orders)} orders" + "\n"
        )
        for label, took in rows:
            sys.stdout.write(
                f"{label:32} {took.clock:6.2f} s   processor {took.processor:6.2f} s" + "\n"
            )
        if profile:
            pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
        late = rows[1][1].clock > DECIDE_GOAL or rows[2][1].clock > WINDOW_GOAL
        sys.stdout.write("over the goal" if late else "within the goals" + "\n")
        return int(late)


if __name__ == "__main__":
    raise SystemExit(main())
