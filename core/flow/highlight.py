"""Highlight: how every block of a flow stood at one session, for whoever draws the flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from core.flow.trace import NodeTrace, Trace

State = Literal["taken", "idle", "lacking"]
"""On the path; not on it; on it, but some of its share stayed in cash for want of data."""


@dataclass(frozen=True, slots=True)
class BlockState:
    """One block at one session.

    ``share``     of the whole that reached it; 0 where the path did not go
    ``choice``    what it chose, in a word or two (``then``, ``case 2``, the items of a sort)
    ``distance``  how far that is from another choice, as a fraction; None where it has none
    """

    state: State
    share: float
    choice: str
    distance: float | None


@dataclass(frozen=True, slots=True)
class Highlight:
    """A whole flow at one session: blocks by their path, ``root.then.children[0]``.

    Blocks of a strategy that is referred to have paths with an arrow
    (``root.then→root.children[1]``). Blocks of flows that are only measured are there and idle.
    """

    session: date
    blocks: Mapping[str, BlockState]


def highlight_of(found: Trace) -> Highlight:
    """The states of all blocks of a traced session."""
    return Highlight(found.session, {node.path: _state(node) for node in found.nodes})


def _state(node: NodeTrace) -> BlockState:
    if node.share is None:
        return BlockState("idle", 0.0, "", None)
    state: State = "lacking" if node.missing else "taken"
    return BlockState(state, node.share, node.choice, node.distance)
