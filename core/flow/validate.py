"""Validate: every problem of a flow at once, each with its path and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from core.errors import FlowInvalid, Problem
from core.flow import nodes as ast
from core.flow.binding import bind
from core.flow.compile import compile_with_problems
from core.flow.layout import FindStrategy
from core.flow.nodes import VariableValue, is_variable
from core.flow.program import Program, expressions


def validate(
    flow: ast.Flow,
    find: FindStrategy | None = None,
    given: Mapping[str, VariableValue] | None = None,
) -> tuple[Problem, ...]:
    """What is wrong with ``flow``: errors, because of which it cannot run, and warnings.

    ``given`` are values to check instead of the variables' defaults. Problems are sorted by path.
    """
    try:
        program, problems = compile_with_problems(flow, find)
    except FlowInvalid as err:
        return err.problems
    try:
        bind(program, given)
    except FlowInvalid as err:
        problems += err.problems
    problems += _unused_variables(flow, program)
    return tuple(sorted(dict.fromkeys(problems), key=lambda p: p.path))


def _unused_variables(flow: ast.Flow, program: Program) -> Iterator[Problem]:
    used = {str(expr)[1:] for expr in expressions(program) if is_variable(expr)}
    if isinstance(flow.benchmark, str) and is_variable(flow.benchmark):
        used.add(flow.benchmark[1:])
    for name in flow.variables:
        if name not in used:
            yield Problem(f"variables.{name}", "nothing uses it.", "Remove it.", "warning")
