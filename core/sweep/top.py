"""What of a flow is decided run by run, and what below that is kept as a portfolio.

Every flow has a top that decides how a session's capital is divided, and below it parts with few
versions, which are walked once a version and kept: its *portfolios*. A run divides its capital
into *sleeves*; on each session every sleeve holds one of the portfolios with some share. Gates and
switches need one sleeve, a scale two, a sort as many as it takes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.flow import opcodes as op
from core.sweep.plan import Plan, children_of, conditions_of, with_parts
from core.sweep.values import Values

CHOOSING = (op.PASS, op.GATE, op.SWITCH)
"""Kinds of nodes that hand all of their share to one child."""
WEIGHING = (op.EQUAL, op.RANKED, op.SPECIFIED, op.INVERSE_VOLATILITY)
"""Kinds that hand a part of their share to each child."""

MOST_PORTFOLIOS = 250
"""A choice between them is a byte."""
MOST_SLEEVES = 12
MOST_RANKED = 24
"""Items of a sort: each is compared with every other."""


@dataclass(frozen=True, eq=False)
class Top:
    """The nodes that are decided run by run, and what they divide capital between.

    ``nodes``       children before parents; none where the root itself is kept
    ``portfolios``  the nodes below them, which are walked once a version
    ``sleeves``     how many each of both needs
    """

    plan: Plan
    nodes: tuple[int, ...]
    portfolios: tuple[int, ...]
    sleeves: dict[int, int]

    @property
    def mixes(self) -> bool:
        """Whether anything but the choice of one portfolio is decided."""
        return any(self.plan.program.code.kind[node] not in CHOOSING for node in self.nodes)

    @property
    def versions(self) -> int:
        """Of all portfolios together."""
        return sum(self.plan.nodes[root].count for root in self.portfolios)

    def conditions(self) -> list[int]:
        """The conditions the nodes ask, parts before what joins them."""
        program = self.plan.program
        asked: set[int] = set()
        for node in self.nodes:
            asked.update(conditions_of(program, node))
        return sorted(with_parts(program, asked))


def find_top(values: Values, most_versions: int) -> Top | None:
    """The smallest top whose portfolios have no more versions than that; None if there is none.

    It begins with the nodes that only choose. As long as there are too many versions, the portfolio
    with the most is divided into its own children.
    """
    program = values.plan.program
    mixed: set[int] = set()
    while True:
        top = _top(values, mixed)
        if len(top.portfolios) > MOST_PORTFOLIOS or top.sleeves[0] > MOST_SLEEVES:
            return None
        if top.versions <= most_versions:
            return top
        divisible = [n for n in top.portfolios if _can_mix(program.code, n)]
        if not divisible:
            return None
        mixed.add(max(divisible, key=lambda node: values.plan.nodes[node].count))


def _can_mix(code: object, node: int) -> bool:
    kind, arity = code.kind[node], code.arity[node]  # type: ignore[attr-defined]
    return kind in (*WEIGHING, op.SCALE) or (kind == op.SORT and arity <= MOST_RANKED)


def _top(values: Values, mixed: set[int]) -> Top:
    plan, code = values.plan, values.plan.program.code
    nodes, portfolios, todo = [], [], [0]
    while todo:
        node = todo.pop()
        if code.kind[node] in CHOOSING or node in mixed:
            nodes.append(node)
            todo += children_of(plan.program, node)
        else:
            portfolios.append(node)
    nodes.sort(reverse=True)
    sleeves = dict.fromkeys(portfolios, 1)
    for node in nodes:
        below = [sleeves[child] for child in children_of(plan.program, node)]
        sleeves[node] = _sleeves(values, node, below)
    return Top(plan, tuple(nodes), tuple(sorted(portfolios)), sleeves)


def _sleeves(values: Values, node: int, below: list[int]) -> int:
    """How many sleeves a node needs whose children need ``below``."""
    code = values.plan.program.code
    kind = code.kind[node]
    if kind in WEIGHING:
        return sum(below)
    if kind == op.SCALE:
        return 2 * max(below)
    if kind == op.SORT:
        return most_taken(values, node) * max(below)
    return max(below)


def most_taken(values: Values, node: int) -> int:
    """The most items a sort takes in any of its versions."""
    slot = values.plan.program.code.arg[node, op.SORT_TAKE]
    taken = values.value[slot]
    sound = taken[~np.isnan(taken)]
    return int(min(sound.max(initial=1), values.plan.program.code.arity[node]))
