"""Difference: what changed in a flow's decision between two sessions, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from core.flow.trace import ConditionTrace, ItemTrace, NodeTrace, Trace

ROUNDING = 1e-9
"""Changes of weight below this are none."""


@dataclass(frozen=True, slots=True)
class WeightChange:
    """A target weight before and after; ``symbol`` is None for cash."""

    symbol: str | None
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class ConditionChange:
    """A comparison, or a month, of a block that changed sides."""

    before: ConditionTrace
    after: ConditionTrace

    @property
    def flipped(self) -> bool:
        return self.before.truth is not self.after.truth


@dataclass(frozen=True, slots=True)
class RankChange:
    """An item of a sort whose rank changed; a rank of None was not taken."""

    before: ItemTrace
    after: ItemTrace


@dataclass(frozen=True, slots=True)
class BlockChange:
    """A block on one of the two paths that chose otherwise.

    ``conditions``  of a gate, a latch or a switch: all its comparisons, flipped or not
    ``ranks``       of a sort: the items whose rank changed
    """

    before: NodeTrace
    after: NodeTrace
    conditions: tuple[ConditionChange, ...] = ()
    ranks: tuple[RankChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """Two sessions of one flow.

    ``weights``  every symbol held on either, and cash if there is any, largest change first
    ``flipped``  gates, latches and switches that changed sides, nearest to the root first
    ``ranked``   sorts on both paths whose picks or their order changed
    ``blended``  scales on both paths that moved between their ends
    ``lacking``  blocks that lacked data on one of the two sessions only
    ``nearest``  the block on the later path that is nearest to another choice
    """

    earlier: date
    later: date
    weights: tuple[WeightChange, ...]
    flipped: tuple[BlockChange, ...]
    ranked: tuple[BlockChange, ...]
    blended: tuple[BlockChange, ...]
    lacking: tuple[BlockChange, ...]
    nearest: NodeTrace | None

    @property
    def same(self) -> bool:
        """Whether both sessions decided the same weights."""
        return all(abs(w.after - w.before) <= ROUNDING for w in self.weights)

    @property
    def moved(self) -> float:
        """The share of the whole that goes from one thing to another."""
        return sum(abs(w.after - w.before) for w in self.weights) / 2

    def words(self) -> str:
        """The difference in a sentence or two."""
        if not self.same:
            reasons = [f"‘{c.after.title}’ changed sides" for c in self.flipped[:2]]
            reasons += [f"‘{c.after.title}’ picked otherwise" for c in self.ranked[:2]]
            reasons += [f"‘{c.after.title}’ moved" for c in self.blended[:1]]
            reasons += [f"‘{c.after.title}’ lacked data on one of them" for c in self.lacking[:1]]
            because = f": {', '.join(reasons)}" if reasons else ""
            return f"{self.moved:.1%} of the whole moved{because}."
        changed = len(self.flipped) + len(self.ranked)
        if changed:
            blocks = "a block" if changed == 1 else f"{changed} blocks"
            return f"Same decision, though {blocks} chose otherwise."
        if self.nearest is None or self.nearest.distance is None:
            return "Same decision. No block on the path chooses by a number."
        return (
            f"Same decision. The nearest block to another choice is ‘{self.nearest.title}’, "
            f"{self.nearest.distance:.1%} from flipping."
        )


def difference(before: Trace, after: Trace) -> Difference:
    """What changed from one traced session to another of the same bound flow."""
    pairs = [
        (was, now)
        for was, now in zip(before.nodes, after.nodes, strict=True)
        if was.share is not None or now.share is not None
    ]
    both = [(a, b) for a, b in pairs if a.share is not None and b.share is not None]
    flipped = [BlockChange(a, b, _conditions(a, b)) for a, b in pairs if _side(a) != _side(b)]
    ranked = [BlockChange(a, b, ranks=ranks) for a, b in both if (ranks := _ranks(a, b))]
    blended = [BlockChange(a, b) for a, b in both if a.kind == "scale" and a.choice != b.choice]
    lacking = [BlockChange(a, b) for a, b in both if a.missing != b.missing]
    near = [n for n in after.reached() if n.distance is not None]
    return Difference(
        earlier=before.session,
        later=after.session,
        weights=tuple(_weights(before, after)),
        flipped=tuple(flipped),
        ranked=tuple(ranked),
        blended=tuple(blended),
        lacking=tuple(lacking),
        nearest=min(near, key=lambda n: n.distance or 0.0, default=None),
    )


def _weights(before: Trace, after: Trace) -> list[WeightChange]:
    symbols = [*before.weights, *(s for s in after.weights if s not in before.weights)]
    found = [WeightChange(s, before.weights.get(s, 0), after.weights.get(s, 0)) for s in symbols]
    if max(abs(before.cash), abs(after.cash)) > ROUNDING:
        found.append(WeightChange(None, before.cash, after.cash))
    return sorted(found, key=lambda w: -abs(w.after - w.before))


def _side(node: NodeTrace) -> int | None:
    """How many of a block's conditions hold; None while one is unknown."""
    truths = [c.truth for c in node.conditions]
    return None if None in truths else sum(map(bool, truths))


def _conditions(before: NodeTrace, after: NodeTrace) -> tuple[ConditionChange, ...]:
    pairs = zip(_simple(before), _simple(after), strict=True)
    return tuple(ConditionChange(was, now) for was, now in pairs)


def _simple(node: NodeTrace) -> Iterator[ConditionTrace]:
    """The comparisons and months a block's conditions are made of, in order."""
    stack = list(reversed(node.conditions))
    while stack:
        condition = stack.pop()
        if condition.parts:
            stack += reversed(condition.parts)
        else:
            yield condition


def _ranks(before: NodeTrace, after: NodeTrace) -> tuple[RankChange, ...]:
    pairs = zip(before.items, after.items, strict=True)
    return tuple(RankChange(was, now) for was, now in pairs if was.rank != now.rank)
