"""What a reader of a backtest should know before trusting it, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.backtest.accounting import Books
from core.backtest.result import BenchmarkSeries
from core.backtest.span import Span
from core.flow import opcodes as op
from core.flow.describe import column_text, node_title
from core.flow.evaluate import Decisions, Observation
from core.flow.nodes import Benchmark
from core.flow.program import slots_read
from core.market.bars import Bars, Float

MAX_PLACES = 8


def warnings_of(
    seen: Observation,
    decisions: Decisions,
    bars: Bars,
    books: Books,
    carry: Float | None,
    against: Benchmark | None,
    benchmark: BenchmarkSeries | None,
) -> Iterator[str]:
    """Each a sentence that says what was so, when, and what was done about it."""
    if bars.provenance.synthetic:
        yield "Demo data: prices are synthetic, not a record of any market."
    if bars.provenance.adjustment == "split_adjusted":
        yield (
            f"{bars.provenance.source} has no dividends for these prices: returns leave them out."
        )
    yield from _unknown(seen, decisions)
    capped = books.capped.nonzero()[0]
    if len(capped):
        first = seen.sessions[decisions.start + capped[0]]
        yield (
            f"Targets were scaled down to the leverage cap on {_sessions(len(capped))}, "
            f"first on {first}."
        )
    ruined = np.flatnonzero(books.equity <= 0)
    if len(ruined):
        yield f"Equity fell to zero on {seen.sessions[decisions.start + ruined[0]]}."
    if carry is not None and np.isnan(carry).any():
        missing = int(np.isnan(carry).any(axis=1).sum())
        yield f"Funding is unknown on {_sessions(missing)} and taken as none there."
    if against is not None and benchmark is None:
        yield f"Benchmark {against} has no bar on the first session, so there is no comparison."


def notes_of(span: Span, bars: Bars) -> Iterator[str]:
    """Why it covers what it covers, and what was done to the data."""
    if span.note:
        yield span.note
    changed = [f for f in bars.findings if f.action != "kept as unknown"]
    if changed:
        count = sum(f.count for f in changed)
        yield f"{count} bad {'bar was' if count == 1 else 'bars were'} dropped or repaired."


def _unknown(seen: Observation, decisions: Decisions) -> Iterator[str]:
    """Where a share stayed in cash for want of data, most sessions first."""
    unknown = decisions.unknown[decisions.start :]
    nodes, counts = np.unique(unknown[unknown >= 0], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    for i in order[:MAX_PLACES]:
        rows = decisions.start + np.flatnonzero(unknown == nodes[i])
        yield (
            f"{_name(seen, int(nodes[i]))} lacked data on {_sessions(len(rows))} "
            f"({seen.sessions[rows[0]]} to {seen.sessions[rows[-1]]}), so its share stayed in "
            f"cash.{_reason(seen, int(nodes[i]), int(rows[0]))}"
        )
    if len(order) > MAX_PLACES:
        yield f"{len(order) - MAX_PLACES} more places lacked data on some sessions."


def _name(seen: Observation, node: int) -> str:
    path = seen.binding.program.paths[node]
    return f"‘{node_title(seen.binding, node)}’ ({path})"


def _reason(seen: Observation, node: int, t: int) -> str:
    """Which number was missing at session ``t``, where that is one of a few."""
    binding, code = seen.binding, seen.binding.program.code
    if code.kind[node] == op.ASSET:
        symbol = binding.held[binding.asset[code.arg[node, 0]]]
        rows = np.flatnonzero(seen.priced[:, binding.held.index(symbol)])
        if not len(rows) or rows[0] > t:
            return f" {symbol} was not listed yet."
        return f" {symbol} was no longer listed." if rows[-1] < t else f" {symbol} had no bar."
    read = sorted({int(binding.column[slot]) for slot in slots_read(binding.program, node)} - {-1})
    missing = [
        column_text(binding, binding.columns[row]) for row in read if np.isnan(seen.columns[row, t])
    ]
    if not missing:
        return ""
    more = f" and {len(missing) - 2} more" if len(missing) > 2 else ""
    return f" Unknown then: {', '.join(missing[:2])}{more}."


def _sessions(count: int) -> str:
    return f"{count:,} session{'' if count == 1 else 's'}"
