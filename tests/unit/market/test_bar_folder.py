"""Settled bars on disk, with processes that die and others that wait."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from core.errors import Cancelled
from core.market.bar_folder import BarFolder
from tests.unit.market.series import ohlcv
from tests.unit.market.test_settled import KEY, make_settled

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2024, 3, 6, 15, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path) -> BarFolder:
    return BarFolder(tmp_path / "bars")


def forever() -> Iterator[None]:
    while True:
        yield


def put(folder: BarFolder, symbol: str = "BRK.B", *, first: float = 100.0) -> Path:
    key = replace(KEY, symbol=symbol)
    given = make_settled(key=key)
    bars = replace(given.bars, symbol=symbol, ohlcv=ohlcv(len(given.bars.sessions), first))
    settled = replace(given, bars=bars)
    folder.write(settled, settled.to_bytes())
    return folder.path(key)


def test_what_was_written_is_read(folder):
    assert folder.read(KEY, NOW) is None
    path = put(folder)
    assert path.name == "BRK.B.parquet"
    got = folder.read(KEY, NOW)
    assert got is not None
    assert got.bars.ohlcv.open[0] == 100


def test_a_later_write_takes_the_place_of_an_earlier_one(folder):
    put(folder)
    path = put(folder, first=500)
    assert folder.read(KEY, NOW).bars.ohlcv.open[0] == 500
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("damage", ["empty", "half", "noise"])
def test_a_damaged_file_is_not_there_and_the_log_says_so(folder, caplog, damage):
    path = put(folder)
    whole = path.read_bytes()
    path.write_bytes(
        {"empty": b"", "half": whole[: len(whole) // 2], "noise": os.urandom(4096)}[damage]
    )
    assert folder.read(KEY, NOW) is None
    assert f"cached bars in {path} are damaged and are fetched anew" in caplog.text


def test_bars_that_can_be_read_are_used_though_their_reading_cannot_be_noted(
    folder, caplog, monkeypatch
):
    """As on a folder mounted read-only."""
    put(folder)

    def refuse(*_, **__):
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(os, "utime", refuse)
    assert folder.read(KEY, NOW) is not None
    assert caplog.text == ""


WRITER = """
import os, sys, time
from pathlib import Path
from core.market.bar_folder import BarFolder
from tests.unit.market import test_bar_folder

def stall(fd):
    print("half-way", flush=True)
    time.sleep(60)

os.fsync = stall
test_bar_folder.put(BarFolder(Path(sys.argv[1])), first=500)
"""


@pytest.mark.parametrize("before", [None, 100.0])
def test_a_writer_killed_half_way_leaves_what_was_there(folder, tmp_path, before):
    if before is not None:
        put(folder, first=before)
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "bars")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with writer:
        assert writer.stdout.readline() == "half-way\n"
        writer.send_signal(signal.SIGKILL)
    assert writer.returncode == -signal.SIGKILL
    got = folder.read(KEY, NOW)
    assert (got and got.bars.ohlcv.open[0]) == before
    left = list((tmp_path / "bars").rglob("*.tmp"))
    assert len(left) == 1
    # The next purge takes what it left, and what others are writing stays.
    mine = left[0].with_name(f".X.parquet.{os.getpid()}-1.tmp")
    mine.write_bytes(b"")
    folder.purge(NOW - timedelta(days=1000))
    assert list((tmp_path / "bars").rglob("*.tmp")) == [mine]


def test_readers_beside_writers_see_whole_files_only(folder, tmp_path, caplog):
    script = (
        "import sys; from pathlib import Path\n"
        "from core.market.bar_folder import BarFolder\n"
        "from tests.unit.market.test_bar_folder import put\n"
        "folder = BarFolder(Path(sys.argv[1]))\n"
        "for i in range(100): put(folder, first=float(sys.argv[2]))\n"
    )
    put(folder, first=100)
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "bars"), first], cwd=ROOT)
        for first in ("200", "300")
    ]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        got = folder.read(KEY, NOW)
        assert got is not None, caplog.text
        first = float(got.bars.ohlcv.open[0])
        seen.add(first)
        np.testing.assert_array_equal(
            got.bars.ohlcv.open, first + np.arange(len(got.bars.sessions))
        )
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen & {200.0, 300.0}


def test_a_write_that_fails_leaves_no_half_file(folder, monkeypatch):
    path = put(folder)

    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        put(folder, first=500)
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert folder.read(KEY, NOW).bars.ohlcv.open[0] == 100


# -- locks -----------------------------------------------------------------------------------------


def test_a_lock_is_waited_for_and_the_waiting_can_be_stopped(folder):
    def stop() -> Iterator[None]:
        yield
        raise Cancelled("stopped by the user")

    with folder.locked([KEY], forever()):
        with pytest.raises(Cancelled), folder.locked([KEY], stop()):
            pytest.fail("two hold one lock")
        with folder.locked([replace(KEY, symbol="SPY")], stop()):
            pass  # another series is free
    with folder.locked([KEY], stop()):
        pass


def test_many_locks_in_any_order_never_wait_in_a_circle(folder):
    keys = [replace(KEY, symbol=name) for name in ("A", "B", "C", "D")]
    inside: list[int] = []

    def hold(order: list[int]) -> None:
        for _ in range(5):
            with folder.locked([keys[i] for i in order], forever()):
                inside.append(1)
                assert len(inside) == 1
                inside.pop()

    threads = [
        threading.Thread(target=hold, args=(o,)) for o in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert not any(thread.is_alive() for thread in threads)


def test_a_lock_ends_with_the_process_that_held_it(folder, tmp_path):
    script = (
        "import sys, time; from pathlib import Path\n"
        "from core.market.bar_folder import BarFolder\n"
        "from tests.unit.market.test_bar_folder import KEY, forever\n"
        "with BarFolder(Path(sys.argv[1])).locked([KEY], forever()):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "bars")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with holder:
        assert holder.stdout.readline() == "held\n"
        waited = forever()
        turns = 0

        def kill_it() -> Iterator[None]:
            nonlocal turns
            for _ in waited:
                turns += 1
                holder.kill()
                yield

        with folder.locked([KEY], kill_it()):
            assert turns >= 1


def test_where_nothing_can_be_written_nothing_is_locked(tmp_path, caplog):
    (tmp_path / "bars").write_text("a file")
    with BarFolder(tmp_path / "bars").locked([KEY], forever()):
        assert "cannot be locked" in caplog.text


# -- size and age ----------------------------------------------------------------------------------


def test_its_size_counts_series_and_nothing_else(folder, tmp_path):
    assert folder.size().files == 0
    paths = [put(folder, name) for name in ("SPY", "TLT")]
    with folder.locked([KEY], forever()):
        pass
    (paths[0].parent / ".SPY.parquet.1-1.tmp").write_bytes(b"x" * 99)
    assert (folder.size().files, folder.size().bytes) == (2, sum(p.stat().st_size for p in paths))


def test_purging_removes_what_nobody_has_read_for_long(folder):
    old, new = put(folder, "SPY"), put(folder, "TLT")
    folder.read(replace(KEY, symbol="SPY"), NOW - timedelta(days=100))
    folder.read(replace(KEY, symbol="TLT"), NOW - timedelta(days=10))
    size = old.stat().st_size
    gone = folder.purge(NOW - timedelta(days=30))
    assert (gone.files, gone.bytes) == (1, size)
    assert not old.exists()
    assert new.exists()
