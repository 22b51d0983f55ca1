"""Files that cannot be used say which, where and how to mend them; bad bars are counted."""

from __future__ import annotations

import gzip

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from core.errors import BadData, BadInput
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

GOOD = text(rows())
EXAMPLE = "Tidy files have date,symbol,open,high,low,close,volume."
ROW = "2024-01-02,SPY,100,102,99,101,1000"


def said_about(path, symbol="SPY") -> str:
    with pytest.raises(BadInput) as caught:
        FilesSource(path).bars([symbol])
    assert caught.value.field == "data"
    return caught.value.message + " " + caught.value.fix


def cell(line: int, column: int, value: str) -> str:
    """The good file with one cell of one line changed; line 1 is the header."""
    lines = [HEADER.split(","), *rows()]
    lines[line - 1][column] = value
    return "\n".join(",".join(cells) for cells in lines) + "\n"


NUMBERS = "Write numbers like 1234.5, and nothing where one is unknown."
DATES = "Write dates as 2024-01-31."

BAD_CSV = {
    # what is wrong: (the file, what is said)
    "empty": ("", "bad.csv is empty. Give a file with a header and bars."),
    "blank": ("\n", "bad.csv is empty. Give a file with a header and bars."),
    "a header only": (HEADER + "\n", "bad.csv has a header and no bars. Give a file with bars."),
    "no volume": (
        text([r[:-1] for r in rows()], HEADER.removesuffix(",volume")),
        f"bad.csv has no column volume. {EXAMPLE}",
    ),
    "no symbol, no date": (
        "open,high,low,close,volume\n1,2,1,2,5\n",
        f"bad.csv has no columns date, symbol. {EXAMPLE}",
    ),
    "something else": (
        "name,price\nSPY,5\n",
        f"bad.csv has the columns name, price: that is no layout of bars. {EXAMPLE}",
    ),
    "a column twice": (
        f"{HEADER},Close\n{ROW},101\n",
        "bad.csv has two columns 'close'. Remove or rename one.",
    ),
    "a price in words": (
        cell(5, 3, "n.a. yet"),
        f"bad.csv line 5, column 'high': 'n.a. yet' is not a number. {NUMBERS}",
    ),
    "a thousands' comma": (
        cell(5, 5, '"1,105.5"'),
        f"bad.csv line 5, column 'close': '1,105.5' is not a number. {NUMBERS}",
    ),
    "a programmer's number": (
        cell(5, 5, "1_105"),
        f"bad.csv line 5, column 'close': '1_105' is not a number. {NUMBERS}",
    ),
    "a decimal comma splits the cell": (
        cell(5, 5, "105,5"),
        "bad.csv line 5 has 8 values, the header has 7. Mend that line.",
    ),
    "a line cut off": (
        GOOD + "2024-04-01,SPY,100\n",
        f"bad.csv line {len(SESSIONS) + 2} has 3 values, the header has 7. Mend that line.",
    ),
    "a date of another country": (
        cell(4, 0, "31.01.2024"),
        f"bad.csv line 4, column 'date': '31.01.2024' is not a date. {DATES}",
    ),
    "a month 13": (
        cell(2, 0, "2024-13-01"),
        f"bad.csv line 2, column 'date': '2024-13-01' is not a date. {DATES}",
    ),
    "a date missing": (cell(3, 0, ""), f"bad.csv line 3, column 'date': is empty. {DATES}"),
    "a symbol missing": (
        cell(3, 1, ""),
        "bad.csv line 3 has no symbol. Name it or remove the line.",
    ),
    "stamps in seconds": (
        f"{HEADER.replace('date', 'ts')}\n1704153600,SPY,100,102,99,101,1000\n",
        "bad.csv line 2, column 'ts': 1704153600 is not a time in milliseconds. "
        "Give the bar's opening time as UTC milliseconds since 1970.",
    ),
    "bars of an hour": (
        text([["2024-01-02T14:00:00Z", *rows()[0][1:]], ["2024-01-02T15:00:00Z", *rows()[0][1:]]]),
        "bad.csv holds bars of less than a day: SPY has one at 2024-01-02 14:00 and one at "
        "2024-01-02 15:00 UTC. Give daily bars, one for each symbol and date.",
    ),
}


@pytest.mark.parametrize(("content", "said"), BAD_CSV.values(), ids=BAD_CSV)
def test_a_bad_csv_names_itself_the_line_and_the_mend(tmp_path, content, said):
    assert said_about(write(tmp_path / "bad.csv", content)) == said


@pytest.mark.parametrize("name", ["price in words", "date of another country"])
def test_lines_are_counted_in_packed_files_too(tmp_path, name):
    content, said = BAD_CSV[f"a {name}"]
    path = write(tmp_path / "bad.csv.gz", content)
    assert said_about(path) == said.replace("bad.csv", "bad.csv.gz")


