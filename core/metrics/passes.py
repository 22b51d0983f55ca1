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
    both,
    every,
    larger,
    load,
    root,
    smaller,
    store,
    store_codes,
    where,
)
from core.market.bars import Float

# Rows of the room's sums.
SUM, SECOND, THIRD, FOURTH, LAG_OWN, LAG_OTHER, LAG_TOGETHER = range(7)
WINS, LOSSES, GAINED, LOST, BEST, WORST, WIN_RUN, LOSS_RUN = range(7, 15)
ABOVE, BELOW, SHORTFALL = range(15, 18)
GROWTH, DEEPEST, DEPTHS, FALLS, LONGEST, DEPTH_SUM, DEPTH_SQUARES = range(18, 25)
BEST_MONTH, WORST_MONTH, WON_MONTHS, LOST_MONTHS = range(25, 29)
BEST_YEAR, WORST_YEAR, WON_YEARS, LOST_YEARS = range(29, 33)
WITH_BENCHMARK, APART = range(33, 35)
ROWS = 35

CODES = 256
"""Bins of returns in which order statistics are looked up."""
_BINS_PER_DEVIATION = 28.0


MONTH_ENDS, YEAR_ENDS = 1, 2


class Dates(NamedTuple):
    """When the sessions of a block are.

    ``days``  int64 [T]: day numbers, ascending
    ``ends``  uint8 [T]: MONTH_ENDS or YEAR_ENDS where the next session is in another one, else 0;
              the last session ends both
    """

    days: npt.NDArray[np.int64]
    ends: npt.NDArray[np.uint8]


