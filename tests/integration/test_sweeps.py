"""Durable sweeps: real workers on a real Postgres, killed, paused, cancelled, shared."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import text

from core.accounts.users import User
from core.backtest.settings import BacktestSettings
from core.bootstrap import Services
from core.errors import BadInput, UnknownName
from core.flow.formats.native import from_json
from core.library.sweep_request import SweepRequest, reuse_of, sweep_of
from core.library.sweeps import BLOCK, Filter, Sweep
from core.sweep.grid import Grid, parse_grid
from core.sweep.kernel import METRICS
from core.sweep.run import Sweeper
from jobs.sweep import Sweepers, hand_out, run_chain

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
RSI = {"indicator": "rsi", "symbol": "QQQ", "window": "$window"}
FLOW = from_json(
    {
        "sluice": 1,
        "name": "Swept",
        "costs": {"slippage_bps": 10},
        "variables": {"window": 10, "hot": 75, "cold": 30, "safe": "TLT"},
        "root": {
            "kind": "gate",
            "when": {"left": RSI, "op": ">", "right": "$hot"},
            "then": {"kind": "asset", "symbol": "$safe"},
            "else": {
                "kind": "gate",
                "when": {"left": RSI, "op": "<", "right": "$cold"},
                "then": {"kind": "asset", "symbol": "TQQQ"},
                "else": {"kind": "asset", "symbol": "QQQ"},
            },
        },
    }
)
SMALL = parse_grid(["window=5:24", "hot=60:80:0.5", "cold=20:40:1", "safe=TLT,GLD"])  # 34,440
LARGE = parse_grid(["window=5:24", "hot=60:84:0.5", "cold=15:40:0.25", "safe=TLT,GLD"])  # 197,960
SPAN = BacktestSettings(start=date(2019, 1, 2), end=date(2022, 12, 30))


def submit(
    services: Services, grid: Grid, user: User | None = None, *, extend: bool = False, **more: Any
) -> tuple[Sweep, Sweeper]:
    """Store a sweep and hand it out; to ``extend`` is to take known runs over."""
    user = user or services.user
    request = SweepRequest(
        user_id=user.id, flow=FLOW, grid=grid, settings=SPAN, source="demo", **more
    )
    sweep, ready = sweep_of(
        request, services.source("demo"), _none, engine_version="test", now=services.clock()
    )
    others = services.sweeps.extendable(user.id, sweep.base) if extend else []
    sweep = services.sweeps.add(*reuse_of(sweep, ready, others))
    services.start_sweeps(user.id)
    return sweep, Sweeper(ready)


def _none(slug: str) -> Any:
    raise UnknownName("strategy", "strategy", slug, ())


@contextmanager
def worker(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = start_worker(environment)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(20)


def start_worker(environment: dict[str, str], **more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "jobs.worker"], env=environment | more, cwd=ROOT)


def wait(until: Callable[[], Any], seconds: float = 90) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := until()):
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.05)
    return found


def state_of(services: Services, sweep: Sweep) -> str:
    return services.sweeps.numbered(sweep.number).state


def wait_until_ended(services: Services, sweep: Sweep, seconds: float = 90) -> Sweep:
    wait(lambda: state_of(services, sweep) not in ("queued", "running"), seconds)
    return services.sweeps.numbered(sweep.number)


def check_rows(services: Services, sweep: Sweep, sweeper: Sweeper) -> None:
    """Every point once, and each row what an undisturbed run gives."""
    points = sweeper.ready.plan.grid.points()
    stored = list(services.sweeps.runs(sweep).stream())
    found = np.concatenate([part.points for part in stored])
    np.testing.assert_array_equal(found, points)
    metrics = np.concatenate([part.metrics for part in stored])
    expected = np.concatenate(
        [sweeper.run(points[i : i + BLOCK]).metrics for i in range(0, len(points), BLOCK)]
    )
    np.testing.assert_array_equal(metrics.astype(np.float32), expected.astype(np.float32))
    now = services.sweeps.numbered(sweep.number)
    assert (now.done, now.total) == (len(points), len(points))


def test_a_worker_finishes_a_sweep(services, environment):
    sweep, sweeper = submit(services, SMALL)
    with worker(environment):
        ended = wait_until_ended(services, sweep)
    assert (ended.state, ended.error) == ("finished", "")
    check_rows(services, ended, sweeper)


def test_questions_to_the_runs(services, environment, monkeypatch):
    sweep, sweeper = submit(services, SMALL)
    with worker(environment):
        wait_until_ended(services, sweep)
    runs, whole = services.sweeps.runs(sweep), sweeper.run(SMALL.points())
    sharpe = whole.metrics[:, METRICS.index("sharpe")].astype(np.float32)
    earned = whole.metrics[:, METRICS.index("total_return")]
    best = np.lexsort((whole.points, -sharpe))[:50]
    page = runs.page("sharpe", descending=True, limit=30, offset=20)
    np.testing.assert_array_equal(page.points, whole.points[best[20:]])
    for by, descending in (("sharpe", True), ("sharpe", False), ("rebalances", True)):
        near = runs.page(by, descending=descending, limit=30, offset=20, values={"hot": 7})
        with monkeypatch.context() as far:
            far.setattr("core.db.runs.FAR_DOWN", 5)
            page = runs.page(by, descending=descending, limit=30, offset=20, values={"hot": 7})
        np.testing.assert_array_equal(page.points, near.points)
    low, high = np.quantile(sharpe, [0.3, 0.6])
    kept = (sharpe >= low) & (sharpe <= high)
    assert runs.count((Filter("sharpe", float(low), float(high)),)) == kept.sum()
    assert runs.at(77).points.tolist() == [77]
    summary = runs.summary("sharpe")
    assert summary["largest"] == pytest.approx(sharpe.max())
    assert summary["median"] == pytest.approx(np.median(sharpe))
    assert summary["profitable"] == pytest.approx((earned > 0).mean())
    cube = sharpe.reshape(SMALL.shape)
    for how, over in (("mean", np.mean), ("median", np.median), ("min", np.min), ("max", np.max)):
        expected = over(cube, axis=(2, 3)).T
        np.testing.assert_allclose(runs.pivot("window", "hot", "sharpe", how), expected, rtol=1e-5)
    sliced = runs.pivot("cold", "safe", "sharpe", "mean", {"window": 3, "hot": 7})
    np.testing.assert_allclose(sliced, cube[3, 7].T, rtol=1e-5)
    sliced = runs.pivot("cold", "hot", "sharpe", "median", {"window": 3, "safe": 1})
    np.testing.assert_allclose(sliced, cube[3, :, :, 1], rtol=1e-5)
    shares = runs.top_values("sharpe", descending=True)
    assert all(share.sum() == pytest.approx(1) for share in shares.values())


def test_runs_that_cannot_be_are_rows_with_a_reason(services, environment):
    grid = parse_grid(["window=0:3", "safe=TLT,NOPE"])
    sweep, sweeper = submit(services, grid)
    with worker(environment):
        ended = wait_until_ended(services, sweep)
    assert (ended.state, ended.done, ended.failed) == ("finished", 8, 6)
    page = services.sweeps.runs(sweep).page("sharpe", descending=True)
    assert (page.reason[:2] == 0).all()
    assert {ended.detail["reasons"][r - 1] for r in page.reason[2:]} == set(sweeper.reasons)


def test_workers_killed_at_random_leave_no_trace(services, environment):
    sweep, sweeper = submit(services, LARGE)
    draw = random.Random(5)
    workers = [start_worker(environment, SLUICE_WORKER_THREADS="1") for _ in range(2)]
    try:
        wait(lambda: services.sweeps.numbered(sweep.number).done > 0)
        for _ in range(4):
            time.sleep(draw.uniform(0.05, 0.5))
            unlucky = draw.randrange(2)
            workers[unlucky].kill()
            workers[unlucky].wait(10)
            workers[unlucky] = start_worker(environment, SLUICE_WORKER_THREADS="1")
        ended = wait_until_ended(services, sweep, 90)
    finally:
        for one in workers:
            one.kill()
            one.wait(10)
    assert ended.state == "finished"
    check_rows(services, ended, sweeper)


def test_a_sweep_is_paused_resumed_and_cancelled(services, environment):
    user = services.user.id
    sweep, sweeper = submit(services, LARGE)
    with worker(environment):
        wait(lambda: services.sweeps.numbered(sweep.number).done > 0)
        services.sweeps.pause(user, sweep.id)
        time.sleep(1.5)  # blocks at work are finished, none is begun
        done = services.sweeps.numbered(sweep.number).done
        assert 0 < done < sweep.total
        time.sleep(1)
        assert services.sweeps.numbered(sweep.number).done == done
        with pytest.raises(BadInput, match="paused"):
            services.sweeps.pause(user, sweep.id)
        services.sweeps.resume(user, sweep.id)
        services.start_sweeps(user)
        assert wait_until_ended(services, sweep).state == "finished"
    check_rows(services, sweep, sweeper)
    with pytest.raises(BadInput, match="finished"):
        services.sweeps.cancel(user, sweep.id)
    other, _ = submit(services, LARGE)
    services.sweeps.cancel(user, other.id)
    assert state_of(services, other) == "cancelled"


def test_users_take_turns_and_a_users_sweeps_wait(services):
    other = services.users.ensure(User(uuid4(), "Other"))
    mine = [submit(services, SMALL, priority=p)[0] for p in (0, 0, 5)]
    theirs, _ = submit(services, SMALL, other)
    assert [state_of(services, s) for s in mine] == ["running", "queued", "queued"]
    assert state_of(services, theirs) == "running"
    services.sweeps.cancel(services.user.id, mine[0].id)
    services.start_sweeps(services.user.id)
    assert [state_of(services, s) for s in mine] == ["cancelled", "queued", "running"]
    listed = services.sweeps.recent(services.user.id)
    assert [s.id for s in listed] == [mine[2].id, mine[1].id, mine[0].id]
    assert services.sweeps.count(services.user.id) == 3


def test_an_equal_sweep_is_found_and_a_deleted_one_is_gone(services):
    user = services.user.id
    sweep, _ = submit(services, SMALL)
    assert services.sweeps.equal(user, sweep.key).id == sweep.id
    services.sweeps.cancel(user, sweep.id)
    assert services.sweeps.equal(user, sweep.key) is None
    services.sweeps.delete(user, sweep.id)
    with pytest.raises(UnknownName):
        services.sweeps.get(user, sweep.id)
    with services.database.engine.begin() as db:
        left = db.execute(text(f"SELECT to_regclass('runs.sweep_{sweep.number}')")).scalar()
    assert left is None


def test_a_sweep_that_is_deleted_under_a_worker_is_gone_without_a_word(services, monkeypatch):
    sweep, _ = submit(services, SMALL)
    run = Sweeper.run

    def deleted_meanwhile(self: Sweeper, points: Any) -> Any:
        services.sweeps.delete(sweep.user_id, sweep.id)
        return run(self, points)

    monkeypatch.setattr(Sweeper, "run", deleted_meanwhile)
    run_chain(services, Sweepers(services), sweep.number, 0)
    with pytest.raises(UnknownName):
        services.sweeps.numbered(sweep.number)
    assert services.sweeps.finish(sweep.number) is False


def test_an_error_nobody_foresaw_ends_a_sweep_and_is_told(services, monkeypatch, caplog):
    """Else it would be handed out again every few seconds, and run for ever."""
    sweep, _ = submit(services, SMALL)
    waits, _ = submit(services, LARGE)

    def broken(self: Sweeper, points: Any) -> Any:
        raise ZeroDivisionError("a defect of ours")

    monkeypatch.setattr(Sweeper, "run", broken)
    run_chain(services, Sweepers(services), sweep.number, 0)
    ended = services.sweeps.numbered(sweep.number)
    assert ended.state == "failed"
    assert "ZeroDivisionError: a defect of ours" in ended.error
    assert "Traceback" in caplog.text
    assert state_of(services, waits) == "running"


def test_a_sweep_deleted_while_it_is_handed_out_stops_no_other(services, monkeypatch):
    sweep, _ = submit(services, SMALL)
    handed: list[int] = []
    monkeypatch.setattr(services.queue, "sweep", lambda one: handed.append(one.number))
    numbered = services.sweeps.numbered

    def deleted_meanwhile(number: int) -> Sweep:
        services.sweeps.delete(sweep.user_id, sweep.id)
        return numbered(number)

    monkeypatch.setattr(services.sweeps, "numbered", deleted_meanwhile)
    hand_out(services)
    assert handed == [sweep.number]


def test_an_extended_grid_computes_only_what_is_new(services, environment):
    small = parse_grid(["window=5:24", "hot=60:80:2", "safe=TLT,GLD"])  # cold stays 30
    first, sweeper = submit(services, small)
    with worker(environment):
        assert wait_until_ended(services, first).state == "finished"
        large = parse_grid(
            ["safe=GLD,TLT,BAD!", "cold=10:40:10", "window=5:30", "hot=62:90:2"],
            ["hot > 20"],
        )
        second, sweeper = submit(services, large, extend=True)
        assert second.reused == 20 * 10 * 2
        ended = wait_until_ended(services, second)
        assert ended.state == "finished"
        assert ended.failed == large.size // 3
        check_rows(services, ended, sweeper)
        own = wait(lambda: blocks_of(services, ended))
        assert own == -(-(ended.total - ended.reused) // BLOCK)
        part = parse_grid(["hot=62:90:4", "cold=10,20", "safe=TLT"])
        third, sweeper = submit(services, part, extend=True)
    ended = services.sweeps.numbered(third.number)
    assert (ended.state, ended.reused, ended.done) == ("finished", ended.total, ended.total)
    check_rows(services, ended, sweeper)


def blocks_of(services: Services, sweep: Sweep) -> int:
    with services.database.engine.begin() as db:
        query = text("SELECT count(*) FROM sweep_blocks WHERE sweep = :number")
        return db.execute(query, {"number": sweep.number}).scalar_one()


def test_a_sweep_whose_origin_was_deleted_computes_all(services, environment):
    first, _ = submit(services, SMALL)
    with worker(environment):
        wait_until_ended(services, first)
        request = SweepRequest(
            user_id=services.user.id, flow=FLOW, settings=SPAN, source="demo",
            grid=parse_grid(["window=5:24", "hot=60:80"]),
        )  # fmt: skip
        sweep, ready = sweep_of(
            request, services.source("demo"), _none, engine_version="test", now=services.clock()
        )
        planned = reuse_of(sweep, ready, services.sweeps.extendable(first.user_id, sweep.base))
        assert planned[0].reused == 20 * 21
        services.sweeps.delete(first.user_id, first.id)
        sweep = services.sweeps.add(*planned)
        assert (sweep.reused, sweep.done) == (0, 0)
        services.start_sweeps(services.user.id)
        ended = wait_until_ended(services, sweep)
    assert ended.state == "finished"
    check_rows(services, ended, Sweeper(ready))


def test_changed_bars_fail_a_sweep_and_say_so(services, environment, bars):
    request = SweepRequest(
        user_id=services.user.id,
        flow=from_json(
            {"sluice": 1, "name": "Files", "variables": {"n": 5},
             "root": {"kind": "gate", "then": {"kind": "asset", "symbol": "SPY"},
                      "else": {"kind": "asset", "symbol": "TLT"},
                      "when": {"left": {"indicator": "rsi", "symbol": "SPY", "window": "$n"},
                               "op": ">", "right": 50}}}
        ),
        grid=parse_grid(["n=3:9"]), settings=BacktestSettings(), source="files", path=bars,
    )  # fmt: skip
    source = services.source("files", path=bars)
    sweep, _ = sweep_of(request, source, _none, engine_version="test", now=services.clock())
    sweep = services.sweeps.add(sweep)
    lines = bars.read_text().splitlines()
    bars.write_text("\n".join([*lines[:40], lines[40].replace(".", "9.", 1), *lines[41:]]))
    os.utime(bars)
    services.start_sweeps(services.user.id)
    with worker(environment):
        ended = wait_until_ended(services, sweep)
    assert ended.state == "failed"
    assert "have changed" in ended.error or "SPY" in ended.error


def test_two_homes_share_one_server(services, environment, tmp_path):
    """Two workers that share nothing but the database's address, as on two hosts."""
    url = services.database.conninfo
    apart = [
        {k: v for k, v in environment.items() if k != "SLUICE_HOME"}
        | {"SLUICE_HOME": str(tmp_path / name), "SLUICE_DATABASE_URL": url,
           "SLUICE_WORKER_THREADS": "1"}
        for name in ("one", "two")
    ]  # fmt: skip
    sweep, sweeper = submit(services, LARGE)
    with worker(apart[0]), worker(apart[1]):
        ended = wait_until_ended(services, sweep, 120)
    assert ended.state == "finished"
    check_rows(services, ended, sweeper)


def test_old_sweeps_go_and_pinned_ones_stay(services):
    user = services.user.id
    kept, gone, running = (submit(services, SMALL)[0] for _ in range(3))
    services.sweeps.cancel(user, kept.id)
    services.sweeps.cancel(user, gone.id)
    services.sweeps.pin(user, kept.id)
    assert [s.id for s in services.sweeps.older(user, services.clock())] == [gone.id]
    assert services.sweeps.delete_older(services.clock()) == 1
    assert {s.id for s in services.sweeps.recent(user)} == {kept.id, running.id}


@pytest.fixture(autouse=True)
def empty_queue(services) -> None:
    with services.database.engine.begin() as db:
        db.execute(text("TRUNCATE procrastinate_jobs, procrastinate_events CASCADE"))
        for name in db.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'runs'")):
            db.execute(text(f'DROP TABLE runs."{name}"'))