def test_a_path_that_is_not_there_is_said(tmp_path):
    assert said_about(tmp_path / "none.csv").endswith("none.csv does not exist. Check the path.")


def test_a_folder_without_data_is_said(tmp_path):
    write(tmp_path / "notes" / "a.txt", "hello")
    said = said_about(tmp_path / "notes")
    assert said.startswith("the folder notes holds no file ending in .csv, .csv.gz, .parquet.")


def test_a_gzip_cut_off_is_said(tmp_path):
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress(GOOD.encode())[:-20])
    assert said_about(path).startswith("cut.csv.gz cannot be read: ")


def test_a_parquet_cut_off_is_said(tmp_path):
    good = write(tmp_path / "good.csv", GOOD)
    path = tmp_path / "cut.parquet"
    pq.write_table(pacsv.read_csv(good), path)
    path.write_bytes(path.read_bytes()[:-20])
    assert said_about(path).startswith("cut.parquet cannot be read: ")


def test_bytes_that_are_no_text_are_said(tmp_path):
    path = tmp_path / "photo.csv"
    path.write_bytes(bytes(range(128, 256)) * 9)
    assert said_about(path).startswith("photo.csv cannot be read: ")


def test_text_where_parquet_should_have_numbers_is_said(tmp_path):
    good = pacsv.read_csv(write(tmp_path / "good.csv", GOOD))
    words = pa.array(["dear"] * good.num_rows)
    path = tmp_path / "bad.parquet"
    pq.write_table(good.set_column(5, "close", words), path)
    assert said_about(path).startswith("bad.parquet column 'close' holds string, not numbers.")


def test_a_null_date_in_parquet_is_said_by_its_row(tmp_path):
    good = pacsv.read_csv(write(tmp_path / "good.csv", GOOD))
    days = good.column("date").to_pylist()
    days[4] = None
    path = tmp_path / "bad.parquet"
    pq.write_table(good.set_column(0, "date", pa.array(days)), path)
    assert said_about(path) == f"bad.parquet row 5, column 'date': is empty. {DATES}"


# -- folders whose files do not go together --------------------------------------------------------


def test_files_of_two_layouts_are_said(tmp_path):
    write(tmp_path / "x" / "a.csv", GOOD)
    write(tmp_path / "x" / "b.csv", text(aggregate_rows(), AGGREGATES_HEADER))
    assert said_about(tmp_path / "x") == (
        "x/b.csv has the layout 'aggregates' and x/a.csv 'tidy'. "
        "Files of one folder must have one layout: separate them."
    )


def test_files_adjusted_differently_are_said(tmp_path):
    write(tmp_path / "x" / "a.csv", GOOD)
    write(tmp_path / "x" / "b.csv", text([[*r, r[5]] for r in rows("TLT")], HEADER + ",adj_close"))
    assert said_about(tmp_path / "x").startswith(
        "x/b.csv has a column adj_close and x/a.csv has none."
    )


def test_a_bar_in_two_files_is_said(tmp_path):
    write(tmp_path / "x" / "a.csv", text(rows()[:30]))
    write(tmp_path / "x" / "b.csv", text(rows()[29:]))
    assert said_about(tmp_path / "x") == (
        f"x/b.csv and x/a.csv both have SPY on {SESSIONS[29]}. "
        "Files of one folder must not overlap: remove one of them."
    )


ACTIONS = {
    "an unknown type": (
        "SPY,2024-02-01,merger,2",
        "line 2, column 'type': 'merger' is not a corporate action. Write split or dividend.",
    ),
    "a split of nothing": (
        "SPY,2024-02-01,split,0",
        "line 2, column 'value': 0 is not above zero. A split's value is its new shares per old "
        "share, a dividend's is paid per share.",
    ),
    "a value missing": (
        "SPY,2024-02-01,dividend,",
        "line 2, column 'value': nan is not above zero. A split's value is its new shares per "
        "old share, a dividend's is paid per share.",
    ),
    "a date missing": ("SPY,,split,2", f"line 2, column 'ex_date': is empty. {DATES}"),
    "a split twice": (
        "SPY,2024-02-01,split,2\nSPY,2024-02-01,split,4",
        "line 3: SPY splits twice on 2024-02-01. Remove one.",
    ),
}


@pytest.mark.parametrize(("lines", "said"), ACTIONS.values(), ids=ACTIONS)
def test_bad_corporate_actions_name_their_line(tmp_path, lines, said):
    write(tmp_path / "x" / "bars.csv", GOOD)
    write(tmp_path / "x" / "splits.csv", f"symbol,ex_date,type,value\n{lines}\n")
    assert said_about(tmp_path / "x") == f"x/splits.csv {said}"


