"""The market's weather: calm, normal or stressed, and how much it moves on each day."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from core.market.bars import Float
from core.market.sources.demo.draws import normal, uniform

CALM, NORMAL, STRESS = 0, 1, 2
LARGEST_SHOCK = 5.0
"""In standard deviations of the day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Climate:
    """What the weather of one market is made of; each triple is calm, normal, stressed.

    ``leave``       chance a day to leave the state for its milder or its rougher neighbour
    ``volatility``  daily standard deviation the state pulls towards
    ``drift``       mean return a day
    ``memory``      share of yesterday's variance that stays; ``surprise`` and ``fear`` are the
                    shares of the squared last move, the latter for falls only
    ``jumps``       chance a day of a move three times as large, of which three in four are falls
    """

    leave: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    volatility: tuple[float, float, float]
    drift: tuple[float, float, float]
    memory: float
    surprise: float
    fear: float
    jumps: float
    largest_move: float


@dataclass(frozen=True, eq=False, slots=True)
class Weather:
    """One value a day.

    ``state``   int, CALM, NORMAL or STRESS
    ``move``    return of the market
    ``shock``   that move less its mean, in the day's standard deviations
    ``sigma``   that standard deviation
    """

    state: npt.NDArray[np.int64]
    move: Float
    shock: Float
    sigma: Float


def forecast(climate: Climate, stream: str, days: int) -> Weather:
    """The weather of ``days`` days: a Markov chain of states under a GARCH of daily variance.

    A plain loop: each day needs the one before, and 12,000 of them take 20 ms.
    """
    turns = uniform(f"{stream}/turns", days).tolist()
    jumps = uniform(f"{stream}/jumps", days).tolist()
    shocks = normal(f"{stream}/shocks", days).tolist()
    target = [v * v for v in climate.volatility]
    fresh = 1.0 - climate.memory - climate.surprise - climate.fear / 2
    state, variance, last = NORMAL, target[NORMAL], 0.0
    states, moves, sizes, sigmas = [], [], [], []
    for turn, jump, shock in zip(turns, jumps, shocks, strict=True):
        state = _turned(state, turn, climate.leave[state])
        heard = climate.surprise + (climate.fear if last < 0 else 0.0)
        variance = fresh * target[state] + climate.memory * variance + heard * last * last
        sigma = sqrt(variance)
        if jump < climate.jumps:
            shock = 3.0 * abs(shock) * (-1.0 if jump < 0.75 * climate.jumps else 1.0)
        shock = max(-LARGEST_SHOCK, min(LARGEST_SHOCK, shock))
        last = max(-climate.largest_move, min(climate.largest_move, sigma * shock))
        states.append(state)
        moves.append(climate.drift[state] + last)
        sizes.append(last / sigma)
        sigmas.append(sigma)
    return Weather(np.array(states), np.array(moves), np.array(sizes), np.array(sigmas))


def _turned(state: int, turn: float, leave: tuple[float, float]) -> int:
    milder, rougher = leave
    if turn < milder:
        return state - 1
    if turn < milder + rougher:
        return state + 1
    return state
