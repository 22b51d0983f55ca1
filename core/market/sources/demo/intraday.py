"""How a session's bar comes about, minute by minute, from its open to its settled values."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np

from core.calendar import Calendar
from core.market.bars import Float
from core.market.sources.demo.draws import normal, uniform
from core.market.sources.demo.tape import PRICES, Shape, Tape, multiple, rounded

_MINUTE = timedelta(minutes=1)

OPENING_SHARE = 0.04
"""Of the day's volume, done at the opening itself."""


def minutes(of: Calendar, now: datetime) -> tuple[int, int]:
    """Whole minutes since the session in progress began, and how many it has."""
    session = of.current(now)
    if session is None:
        raise ValueError(f"no session of {of.name} is in progress at {now}")
    begun = of.opening(session)
    return (now - begun) // _MINUTE, (of.close(session) - begun) // _MINUTE


def progress_of(
    leader: Shape, tape: Tape, row: int, stream: str, minute: int, length: int
) -> tuple[float, float, float, float, float]:
    """Open, high, low and price of the day ``row`` by ``minute``, as returns on the previous
    close, and the volume done.

    ``leader`` is the day of the fund that a derived one follows, or its own; ``stream`` names the
    wanderings through the day, shared by funds that move together.
    """
    ends = (float(getattr(leader, name)[row]) for name in PRICES)
    marks = path(f"{stream}/{tape.days[row]}", length, *ends)[: minute + 1]
    if tape.leader is not None:
        marks = multiple(marks, tape.leader.times, float(tape.leader.carry[row]))
    volume = rounded(tape.volume[row] * volume_share(minute, length), tape.volume_decimals)
    return (
        float(marks[0]),
        float(marks.max()),
        float(marks.min()),
        float(marks[-1]),
        float(volume),
    )


@lru_cache(maxsize=256)
def path(stream: str, minutes: int, opened: float, high: float, low: float, close: float) -> Float:
    """Where the price stands at each of ``minutes`` + 1 minute marks, shape [minutes + 1].

    It begins at ``opened``, ends at ``close``, touches ``high`` and ``low`` in between and never
    leaves them, so the bar so far turns into the settled bar at the last mark.
    """
    turn = uniform(f"{stream}/turns", 3)
    one, other = np.sort(1 + np.floor(turn[:2] * (minutes - 1)).astype(np.int64))
    if one == other:
        one, other = (one - 1, other) if other == minutes - 1 else (one, other + 1)
    first, second = (high, low) if turn[2] < 0.5 else (low, high)
    marks, values = (0, one, other, minutes), (opened, first, second, close)
    noise = (high - low) * 0.6 / np.sqrt(float(minutes)) * normal(f"{stream}/steps", minutes)
    walk = np.concatenate(([0.0], np.cumsum(noise)))
    prices = np.empty(minutes + 1)
    for start, end, begin, finish in zip(marks, marks[1:], values, values[1:], strict=False):
        share = np.arange(end - start + 1) / (end - start)
        bridge = walk[start : end + 1] - walk[start] - share * (walk[end] - walk[start])
        prices[start : end + 1] = begin + share * (finish - begin) + bridge
    prices = np.clip(prices, low, high)
    prices[list(marks)] = values
    return prices


def volume_share(minute: int, minutes: int) -> float:
    """Share of the day's volume done by ``minute``; busiest near the open and the close.

    The rate is a parabola over the day; this is its integral, 1 at the end.
    """
    t = 2.0 * minute / minutes - 1.0  # -1 at the open, 1 at the close
    done = (t + 1.0 + 2.0 * (t * t * t + 1.0) / 3.0) / (2.0 + 4.0 / 3.0)
    return OPENING_SHARE + (1.0 - OPENING_SHARE) * done if minute < minutes else 1.0