def test_actions_alone_or_twice_are_said(tmp_path):
    header = "symbol,ex_date,type,value\nSPY,2024-02-01,split,2\n"
    write(tmp_path / "x" / "one.csv", header)
    assert said_about(tmp_path / "x") == (
        "x/one.csv holds corporate actions and no bars. Add the bars."
    )
    write(tmp_path / "x" / "two.csv", header)
    write(tmp_path / "x" / "a.csv", GOOD)
    assert said_about(tmp_path / "x") == (
        "x/two.csv and x/one.csv both hold corporate actions. Keep one."
    )


def test_a_dividend_worth_more_than_the_share_is_said(tmp_path):
    write(tmp_path / "x" / "bars.csv", GOOD)
    write(tmp_path / "x" / "paid.csv", "symbol,ex_date,type,value\nSPY,2024-02-01,dividend,500\n")
    assert said_about(tmp_path / "x").startswith(
        "the dividend of SPY on 2024-02-01, 500, is not less than the close before, 121."
    )


# -- bad bars --------------------------------------------------------------------------------------

FINDINGS = {
    # what is wrong: (line 12's cells changed, or the whole text; what is counted)
    "a price unknown": ({5: ""}, ["1 bar dropped by rule 'missing_price'"]),
    "a price NaN": ({2: "NaN"}, ["1 bar dropped by rule 'missing_price'"]),
    "a price infinite": ({3: "inf"}, ["1 bar dropped by rule 'missing_price'"]),
    "a price negative": ({4: "-1"}, ["1 bar dropped by rule 'not_positive'"]),
    "a price of zero": ({5: "0"}, ["1 bar dropped by rule 'not_positive'"]),
    "a high below the low": ({3: "90"}, ["1 bar dropped by rule 'high_below_low'"]),
    "a close above the high": ({5: "999"}, ["1 bar repaired by rule 'close_outside_range'"]),
    "a volume unknown": ({6: ""}, ["1 bar kept as unknown by rule 'missing_volume'"]),
    "a volume negative": ({6: "-5"}, ["1 bar kept as unknown by rule 'missing_volume'"]),
    "a Saturday": ({0: "2024-01-20"}, ["1 bar dropped by rule 'not_a_session'"]),
}


@pytest.mark.parametrize(("change", "counted"), FINDINGS.values(), ids=FINDINGS)
def test_a_bad_bar_is_counted_and_the_rest_is_used(tmp_path, change, counted):
    lines = rows()
    for column, value in change.items():
        lines[12][column] = value
    bars = FilesSource(write(tmp_path / "a.csv", text(lines))).bars(["SPY"])
    said = [str(f).partition(": ")[2].partition(" (")[0] for f in bars.findings]
    gap = "1 bar kept as unknown by rule 'missing_session'"
    dropped = "dropped" in counted[0]
    assert said[:1] == counted
    # The day it stood for has no bar now: also said, and unknown rather than zero.
    assert (gap in said) == dropped
    assert np.isnan(bars.close[12, 0]) == dropped
    assert np.isfinite(np.delete(bars.close[:, 0], 12)).all()


def test_duplicates_disorder_and_gaps_are_counted(tmp_path):
    lines = rows()
    twice = [*lines[5][:5], "106.5", lines[5][6]]
    given = [lines[1], lines[0], *lines[2:6], twice, *lines[6:20], *lines[23:]]
    bars = FilesSource(write(tmp_path / "a.csv", text(given))).bars(["SPY"])
    counted = {(f.rule, f.count, f.action) for f in bars.findings}
    assert counted == {
        ("out_of_order", 1, "repaired"),
        ("duplicate_session", 1, "dropped"),
        ("missing_session", 3, "kept as unknown"),
    }
    assert bars.close[5, 0] == 106.5  # the last row stays
    assert np.isnan(bars.close[20:23, 0]).all()


def test_too_many_bad_bars_are_refused_by_name(tmp_path):
    lines = rows()
    for cells in lines[10:20]:
        cells[5] = "-1"
    with pytest.raises(BadData, match=r"SPY: \[too_many_bad_bars\] 10 of 61 bars were dropped"):
        FilesSource(write(tmp_path / "a.csv", text(lines))).bars(["SPY"])


def test_another_symbols_bad_bars_are_nobodys_trouble(tmp_path):
    worthless = [[*r[:5], "-1", r[6]] for r in rows("BAD")]
    path = write(tmp_path / "a.csv", text(rows() + worthless))
    assert FilesSource(path).bars(["SPY"]).findings == ()


def test_undeclared_splits_are_pointed_out(tmp_path):
    lines = rows(first=400)
    for cells in lines[30:]:
        cells[2:6] = [str(float(c) / 4) for c in cells[2:6]]
    path = write(tmp_path / "a.csv", text(lines))
    (finding,) = FilesSource(path).bars(["SPY"]).findings
    assert (finding.rule, finding.first) == ("looks_like_split", SESSIONS[30].item())
    assert FilesSource(path, basis="raw").bars(["SPY"], adjustment="raw").findings == ()
