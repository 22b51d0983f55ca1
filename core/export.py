"""A result as files: CSV, a workbook, a tear sheet. Numbers are written in full."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO, StringIO
from pathlib import Path

from core.backtest.holdings import spells_of
from core.backtest.result import Backtest, Result
from core.errors import BadInput
from core.flow.describe import node_title
from core.flow.history import NodeHistory
from core.metrics.attribution import (
    Attribution,
    Ledger,
    attribute,
    attribute_branches,
    branches_of,
    ledger_of,
    years_of,
)
from core.metrics.definitions import BY_NAME

Row = Sequence[object]
Table = tuple[Row, Iterable[Row]]
"""A header and its rows."""


def allocations(result: Result) -> Table:
    """The decision in force after each session; one column a symbol."""
    rows = zip(result.sessions.tolist(), result.weights.tolist(), strict=True)
    return ("date", *result.symbols), ((day, *weights) for day, weights in rows)


def holdings(result: Result) -> Table:
    """The same with what is left for cash, below 0 while it is borrowed."""
    rows = zip(result.sessions.tolist(), result.weights.tolist(), strict=True)
    header = ("date", *result.symbols, "cash")
    return header, ((day, *weights, 1 - sum(weights)) for day, weights in rows)


def positions(result: Result) -> Table:
    """Every position from its first purchase to its last sale; empty where it is still held."""
    header = (
        "symbol", "entered", "left", "sessions", "days", "bought", "sold", "price_return",
        "largest_weight", "trades",
    )  # fmt: skip
    days = result.sessions.tolist()
    rows = (
        (one.symbol, days[one.entered], None if one.left is None else days[one.left], one.sessions,
         (days[one.entered + one.sessions] - days[one.entered]).days, one.bought, one.sold,
         one.price_return, one.largest, one.trades)
        for one in spells_of(result)
    )  # fmt: skip
    return header, rows


def equity(result: Result) -> Table:
    """Equity of the strategy and its benchmark, 1 on the first session; empty without one."""
    days, own = result.sessions.tolist(), result.equity.tolist()
    other = result.benchmark.equity.tolist() if result.benchmark else [None] * len(own)
    return ("date", "equity", "benchmark"), zip(days, own, other, strict=True)


def trades(result: Result) -> Table:
    """Every change of a position; notional and cost in the money of the settings' capital."""
    header = ("date", "symbol", "side", "before", "after", "price", "notional", "cost")
    capital, cost = result.settings.capital, result.costs.total
    made = result.trades
    days = result.sessions[made.row].tolist()
    arrays = (made.column, made.before, made.after, made.price, made.amount)
    rows = (
        (day, result.symbols[column], "buy" if after > before else "sell", before, after, price,
         amount * capital, amount * capital * cost)
        for day, column, before, after, price, amount in zip(
            days, *(a.tolist() for a in arrays), strict=True
        )
    )  # fmt: skip
    return header, rows


def metrics(result: Result) -> Table:
    """Every metric of the strategy and its benchmark; empty where undefined."""
    other = result.benchmark_metrics
    label = result.benchmark.label if result.benchmark else "benchmark"
    rows = (
        (name, BY_NAME[name].label, _known(value), _known(other.get(name)), BY_NAME[name].meaning)
        for name, value in result.metrics.items()
    )
    return ("name", "metric", "strategy", label, "meaning"), rows


def attribution(backtest: Backtest) -> Table:
    """What each position and the account earned: the whole range, then each calendar year.

    Fractions of equity at the beginning of the period; those of a period sum to its total.
    """
    ledger = ledger_of(backtest.books, backtest.moves, backtest.terms)
    header = ("from", "to", "part", "price", "funding", "costs", "total")
    days = backtest.result.sessions.tolist()
    rows = (
        (days[first], days[last], *row)
        for first, last in _periods(backtest, ledger)
        for row in attribution_rows(backtest.result.symbols, attribute(ledger, first, last))
    )
    return header, rows


def attribution_rows(symbols: Sequence[str], found: Attribution) -> list[Row]:
    """One period's parts: symbols, then the account's own, then what they sum to."""
    parts = (found.gains, found.funding, found.costs)
    net = found.positions.tolist()
    rows: list[Row] = list(zip(symbols, *(part.tolist() for part in parts), net, strict=True))
    rows += [(name, None, None, None, value) for name, value in found.account]
    return [*rows, ("Total return", *(float(part.sum()) for part in parts), found.total)]


