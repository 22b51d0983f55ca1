"""What is wrong with a draft, block by block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.errors import BadInput, FlowInvalid, Problem
from core.flow.draft.blocks import FLOW, Draft
from core.flow.formats.native import from_json
from core.flow.layout import FindStrategy
from core.flow.nodes import Flow
from core.flow.validate import validate


@dataclass(frozen=True, slots=True)
class Located:
    """A problem and the block it is in."""

    block: str
    problem: Problem


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft read as a flow.

    ``flow`` is None while the JSON is no flow. One with errors can be saved and not run.
    """

    flow: Flow | None
    problems: tuple[Located, ...]

    @property
    def errors(self) -> tuple[Located, ...]:
        return tuple(found for found in self.problems if found.problem.severity == "error")

    @property
    def runs(self) -> bool:
        return self.flow is not None and not self.errors


Fill = Callable[[Flow], Flow]
"""Gives a flow the variables it uses and does not declare, where something else knows them."""


def as_written(flow: Flow) -> Flow:
    """Nothing else knows variables: the flow as it is."""
    return flow


def check(draft: Draft, find: FindStrategy | None = None, fill: Fill = as_written) -> Checked:
    """Everything wrong with the draft, in the order of the outline.

    ``Checked.flow`` is the draft as written; it is checked as ``fill`` completes it.
    """
    flow: Flow | None = None
    try:
        flow = from_json(draft.to_json())
        problems = validate(fill(flow), find)
    except FlowInvalid as err:
        problems = err.problems
    except BadInput as err:
        problems = (Problem(err.field, err.message, err.fix),)
    blocks = {path: block for block, path in draft.paths.items()}
    rank = {block: i for i, block in enumerate(draft.order)}
    located = [Located(_block_at(p.path, blocks), p) for p in problems]
    return Checked(flow, tuple(sorted(located, key=lambda found: rank[found.block])))


def _block_at(path: str, blocks: dict[str, str]) -> str:
    """The innermost block whose path leads to ``path``."""
    while path:
        if path in blocks:
            return blocks[path]
        cut = max(path.rfind("."), path.rfind("["))
        path = path[:cut] if cut > 0 else ""
    return FLOW
