"""The store of a large folder: the same bars as without it, and never in the way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.errors import BadInput, Cancelled
from core.market.sources.files import FilesSource, source, store
from tests.unit.market.sources.tables import (
    AGGREGATES_HEADER,
    SESSIONS,
    aggregate_rows,
    text,
    write,
)
from tests.unit.market.sources.watcher import Watcher

SYMBOLS = ("AAA", "BB", "C", "DD.E", "F")


@pytest.fixture(autouse=True)
def every_folder_is_large(monkeypatch):
    monkeypatch.setattr(source, "LARGE", 0)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Day aggregates as the vendor has them: a file a session, all symbols in each."""
    place = tmp_path / "days"
    each = [aggregate_rows(s, first=50.0 * (i + 1)) for i, s in enumerate(SYMBOLS)]
    for day, lines in zip(SESSIONS, zip(*each, strict=True), strict=True):
        write(place / f"{day}.csv.gz", text(lines, AGGREGATES_HEADER))
    return place


@pytest.fixture
def cache(tmp_path) -> Path:
    return tmp_path / "cache"


def read(folder: Path, cache: Path | None, symbols=SYMBOLS, **asked):
    return FilesSource(folder, cache=cache).bars(symbols, adjustment="raw", **asked)


def stores(cache: Path) -> list[Path]:
    return [path for path in cache.iterdir() if not path.name.startswith(".")]


def test_bars_are_those_of_the_files(folder, cache):
    assert read(folder, cache).digest() == read(folder, None).digest()
    assert (
        read(folder, cache, ["DD.E", "AAA"]).digest()
        == read(folder, None, ["DD.E", "AAA"]).digest()
    )
    assert FilesSource(folder, cache=cache).symbols() == SYMBOLS
    assert read(folder, None).findings == read(folder, cache).findings == ()


def test_files_are_read_once(folder, cache):
    first, second = Watcher(), Watcher()
    read(folder, cache, progress=first)
    read(folder, cache, progress=second)
    assert len(first.told) == len(SESSIONS) + 2
    assert len(second.told) == 2


def test_an_unknown_symbol_is_said(folder, cache):
    with pytest.raises(BadInput, match=r"symbol 'AAB' does not exist\. Did you mean 'AAA'"):
        read(folder, cache, ["AAB"])


def test_a_changed_file_makes_another_store_in_the_place_of_the_first(folder, cache):
    read(folder, cache)
    (before,) = stores(cache)
    lines = [[*cells[:3], "77", *cells[4:]] for cells in aggregate_rows("C")[:1]]
    write(folder / f"{SESSIONS[0]}.csv.gz", text(lines, AGGREGATES_HEADER))
    assert read(folder, cache, ["C"]).close[0, 0] == 77
    (after,) = stores(cache)
    assert after != before


def test_stores_of_two_folders_live_side_by_side(folder, cache, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    (other / f"{SESSIONS[0]}.csv.gz").unlink()
    assert len(read(folder, cache)) == len(read(other, cache)) + 1
    assert len(stores(cache)) == 2


@pytest.mark.parametrize("victim", ["index.json", "*.parquet"])
@pytest.mark.parametrize("damage", ["empty", "half", "gone"])
def test_a_damaged_store_is_made_anew(folder, cache, caplog, victim, damage):
    whole = read(folder, cache)
    (place,) = stores(cache)
    for path in place.glob(victim):
        if damage == "gone":
            path.unlink()
        else:
            data = path.read_bytes()
            path.write_bytes(data[: len(data) // 2] if damage == "half" else b"")
    assert read(folder, cache).digest() == whole.digest()
    assert read(folder, cache).digest() == whole.digest()
    assert "damaged and made anew" in caplog.text


def test_where_no_store_can_be_kept_bars_are_read_all_the_same(folder, cache, caplog):
    cache.write_text("a file where the folder should be")
    assert read(folder, cache).digest() == read(folder, None).digest()
    assert "can be kept" in caplog.text


def test_a_bad_file_is_named_and_leaves_no_store(folder, cache):
    write(folder / "2024-12-31.csv.gz", "ticker,volume\n")
    with pytest.raises(BadInput, match=r"days/2024-12-31\.csv\.gz has no columns"):
        read(folder, cache)
    assert not cache.exists() or not list(cache.iterdir())


def test_a_cancelled_reading_leaves_nothing_behind(folder, cache):
    with pytest.raises(Cancelled):
        read(folder, cache, progress=Watcher(patience=5))
    assert list(cache.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next(folder, cache):
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    mine, its = (cache / f"{store._MAKING}{pid}-x" for pid in (os.getpid(), dead.pid))
    for left in (mine, its):
        left.mkdir(parents=True)
    read(folder, cache)
    assert mine.exists()  # that process lives and may be dealing
    assert not its.exists()


def test_whoever_deals_first_wins_and_the_other_uses_that(folder, cache, caplog):
    others: list[str] = []

    def meanwhile(share: float, doing: str) -> None:
        if not others and share > 0.5:
            others.append("")  # once
            others[0] = read(folder, cache).digest()

    assert [read(folder, cache, progress=meanwhile).digest()] == others
    assert len(list(cache.iterdir())) == 1
    assert caplog.text == ""


def test_two_processes_may_deal_at_once(folder, cache):
    script = (
        "import sys; from pathlib import Path; from core.market.sources.files import FilesSource, source\n"
        "source.LARGE = 0\n"
        f"bars = FilesSource(Path(sys.argv[1]), cache=Path(sys.argv[2])).bars({SYMBOLS!r}, adjustment='raw')\n"
        "print(bars.digest())\n"
    )
    root = Path(__file__).resolve().parents[4]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(folder), str(cache)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
        )
        for _ in range(2)
    ]
    said = {process.communicate(timeout=60)[0].strip() for process in running}
    assert said == {read(folder, None).digest()}
    assert len(list(cache.iterdir())) == 1


def test_without_a_cache_or_for_a_small_folder_nothing_is_written(folder, cache, monkeypatch):
    monkeypatch.setattr(source, "LARGE", 10**9)
    np.testing.assert_array_equal(read(folder, cache).sessions, SESSIONS)
    assert not cache.exists()