def branches(backtest: Backtest) -> Table:
    """What each block of the flow earned: the whole range, then each calendar year."""
    ledger = ledger_of(backtest.books, backtest.moves, backtest.terms)
    came = branches_of(backtest.seen, backtest.offset, backtest.books, backtest.terms)
    header = ("from", "to", "path", "block", "kind", "price and funding", "costs", "total")
    days = backtest.result.sessions.tolist()
    binding = backtest.seen.binding
    paths, nodes = binding.program.paths, binding.program.nodes
    rows = (
        (days[first], days[last], paths[n], node_title(binding, n), nodes[n].kind,
         float(found.gains[n]), float(found.costs[n]), float(found.net[n]))
        for first, last in _periods(backtest, ledger)
        for found in [attribute_branches(ledger, came, first, last)]
        for n in found.nodes
    )  # fmt: skip
    return header, rows


def node(history: NodeHistory) -> Table:
    """A block's indicators over time, whether it held and what reached it."""
    lines = [line for panel in history.panels for line in panel.lines]
    header = ("date", *(line.text for line in lines), "held", "share")
    columns = (*(line.values for line in lines), history.held, history.share)
    known = ([_known(value) for value in column.tolist()] for column in columns)
    return header, zip(history.sessions.tolist(), *known, strict=True)


def _periods(backtest: Backtest, ledger: Ledger) -> list[tuple[int, int]]:
    """The whole range, and each year if there are several."""
    sessions = backtest.result.sessions
    years = [(first, last) for _, first, last in years_of(sessions, ledger)]
    return [(0, len(sessions) - 1), *(years if len(years) > 1 else [])]


def about(result: Result) -> Table:
    """What was run on what."""
    data = result.provenance
    rows: list[Row] = [
        ("strategy", result.flow.name),
        ("start", result.start.isoformat()),
        ("end", result.end.isoformat()),
        ("sessions", len(result.sessions)),
        ("source", data.source),
        ("feed", data.feed),
        ("adjustment", data.adjustment),
        ("as of", data.as_of.isoformat(timespec="seconds")),
        ("synthetic", "yes" if data.synthetic else "no"),
        ("data digest", result.data_digest),
        ("slippage bps", result.costs.slippage_bps),
        ("commission bps", result.costs.commission_bps),
        ("rebalance", result.rebalance.every),
        ("threshold", result.rebalance.threshold),
        ("execution", result.settings.execution),
        ("capital", result.settings.capital),
    ]
    rows += [(f"variable {k}", v) for k, v in result.settings.variables.items()]
    rows += [("warning", text) for text in result.warnings]
    rows += [("note", text) for text in result.notes]
    return ("what", "value"), rows


def to_csv(table: Table) -> str:
    """CSV with lines ended by a line feed, dates in ISO form, numbers in full precision."""
    header, rows = table
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()


def allocations_csv(result: Result) -> str:
    return to_csv(allocations(result))


def equity_csv(result: Result) -> str:
    return to_csv(equity(result))


def workbook(result: Result, backtest: Backtest | None = None) -> bytes:
    """An Excel workbook: one sheet a table; with ``backtest`` also what earned what."""
    tables = {
        "About": about(result),
        "Metrics": metrics(result),
        "Equity": equity(result),
        "Allocations": allocations(result),
        "Trades": trades(result),
        "Positions": positions(result),
    }
    if backtest is not None:
        tables |= {"Attribution": attribution(backtest), "Blocks": branches(backtest)}
    return to_workbook(tables)


def to_workbook(tables: Mapping[str, Table]) -> bytes:
    """An Excel workbook of any tables: a sheet for each, named by its key."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for title, (header, rows) in tables.items():
        sheet = book.create_sheet(title)
        sheet.freeze_panes = "B2"
        sheet.append(list(header))
        for row in rows:
            sheet.append([_plain(value) for value in row])
    buffer = BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def tearsheet_html(result: Result) -> str:
    """QuantStats' report; takes a few seconds."""
    from core.metrics.tearsheet import tearsheet

    other = result.benchmark
    return tearsheet(
        result.returns[1:],
        result.sessions[1:],
        result.periods_per_year,
        title=result.flow.name,
        benchmark=None if other is None else (other.label, other.returns[1:]),
        risk_free_rate=result.settings.risk_free_rate,
    )


def write_text(path: Path, text: str) -> None:
    """Write a whole file or none; BadInput if it cannot be written there."""
    try:
        handle, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    except OSError as err:
        raise _unwritable(path, err) from err
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except OSError as err:
        raise _unwritable(path, err) from err
    finally:
        Path(name).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _unwritable(path: Path, err: OSError) -> BadInput:
    reason = (err.strerror or str(err)).lower()
    return BadInput(str(path), f"it cannot be written: {reason}.", "Name another file.")


def _known(value: float | None) -> float | None:
    return value if value is not None and value == value else None


def _plain(value: object) -> object:
    """Text that begins like a formula must stay text: Excel would run it."""
    if isinstance(value, str) and value[:1] in "=+-@":
        return "'" + value
    return value
