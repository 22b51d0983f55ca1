"""The inner loops of a sweep: look up or account, then measure; eight runs at a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.flow.walk import Scratch, Slots, fill_truths, walk_sessions
from core.jit import inlined_kernel, kernel
from core.lanes import LANES, STRIDE, changes, lowest
from core.market.bars import Float
from core.metrics.kernel import (
    Comparison,
    Measures,
    Moments,
    comparison_of,
    measure_block,
    measures_of,
)
from core.metrics.passes import Dates, Room, beside, room_for
from core.sweep.accounts import STRETCH, keep_accounts, open_accounts
from core.sweep.portfolios import EARNED, GROSS, TRADED, TURNOVER

TRADING = ("turnover", "gross_exposure", "rebalances", "cost")
METRICS = (*Measures._fields, *Comparison._fields, *TRADING)
"""What is measured of each run, in the order of the results' columns."""

LOOKED_UP = 128
"""Sessions that a run is looked up for at a time; their returns fit into the fastest cache."""

PADDING = STRIDE + 1
"""Bytes behind each row of choices, that may be read."""

_MEASURES, _COMPARISONS = len(Measures._fields), len(Comparison._fields)


class Yardstick(NamedTuple):
    """What runs are measured by.

    ``dates``      of the sessions with a return: all but the first
    ``benchmark``  float64 [T - 1], or empty
    """

    dates: Dates
    periods: float
    risk_free: float
    cost: float
    benchmark: Float
    benchmark_moments: Moments


class Desk(NamedTuple):
    """Working memory of one thread.

    ``totals``  float64 [LANES, 3]: TURNOVER, GROSS and TRADED of each run, summed up
    """

    room: Room
    totals: Float


def desk_for(sessions: int) -> Desk:
    """The memory that runs over so many sessions take."""
    return Desk(room=room_for(sessions), totals=np.zeros((LANES, 3)))


# -- what runs earn ------------------------------------------------------------------------------


@kernel
def look_up(choices, rows, portfolios, earnings, desk):
    """The returns and totals of up to LANES runs, from what pairs of portfolios earn.

    choices     uint8 [*, T + PADDING]: the choice in force at each session, 0 for cash
    rows        int64 [used]: each run's row of ``choices``
    portfolios  uint32 [used, choices]: number of the portfolio that each choice of a run is

    A stretch of sessions for each run in turn, so that what is written for one run is still at
    hand for the next. First as if every session kept its portfolio; then those that switch,
    found 64 at a time, are put right: guessing session by session would go wrong too often.
    """
    sessions = earnings.keeping.shape[0]
    for lane in range(rows.size):
        first = portfolios[lane, choices[rows[lane], 0]]
        desk.room.returns[lane] = earnings.switching[0, 0, first, EARNED]
        for k in range(EARNED):
            desk.totals[lane, k] = earnings.switching[0, 0, first, k]
    for begin in range(1, sessions, LOOKED_UP):
        end = min(begin + LOOKED_UP, sessions)
        for lane in range(rows.size):
            chosen, portfolio = choices[rows[lane]], portfolios[lane]
            returns = desk.room.returns[begin * LANES + lane : end * LANES]
            fill_keeping(chosen[begin:end], portfolio, earnings.keeping[begin:end], returns)
            put_right(chosen, portfolio, earnings, begin, end, lane, desk)
    for lane in range(rows.size):
        last = portfolios[lane, choices[rows[lane], sessions - 1]]
        for k in range(EARNED):
            desk.totals[lane, k] += earnings.kept[sessions, last, k]
        if earnings.ruinous:
            end_ruined(choices[rows[lane]], portfolios[lane], earnings, lane, desk)


@inlined_kernel
def fill_keeping(choices, portfolio, keeping, returns):
    """Each session's return, every LANES-th of ``returns``, as if it kept its portfolio."""
    for t in range(choices.size):
        returns[t * LANES] = keeping[t, portfolio[choices[t]]]


