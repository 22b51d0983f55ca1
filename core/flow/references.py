"""Which other strategies a flow refers to."""

from __future__ import annotations

from core.flow.layout import operands_of
from core.flow.nodes import Flow, Node, Strategy, StrategyBenchmark, children


def references(flow: Flow) -> tuple[str, ...]:
    """Short names of the strategies that ``flow`` names itself, its benchmark's too, each once."""
    found: dict[str, None] = {}
    if isinstance(flow.benchmark, StrategyBenchmark):
        found[flow.benchmark.strategy] = None
    below: list[Node] = [flow.root]
    while below:
        node = below.pop()
        if isinstance(node, Strategy):
            found[node.strategy] = None
        below += (child for _, child in children(node))
        below += (operand.of for _, operand in operands_of(node) if operand.of is not None)
    return tuple(found)