def dates_of(sessions: Sessions) -> Dates:
    """The dates of ``sessions`` [T]."""
    months = sessions.astype("datetime64[M]").astype(np.int64)
    ends = np.full(len(sessions), YEAR_ENDS, dtype=np.uint8)
    ends[:-1] = (np.diff(months) != 0) * MONTH_ENDS
    ends[:-1][np.diff(months // 12) != 0] = YEAR_ENDS
    return Dates(sessions.astype("datetime64[D]").astype(np.int64), ends)


class Room(NamedTuple):
    """A block's returns, and memory to measure them in.

    ``returns``  float64 [T * LANES]: session by session, series side by side
    ``sums``     float64 [ROWS * LANES]
    ``codes``    uint8 [T * LANES]: the bin each return falls into
    ``counts``   int32 [LANES * CODES]: returns in each bin
    ``chosen``   uint8 [CODES]: 1 for the bins being looked into
    ``near``     float64 [T + 1]: returns of those bins, then in order
    ``places``   int64 [8]: in ``near``, the left and right neighbour of each quantile
    """

    returns: Float
    sums: Float
    codes: npt.NDArray[np.uint8]
    counts: npt.NDArray[np.int32]
    chosen: npt.NDArray[np.uint8]
    near: Float
    places: npt.NDArray[np.int64]


def room_for(sessions: int) -> Room:
    """A room for returns of so many sessions, all zero."""
    return Room(
        returns=np.zeros(sessions * LANES),
        sums=np.zeros(ROWS * LANES),
        codes=np.zeros(sessions * LANES, dtype=np.uint8),
        counts=np.zeros(LANES * CODES, dtype=np.int32),
        chosen=np.zeros(CODES, dtype=np.uint8),
        near=np.zeros(sessions + 1),
        places=np.zeros(8, dtype=np.int64),
    )


@kernel
def add_up(room, n):
    total = every(0.0)
    for t in range(n):
        total = total + load(room.returns, t)
    store(room.sums, SUM, total)


@kernel
def spread(room, n):
    """Powers of the distance from the mean, and products with the day before; needs ``add_up``."""
    total = load(room.sums, SUM)
    mean = total / float(n)
    mean_before = (total - load(room.returns, n - 1)) / (n - 1.0)
    mean_after = (total - load(room.returns, 0)) / (n - 1.0)
    own = other = together = every(0.0)
    last = load(room.returns, 0)
    d = last - mean
    squared = d * d
    second, third, fourth = squared, squared * d, squared * squared
    for t in range(1, n):
        r = load(room.returns, t)
        d = r - mean
        squared = d * d
        second = second + squared
        third = third + squared * d
        fourth = fourth + squared * squared
        x, y = last - mean_before, r - mean_after
        own, other, together = own + x * x, other + y * y, together + x * y
        last = r
    store(room.sums, SECOND, second)
    store(room.sums, THIRD, third)
    store(room.sums, FOURTH, fourth)
    store(room.sums, LAG_OWN, own)
    store(room.sums, LAG_OTHER, other)
    store(room.sums, LAG_TOGETHER, together)


@kernel
def sides(room, n, rate):
    """Gains and losses apart, and what lies above and below a rate."""
    zero, one = every(0.0), every(1.0)
    wins = losses = gained = lost = above = below = shortfall = zero
    up_run = down_run = win_run = loss_run = zero
    best, worst = every(-np.inf), every(np.inf)
    for t in range(n):
        r = load(room.returns, t)
        best, worst = larger(best, r), smaller(worst, r)
        up, down = r > 0.0, r < 0.0
        wins, losses = wins + where(up, one, zero), losses + where(down, one, zero)
        gained, lost = gained + where(up, r, zero), lost + where(down, r, zero)
        up_run, down_run = where(up, up_run + 1.0, zero), where(down, down_run + 1.0, zero)
        win_run, loss_run = larger(win_run, up_run), larger(loss_run, down_run)
        d = r - rate
        over = d > 0.0
        above = above + where(over, d, zero)
        under = where(over, zero, d)
        below, shortfall = below - under, shortfall + under * under
    store(room.sums, WINS, wins)
    store(room.sums, LOSSES, losses)
    store(room.sums, GAINED, gained)
    store(room.sums, LOST, lost)
    store(room.sums, BEST, best)
    store(room.sums, WORST, worst)
    store(room.sums, WIN_RUN, win_run)
    store(room.sums, LOSS_RUN, loss_run)
    store(room.sums, ABOVE, above)
    store(room.sums, BELOW, below)
    store(room.sums, SHORTFALL, shortfall)


@kernel
def falls(room, n, dates):
    """Growth, and the drawdowns on the way.

    ``under`` is equity over its highest so far. It is carried along, not divided: a division in
    each session costs more than all the rest.
    """
    zero, one = every(0.0), every(1.0)
    worth = peak = under = one
    deepest = depths = falls_ = longest = since = spell = sums = squares = zero
    for t in range(n):
        growth = 1.0 + load(room.returns, t)
        worth = worth * growth
        peak = larger(peak, worth)
        fell = worth < peak
        under = where(fell, under * growth, one)
        depth = under - 1.0
        sums, squares = sums + depth, squares + depth * depth
        day = every(float(dates.days[t]))
        begins = both(fell, spell == 0.0)
        falls_, since = falls_ + where(begins, one, zero), where(begins, day, since)
        depths = depths + where(fell, zero, spell)
        spell = where(fell, smaller(spell, depth), zero)
        longest = where(fell, larger(longest, day - since + 1.0), longest)
        deepest = smaller(deepest, depth)
    store(room.sums, GROWTH, worth)
    store(room.sums, DEEPEST, deepest)
    store(room.sums, DEPTHS, depths + spell)
    store(room.sums, FALLS, falls_)
    store(room.sums, LONGEST, longest)
    store(room.sums, DEPTH_SUM, sums)
    store(room.sums, DEPTH_SQUARES, squares)


@kernel
def spells(room, n, dates):
    """Best and worst compounded return of a calendar month and year, and how many won and lost."""
    zero, one = every(0.0), every(1.0)
    month, year = one, one
    best, worst, won, lost = every(-np.inf), every(np.inf), zero, zero
    best_year, worst_year, won_years, lost_years = best, worst, zero, zero
    for t in range(n):
        growth = 1.0 + load(room.returns, t)
        month, year = month * growth, year * growth
        if dates.ends[t] >= MONTH_ENDS:
            best, worst = larger(best, month - 1.0), smaller(worst, month - 1.0)
            won = won + where(month > 1.0, one, zero)
            lost = lost + where(month < 1.0, one, zero)
            month = one
        if dates.ends[t] >= YEAR_ENDS:
            best_year = larger(best_year, year - 1.0)
            worst_year = smaller(worst_year, year - 1.0)
            won_years = won_years + where(year > 1.0, one, zero)
            lost_years = lost_years + where(year < 1.0, one, zero)
            year = one
    store(room.sums, BEST_MONTH, best)
    store(room.sums, WORST_MONTH, worst)
    store(room.sums, WON_MONTHS, won)
    store(room.sums, LOST_MONTHS, lost)
    store(room.sums, BEST_YEAR, best_year)
    store(room.sums, WORST_YEAR, worst_year)
    store(room.sums, WON_YEARS, won_years)
    store(room.sums, LOST_YEARS, lost_years)


@kernel
def beside(room, n, benchmark, benchmark_mean):
    """Products with a benchmark's returns, and squares of the difference; needs ``add_up``."""
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
def sort_into_bins(room, n):
    """Give each return a bin by its distance from the mean; count them. Needs ``spread``.

    The bins only serve to find where an order statistic lies; it is then looked up exactly.
    """
    mean = load(room.sums, SUM) / float(n)
    deviation = root(load(room.sums, SECOND) / float(n))
    scale = where(deviation > 1e-150, _BINS_PER_DEVIATION / deviation, every(0.0))
    low, high, middle = every(0.0), every(CODES - 1.0), CODES / 2.0 - mean * scale
    for t in range(n):
        place = load(room.returns, t) * scale + middle
        store_codes(room.codes, t, larger(smaller(place, high), low))
    room.counts[:] = 0
    for t in range(n):
        for lane in range(LANES):
            room.counts[lane * CODES + room.codes[t * LANES + lane]] += 1


@kernel
def quantiles(room, n, lane):
    """The 1, 5, 95 and 99 % quantiles, with linear interpolation between neighbours in order.

    Needs ``sort_into_bins``: only returns in the bins of those neighbours are sorted.
    """
    _choose_bins(room, n, lane)
    found = 0
    for t in range(n):
        room.near[found] = room.returns[t * LANES + lane]
        found += room.chosen[room.codes[t * LANES + lane]]
    _sort(room.near, found)
    return (
        _quantile(room, n, 0),
        _quantile(room, n, 1),
        _quantile(room, n, 2),
        _quantile(room, n, 3),
    )


@kernel
def _place(n, which):
    """Where quantile number ``which`` lies among ``n`` values in order."""
    return (0.01, 0.05, 0.95, 0.99)[which] * (n - 1.0)


@kernel
def _choose_bins(room, n, lane):
    """Choose the bins of the quantiles' neighbours, and say where in ``near`` these will be."""
    passed, skipped, neighbour = 0, 0, 0
    rank = int(_place(n, 0))
    for code in range(CODES):
        passed += room.counts[lane * CODES + code]
        room.chosen[code] = 0
        while neighbour < 8 and rank < passed:
            room.chosen[code] = 1
            room.places[neighbour] = rank - skipped
            neighbour += 1
            if neighbour < 8:
                rank = min(int(_place(n, neighbour // 2)) + neighbour % 2, n - 1)
        if not room.chosen[code]:
            skipped += room.counts[lane * CODES + code]


@kernel
def _quantile(room, n, which):
    place = _place(n, which)
    left, right = room.near[room.places[2 * which]], room.near[room.places[2 * which + 1]]
    return left + (place - int(place)) * (right - left)


@kernel
def _sort(values, n):
    """Sort the first ``n`` values in place (Shell's, with Ciura's gaps: few or nearly equal)."""
    for gap in (1750, 701, 301, 132, 57, 23, 10, 4, 1):
        for i in range(gap, n):
            value, j = values[i], i
            while j >= gap and values[j - gap] > value:
                values[j] = values[j - gap]
                j -= gap
            values[j] = value
