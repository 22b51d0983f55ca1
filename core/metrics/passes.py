"""Passes over the returns of eight series at once; each leaves its sums in rows of the room.

A room holds one *block*: the returns of ``LANES`` series over the same sessions, side by side. A
single backtest is a block of one series, so that a sweep is measured by the very code a backtest
is measured with, and gives the same numbers to the bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.calendar import Sessions
from core.jit import kernel
from core.lanes import (
    LANES,
    STRIDE,
    both,
    equals,
    every,
    larger,
    load,
    lowest,
    smaller,
    store,
    store_codes,
    where,
)
from core.market.bars import Float

# Rows of the room's sums.
SUM, SECOND, THIRD, FOURTH, LAGGED = range(5)
WINS, LOSSES, GAINED, LOST, BEST, WORST, WIN_RUN, LOSS_RUN = range(5, 13)
ABOVE, BELOW, SHORTFALL = range(13, 16)
GROWTH, DEEPEST, DEPTHS, FALLS, LONGEST, DEPTH_SUM, DEPTH_SQUARES = range(16, 23)
BEST_MONTH, WORST_MONTH, WON_MONTHS, LOST_MONTHS = range(23, 27)
BEST_YEAR, WORST_YEAR, WON_YEARS, LOST_YEARS = range(27, 31)
WITH_BENCHMARK, APART = range(31, 33)
ROWS = 33

CODES = 256
"""Bins of returns in which order statistics are looked up."""
_BINS_PER_SIZE = 22.0
"""Bins in the mean size of a return: the outermost bins lie some five sizes from the mean."""
RANKS = 8
"""Each of four quantiles lies between two neighbours."""


MONTH_ENDS, YEAR_ENDS = 1, 2


class Dates(NamedTuple):
    """When the sessions of a block are.

    ``days``  float64 [T + 1]: day numbers, ascending, and one after the last
    ``ends``  uint8 [T]: MONTH_ENDS or YEAR_ENDS where the next session is in another one, else 0;
              the last session ends both
    """

    days: Float
    ends: npt.NDArray[np.uint8]


def dates_of(sessions: Sessions) -> Dates:
    """The dates of ``sessions`` [T]."""
    months = sessions.astype("datetime64[M]").astype(np.int64)
    ends = np.full(len(sessions), YEAR_ENDS, dtype=np.uint8)
    ends[:-1] = (np.diff(months) != 0) * MONTH_ENDS
    ends[:-1][np.diff(months // 12) != 0] = YEAR_ENDS
    days = np.zeros(len(sessions) + 1)
    days[:-1] = sessions.astype("datetime64[D]").astype(np.int64)
    days[-1] = days[:-1].max(initial=0) + 1
    return Dates(days, ends)


class Room(NamedTuple):
    """A block's returns, and memory to measure them in.

    ``returns``   float64 [T * LANES]: session by session, series side by side
    ``sums``      float64 [ROWS * LANES]
    ``codes``     uint8 [T * LANES, and up to a multiple of STRIDE]: the bin of each return
    ``counts``    int32 [LANES * CODES]: returns in each bin
    ``wanted``    uint8 [RANKS * STRIDE]: bins being looked into, each series' every LANES-th
    ``near``      float64 [LANES * T]: returns of those bins, series after series, then in order
    ``found``     int64 [LANES]: how many of each series
    ``places``    int64 [LANES * RANKS]: where in ``near`` the neighbours of each quantile are
    """

    returns: Float
    sums: Float
    codes: npt.NDArray[np.uint8]
    counts: npt.NDArray[np.int32]
    wanted: npt.NDArray[np.uint8]
    near: Float
    found: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]


def room_for(sessions: int) -> Room:
    """A room for returns of so many sessions, all zero."""
    size = sessions * LANES
    return Room(
        returns=in_lines(size),
        sums=np.zeros(ROWS * LANES),
        codes=np.zeros(-(-size // STRIDE) * STRIDE, dtype=np.uint8),
        counts=np.zeros(LANES * CODES, dtype=np.int32),
        wanted=np.zeros(RANKS * STRIDE, dtype=np.uint8),
        near=np.zeros(size),
        found=np.zeros(LANES, dtype=np.int64),
        places=np.zeros(LANES * RANKS, dtype=np.int64),
    )


def in_lines(size: int) -> Float:
    """Zeros that begin where a cache line does: a row of a block then lies in one, not two."""
    line = LANES * 8
    spare = np.zeros(size + LANES)
    begin = -spare.ctypes.data % line // 8
    return spare[begin : begin + size]


@kernel
def run_through(room, n, dates):
    """All that can be told going once through the sessions.

    Gains and losses apart; growth, and the drawdowns on the way. One loop, as each of its chains
    of dependent steps leaves the processor time for the others. ``under`` is equity over its
    highest so far: it is carried along, as a division in each session costs more than all the rest.
    """
    zero, one = every(0.0), every(1.0)
    total = wins = losses = gained = lost = shortfall = zero
    up_run = down_run = win_run = loss_run = zero
    best, worst = every(-np.inf), every(np.inf)
    worth = peak = under = deepest = spell = one
    falls, depths, longest, sums, squares = zero, zero, zero, zero, zero
    since = every(dates.days[0])
    month = year = one
    best_month, worst_month, won_months, lost_months = every(-np.inf), every(np.inf), zero, zero
    best_year, worst_year, won_years, lost_years = every(-np.inf), every(np.inf), zero, zero
    for t in range(n):
        r = load(room.returns, t)
        total = total + r
        best, worst = larger(best, r), smaller(worst, r)
        up, down = r > 0.0, r < 0.0
        wins, losses = wins + where(up, one, zero), losses + where(down, one, zero)
        gained, lost = gained + where(up, r, zero), lost + where(down, r, zero)
        up_run, down_run = where(up, up_run + 1.0, zero), where(down, down_run + 1.0, zero)
        win_run, loss_run = larger(win_run, up_run), larger(loss_run, down_run)
        shortfall = shortfall + where(down, r * r, zero)

        growth = 1.0 + r
        worth = worth * growth
        peak = larger(peak, worth)
        fell = worth < peak
        under = where(fell, under * growth, one)
        depth = under - 1.0
        sums, squares = sums + depth, squares + depth * depth
        falls = falls + where(both(fell, spell == 1.0), one, zero)
        depths = depths + where(fell, zero, spell - 1.0)
        spell = where(fell, smaller(spell, under), one)
        deepest = smaller(deepest, under)
        # Where nothing fell the next session may be the first that does, and this one adds nothing.
        since = where(fell, since, every(dates.days[t + 1]))
        longest = larger(longest, dates.days[t] + 1.0 - since)

        if dates.ends[t] >= MONTH_ENDS:
            grown = where(month > 0.0, worth / month, one)
            best_month, worst_month = larger(best_month, grown), smaller(worst_month, grown)
            won_months = won_months + where(grown > 1.0, one, zero)
            lost_months = lost_months + where(grown < 1.0, one, zero)
            month = worth
        if dates.ends[t] >= YEAR_ENDS:
            grown = where(year > 0.0, worth / year, one)
            best_year, worst_year = larger(best_year, grown), smaller(worst_year, grown)
            won_years = won_years + where(grown > 1.0, one, zero)
            lost_years = lost_years + where(grown < 1.0, one, zero)
            year = worth
    store(room.sums, SUM, total)
    store(room.sums, WINS, wins)
    store(room.sums, LOSSES, losses)
    store(room.sums, GAINED, gained)
    store(room.sums, LOST, lost)
    store(room.sums, BEST, best)
    store(room.sums, WORST, worst)
    store(room.sums, WIN_RUN, win_run)
    store(room.sums, LOSS_RUN, loss_run)
    store(room.sums, ABOVE, gained)
    store(room.sums, BELOW, 0.0 - lost)
    store(room.sums, SHORTFALL, shortfall)
    store(room.sums, GROWTH, worth)
    store(room.sums, DEEPEST, deepest - 1.0)
    store(room.sums, DEPTHS, depths + spell - 1.0)
    store(room.sums, FALLS, falls)
    store(room.sums, LONGEST, longest)
    store(room.sums, DEPTH_SUM, sums)
    store(room.sums, DEPTH_SQUARES, squares)
    store(room.sums, BEST_MONTH, best_month - 1.0)
    store(room.sums, WORST_MONTH, worst_month - 1.0)
    store(room.sums, WON_MONTHS, won_months)
    store(room.sums, LOST_MONTHS, lost_months)
    store(room.sums, BEST_YEAR, best_year - 1.0)
    store(room.sums, WORST_YEAR, worst_year - 1.0)
    store(room.sums, WON_YEARS, won_years)
    store(room.sums, LOST_YEARS, lost_years)


@kernel
def against_rate(room, n, rate):
    """What lies above and below a rate that is not zero, instead of zero."""
    zero = every(0.0)
    above = below = shortfall = zero
    for t in range(n):
        d = load(room.returns, t) - rate
        over = d > 0.0
        above = above + where(over, d, zero)
        under = where(over, zero, d)
        below, shortfall = below - under, shortfall + under * under
    store(room.sums, ABOVE, above)
    store(room.sums, BELOW, below)
    store(room.sums, SHORTFALL, shortfall)


@kernel
def spread(room, n):
    """Powers of the distance from the mean, and the bin of each return; needs ``run_through``.

    The bins only serve to find where an order statistic lies; it is then looked up exactly.
    """
    mean = load(room.sums, SUM) / float(n)
    size = (load(room.sums, GAINED) - load(room.sums, LOST)) / float(n)
    scale = where(size > 1e-150, _BINS_PER_SIZE / size, every(0.0))
    low, high, middle = every(0.0), every(CODES - 1.0), CODES / 2.0 - mean * scale
    second = third = fourth = lagged = last = every(0.0)
    for t in range(n):
        r = load(room.returns, t)
        d = r - mean
        squared = d * d
        second = second + squared
        third = third + squared * d
        fourth = fourth + squared * squared
        lagged = lagged + last * d
        last = d
        store_codes(room.codes, t, larger(smaller(r * scale + middle, high), low))
    store(room.sums, SECOND, second)
    store(room.sums, THIRD, third)
    store(room.sums, FOURTH, fourth)
    store(room.sums, LAGGED, lagged)


@kernel
def beside(room, n, benchmark, benchmark_mean):
    """Products with a benchmark's returns, and squares of the difference; needs ``run_through``."""
    mean = load(room.sums, SUM) / float(n)
    together = apart = every(0.0)
    for t in range(n):
        x = load(room.returns, t) - mean
        y = benchmark[t] - benchmark_mean
        d = x - y
        together, apart = together + x * y, apart + d * d
    store(room.sums, WITH_BENCHMARK, together)
    store(room.sums, APART, apart)


