"""What files' prices are adjusted for, and how the other bases come from them."""

from __future__ import annotations

import pytest

from core.errors import BadInput
from core.market.sources.files import FilesSource
from tests.unit.market.sources.tables import (
    AGGREGATES_HEADER,
    HEADER,
    SESSIONS,
    aggregate_rows,
    rows,
    text,
    write,
)

SPLIT_DAY, DIVIDEND_DAY = 30, 45  # rows of SESSIONS
PAID = 2.0


def raw_rows() -> list[list[str]]:
    """Prices as traded: four times as high before the split; nothing else changes."""
    lines = rows(first=100)
    for cells in lines[:SPLIT_DAY]:
        cells[2:6] = [str(4 * float(c)) for c in cells[2:6]]
    return lines


ACTIONS = (
    "symbol,ex_date,type,value\n"
    f"SPY,{SESSIONS[SPLIT_DAY]},split,4\n"
    f"SPY,{SESSIONS[DIVIDEND_DAY]},dividend,{PAID}\n"
)
CLOSE = [101.0 + i for i in range(len(SESSIONS))]
KEEPS = 1 - PAID / CLOSE[DIVIDEND_DAY - 1]
"""What a dividend leaves of the prices before it."""


def closes(source: FilesSource, adjustment: str) -> tuple[float, float, float, str]:
    bars = source.bars(["SPY"], adjustment=adjustment)
    at = (0, SPLIT_DAY, DIVIDEND_DAY)
    return (*(bars.close[i, 0] for i in at), bars.provenance.adjustment)


EXPECTED = {
    "raw": (4 * CLOSE[0], CLOSE[SPLIT_DAY], CLOSE[DIVIDEND_DAY], "raw"),
    "split_adjusted": (CLOSE[0], CLOSE[SPLIT_DAY], CLOSE[DIVIDEND_DAY], "split_adjusted"),
    "adjusted": (CLOSE[0] * KEEPS, CLOSE[SPLIT_DAY] * KEEPS, CLOSE[DIVIDEND_DAY], "adjusted"),
}


@pytest.fixture(params=["beside", "elsewhere"])
def aggregates(request, tmp_path) -> FilesSource:
    """Day aggregates with their corporate actions in the folder, or named."""
    lines = {cells[0] + cells[6]: cells for cells in aggregate_rows()}
    for cells, traded in zip(lines.values(), raw_rows(), strict=True):
        _, _, o, h, lo, c, _ = traded
        cells[2:6] = [o, c, h, lo]
    write(tmp_path / "us" / "2024.csv.gz", text(lines.values(), AGGREGATES_HEADER))
    place = tmp_path / ("us" if request.param == "beside" else "kept") / "actions.csv"
    write(place, ACTIONS)
    return FilesSource(tmp_path / "us", actions=place)


@pytest.mark.parametrize("adjustment", EXPECTED)
def test_aggregates_with_actions_answer_every_basis(aggregates, adjustment):
    assert closes(aggregates, adjustment) == pytest.approx(EXPECTED[adjustment])


@pytest.mark.parametrize("adjustment", EXPECTED)
def test_a_tidy_file_beside_actions_is_taken_as_raw(tmp_path, adjustment):
    write(tmp_path / "x" / "bars.csv", text(raw_rows()))
    write(tmp_path / "x" / "actions.csv", ACTIONS)
    assert closes(FilesSource(tmp_path / "x"), adjustment) == pytest.approx(EXPECTED[adjustment])


def test_volumes_are_in_the_shares_of_the_basis(aggregates):
    raw, split = (
        aggregates.bars(["SPY"], adjustment=kind).volume[0, 0] for kind in ("raw", "split_adjusted")
    )
    assert split == 4 * raw


def test_actions_without_dividends_make_split_adjusted_prices_and_say_so(tmp_path):
    write(tmp_path / "x" / "bars.csv", text(raw_rows()))
    write(tmp_path / "x" / "actions.csv", ACTIONS.rpartition("SPY")[0])
    source = FilesSource(tmp_path / "x")
    assert closes(source, "adjusted") == pytest.approx(EXPECTED["split_adjusted"])


def test_aggregates_without_actions_are_raw_and_nothing_else(tmp_path):
    path = write(tmp_path / "2024.csv", text(aggregate_rows(), AGGREGATES_HEADER))
    assert closes(FilesSource(path), "raw")[3] == "raw"
    for adjustment in ("adjusted", "split_adjusted"):
        with pytest.raises(BadInput) as caught:
            FilesSource(path).bars(["SPY"], adjustment=adjustment)
        assert str(caught.value) == (
            "data: the prices are as traded, and no file says which splits they have seen. "
            "Put a CSV of symbol,ex_date,type,value beside them, or ask for raw prices."
        )


def with_adjusted_closes(lines: list[list[str]], factor: float) -> str:
    return text([[*r, str(float(r[5]) * factor)] for r in lines], HEADER + ",adj_close")


def test_adjusted_closes_adjust_every_price_of_their_bar(tmp_path):
    path = write(tmp_path / "a.csv", with_adjusted_closes(rows(), 0.5))
    source = FilesSource(path)
    plain, whole = (source.bars(["SPY"], adjustment=a) for a in ("split_adjusted", "adjusted"))
    for name in ("open", "high", "low", "close"):
        assert getattr(whole, name)[7, 0] == pytest.approx(getattr(plain, name)[7, 0] / 2)
    assert whole.volume[7, 0] == plain.volume[7, 0]
    assert (plain.provenance.adjustment, whole.provenance.adjustment) == (
        "split_adjusted",
        "adjusted",
    )


def test_an_adjusted_close_missing_or_beside_a_close_of_zero_drops_the_bar(tmp_path):
    lines = [[*r, r[5]] for r in rows()]
    lines[4][7], lines[9][5] = "", "0"
    lines[11][7] = "55"  # or all would be equal, and the file fully adjusted
    bars = FilesSource(write(tmp_path / "a.csv", text(lines, HEADER + ",adj_close"))).bars(["SPY"])
    assert [(f.rule, f.count) for f in bars.findings][:1] == [("missing_price", 2)]


def test_a_file_whose_closes_all_equal_their_adjusted_ones_is_adjusted_only(tmp_path):
    source = FilesSource(write(tmp_path / "a.csv", with_adjusted_closes(rows(), 1)))
    assert closes(source, "adjusted")[3] == "adjusted"
    for adjustment in ("split_adjusted", "raw"):
        with pytest.raises(BadInput, match="the files hold adjusted prices, as far as they tell"):
            source.bars(["SPY"], adjustment=adjustment)


def test_a_plain_file_is_taken_as_split_adjusted_and_says_so(tmp_path):
    source = FilesSource(write(tmp_path / "a.csv", text(rows())))
    assert closes(source, "adjusted")[3] == "split_adjusted"
    assert closes(source, "split_adjusted")[3] == "split_adjusted"
    with pytest.raises(BadInput, match="Choose split_adjusted, or state what") as caught:
        source.bars(["SPY"], adjustment="raw")
    assert caught.value.field == "adjustment"


@pytest.mark.parametrize("stated", ["adjusted", "split_adjusted", "raw"])
def test_who_knows_better_states_the_basis(tmp_path, stated):
    source = FilesSource(write(tmp_path / "a.csv", text(rows())), basis=stated)
    assert closes(source, stated)[3] == stated
