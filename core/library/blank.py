"""A strategy to begin with."""

from __future__ import annotations

from core.flow.nodes import Cash, Flow


def blank_flow(name: str) -> Flow:
    """A flow that holds nothing but cash: what a new strategy is before anything is built."""
    return Flow(name=name, root=Cash())