# -- order statistics ----------------------------------------------------------------------------


@kernel
def order(room, n):
    """Look up the neighbours of the 1, 5, 95 and 99 % quantiles of each series; needs ``spread``.

    Returns are counted by their bins; only those in the bins of the neighbours, some thirty, are
    picked out and put in order.
    """
    room.counts[:] = 0
    for t in range(n):
        for lane in range(LANES):
            room.counts[lane * CODES + room.codes[t * LANES + lane]] += 1
    for lane in range(LANES):
        _choose_bins(room, n, lane)
    _pick_out(room, n)
    for lane in range(LANES):
        begin = lane * (room.near.size // LANES)
        _sort(room.near[begin : begin + room.found[lane]])


@kernel
def quantiles(room, n, lane):
    """The 1, 5, 95 and 99 % quantiles, with linear interpolation between neighbours in order.

    Needs ``order``.
    """
    return (
        _quantile(room, n, lane, 0),
        _quantile(room, n, lane, 1),
        _quantile(room, n, lane, 2),
        _quantile(room, n, lane, 3),
    )


@kernel
def _place(n, which):
    """Where quantile number ``which`` lies among ``n`` values in order."""
    return (0.01, 0.05, 0.95, 0.99)[which] * (n - 1.0)


@kernel
def _rank(n, neighbour):
    """Rank of a neighbour: of the left one of each quantile, then of the right one."""
    return min(int(_place(n, neighbour // 2)) + neighbour % 2, n - 1)


@kernel
def _choose_bins(room, n, lane):
    """Choose the bins of the quantiles' neighbours, and say where in ``near`` these will be."""
    counts = room.counts[lane * CODES : (lane + 1) * CODES]
    passed, skipped, neighbour, code = 0, 0, 0, 0
    while neighbour < RANKS:
        rank = _rank(n, neighbour)
        while passed + counts[code] <= rank:  # nothing is looked for in this bin
            if code != room.wanted[max(neighbour - 1, 0) * STRIDE + lane] or neighbour == 0:
                skipped += counts[code]
            passed += counts[code]
            code += 1
        room.places[lane * RANKS + neighbour] = rank - skipped
        for place in range(neighbour * STRIDE + lane, (neighbour + 1) * STRIDE, LANES):
            room.wanted[place] = code
        neighbour += 1


@kernel
def _pick_out(room, n):
    """Copy the returns in the bins wanted to ``near``."""
    room.found[:] = 0
    most, end = room.near.size // LANES, n * LANES
    for begin in range(0, end, STRIDE):
        bits = np.uint64(0)
        for neighbour in range(RANKS):
            bits |= equals(room.codes, begin, room.wanted, neighbour * STRIDE)
        while bits != 0:
            at = begin + lowest(bits)
            bits &= bits - np.uint64(1)
            if at >= end:
                break
            lane = at % LANES
            room.near[lane * most + room.found[lane]] = room.returns[at]
            room.found[lane] += 1


@kernel
def _quantile(room, n, lane, which):
    place, at = _place(n, which), lane * RANKS + 2 * which
    begin = lane * (room.near.size // LANES)
    left, right = room.near[begin + room.places[at]], room.near[begin + room.places[at + 1]]
    return left + (place - int(place)) * (right - left)


@kernel
def _sort(values):
    """Sort in place (Shell's, with Ciura's gaps: few or nearly equal values)."""
    n = values.size
    for gap in (1750, 701, 301, 132, 57, 23, 10, 4, 1):
        for i in range(gap, n):
            value, j = values[i], i
            while j >= gap and values[j - gap] > value:
                values[j] = values[j - gap]
                j -= gap
            values[j] = value