@inlined_kernel
def put_right(choices, portfolio, earnings, begin, end, lane, desk):
    """The sessions from ``begin`` to ``end`` that switch portfolios."""
    turnover, gross, traded = 0.0, 0.0, 0.0
    for word in range(begin, end, STRIDE):
        bits = changes(choices, word - 1)
        if word + STRIDE > end:
            bits &= (np.uint64(1) << np.uint64(end - word)) - np.uint64(1)
        while bits != 0:
            t = np.uint64(word + lowest(bits))
            bits &= bits - np.uint64(1)
            before, after = portfolio[choices[t - np.uint64(1)]], portfolio[choices[t]]
            desk.room.returns[t * np.uint64(LANES) + np.uint64(lane)] = earnings.switching[
                t, before, after, EARNED
            ]
            turnover += earnings.switching[t, before, after, TURNOVER]
            gross += earnings.switching[t, before, after, GROSS]
            traded += earnings.switching[t, before, after, TRADED]
    desk.totals[lane, TURNOVER] += turnover
    desk.totals[lane, GROSS] += gross
    desk.totals[lane, TRADED] += traded


@kernel
def end_ruined(choices, portfolio, earnings, lane, desk):
    """Where a run lost everything nothing follows: no returns and no trades."""
    sessions = earnings.keeping.shape[0]
    ruin = 0
    while ruin < sessions and desk.room.returns[ruin * LANES + lane] > -1.0:
        ruin += 1
    if ruin == sessions:
        return
    for later in range(ruin + 1, sessions):
        desk.room.returns[later * LANES + lane] = 0.0
    before = np.uint32(0)
    desk.totals[lane] = 0.0
    for t in range(ruin + 1):
        chosen = portfolio[choices[t]]
        for k in range(EARNED):
            desk.totals[lane, k] += earnings.switching[t, before, chosen, k]
        before = chosen
    for k in range(EARNED):
        desk.totals[lane, k] += earnings.kept[ruin + 1, before, k]


@kernel
def measure_lanes(used, sessions, yardstick, desk, out):
    """The metrics of the first ``used`` lanes: rows of ``out`` [used, METRICS]."""
    n, y = sessions - 1, yardstick
    measure_block(desk.room, n, y.dates, y.risk_free)
    if y.benchmark.size:
        beside(desk.room, n, y.benchmark, y.benchmark_moments.mean)
    for lane in range(used):
        found = measures_of(desk.room, n, lane, y.periods, y.risk_free)
        for k in range(_MEASURES):
            out[lane, k] = found[k]
        if y.benchmark.size:
            compared = comparison_of(
                desk.room, n, lane, y.benchmark_moments, y.periods, y.risk_free
            )
            for k in range(_COMPARISONS):
                out[lane, _MEASURES + k] = compared[k]
        else:
            out[lane, _MEASURES : _MEASURES + _COMPARISONS] = np.nan
        yearly = desk.totals[lane, TURNOVER] / sessions * y.periods
        at = _MEASURES + _COMPARISONS
        out[lane, at] = yearly
        out[lane, at + 1] = desk.totals[lane, GROSS] / n
        out[lane, at + 2] = desk.totals[lane, TRADED]
        out[lane, at + 3] = yearly * y.cost


@kernel
def measure_choices(choices, rows, portfolios, earnings, yardstick, desk, out):
    """Measure runs whose earnings are tabulated; n runs, arguments as ``look_up`` has them.

    out  float64 [n, METRICS], written
    """
    n = rows.size
    for begin in range(0, n, LANES):
        end = min(begin + LANES, n)
        look_up(choices, rows[begin:end], portfolios[begin:end], earnings, desk)
        measure_lanes(end - begin, earnings.keeping.shape[0], yardstick, desk, out[begin:end])


@kernel
def measure_sleeves(
    choices, rows, shares, share_rows, portfolios, kept, due, moves, terms, accounts,
    yardstick, desk, out,
):  # fmt: skip
    """Measure runs that divide their capital between kept portfolios; K sleeves.

    choices     uint8 [*, T + PADDING]: the choice in force at each session, 0 for cash
    rows        int64 [n, K]: the row of ``choices`` of each sleeve of each run
    shares      float64 [*, T], with ``share_rows`` int64 [n, K]: what each sleeve is given
    portfolios  uint32 [n, choices]: number of the portfolio that each choice of a run is
    kept        what each portfolio decides
    """
    n, sessions = rows.shape[0], due.size
    for first in range(0, n, LANES):
        used = min(LANES, n - first)
        open_accounts(accounts)
        for begin in range(0, sessions, STRETCH):
            end = min(begin + STRETCH, sessions)
            accounts.targets[:] = 0.0
            for lane in range(used):
                run = first + lane
                for k in range(rows.shape[1]):
                    put_sleeve(
                        accounts.targets, lane, portfolios[run], choices[rows[run, k], begin:end],
                        shares[share_rows[run, k], begin:end], kept, begin,
                    )  # fmt: skip
            keep_accounts(begin, end, due, moves, terms, accounts, desk.room.returns)
        take_totals(accounts, desk)
        measure_lanes(used, sessions, yardstick, desk, out[first : first + used])


@inlined_kernel
def put_sleeve(targets, lane, portfolio, choices, shares, kept, begin):
    """Add what a sleeve of the run in ``lane`` aims at in a stretch of sessions from ``begin`` on.

    choices, shares  [S]: of those sessions
    """
    step = np.uint64(kept.weights.shape[2] * LANES)
    at = np.uint64(lane)
    for t in range(choices.size):
        p, share = portfolio[choices[t]], shares[t]
        weights, symbols = kept.weights[p, np.uint64(begin + t)], kept.symbols[p]
        for k in range(kept.counts[p]):
            i = np.uint64(symbols[k])
            targets[at + i * np.uint64(LANES)] += share * weights[i]
        at += step


@inlined_kernel
def take_totals(accounts, desk):
    """Copy the sums that accounts came to."""
    for lane in range(LANES):
        for k in range(EARNED):
            desk.totals[lane, k] = accounts.state[k * LANES + lane]


class Walker(NamedTuple):
    """Working memory of a block of runs that are walked: see ``walk_sessions``.

    ``weights``  float64 [LANES, sessions, N]
    """

    scratch: Scratch
    truths: npt.NDArray[np.int8]
    weights: Float
    unknown: npt.NDArray[np.int32]
    wanted: npt.NDArray[np.int32]


@kernel
def measure_walked(
    code, asset, column, value, versions, columns, months, priced, first, in_force, due, moves,
    terms, walker, accounts, yardstick, desk, out,
):  # fmt: skip
    """Measure runs by walking the whole flow, as a backtest does.

    asset, column, value  binding rows [n, …] of the runs
    versions              int64 [n, conditions]: a condition is decided anew when its version is
                          another than that of the run before
    first                 number of the first session in columns, months and priced
    """
    n, w, sessions = asset.shape[0], walker, due.size
    for at in range(0, n, LANES):
        used = min(LANES, n - at)
        for lane in range(used):
            run = at + lane
            slots = Slots(asset[run], column[run], value[run])
            changed = 0
            for c in range(versions.shape[1]):
                if run == 0 or versions[run, c] != versions[run - 1, c]:
                    w.wanted[changed] = c
                    changed += 1
            fill_truths(code, slots, columns, months, w.wanted[:changed], w.truths)
            walk_sessions(
                code, slots, columns, w.truths, priced, 0, first, w.scratch, w.weights[lane],
                w.unknown,
            )  # fmt: skip
        open_accounts(accounts)
        for begin in range(0, sessions, STRETCH):
            end = min(begin + STRETCH, sessions)
            for lane in range(used):
                for t in range(begin, end):
                    weights = w.weights[lane, first + in_force[t]]
                    for i in range(weights.size):
                        accounts.targets[((t - begin) * weights.size + i) * LANES + lane] = weights[
                            i
                        ]
            keep_accounts(begin, end, due, moves, terms, accounts, desk.room.returns)
        take_totals(accounts, desk)
        measure_lanes(used, sessions, yardstick, desk, out[at : at + used])
