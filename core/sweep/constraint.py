"""Constraints between variables: ``fast < slow`` drops the points of a grid that break it."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import BadInput, UnknownName

Column = npt.NDArray[Any]
"""One variable's value at each point."""

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_LONGEST = 200
_EXAMPLE = "Write e.g. 'fast < slow' or '2 * fast <= slow'."


@dataclass(frozen=True)
class Constraint:
    """A comparison of variables, numbers and quoted text, joined by ``+ - * /``."""

    text: str
    names: frozenset[str]
    _comparison: ast.Compare

    def holds(self, values: Mapping[str, Column]) -> npt.NDArray[np.bool_]:
        """At which points it holds; ``values`` has a column for each of ``names``."""
        sides = [self._number(s, values) for s in self._sides()]
        held: Any = True
        for sign, left, right in zip(self._comparison.ops, sides, sides[1:], strict=False):
            with np.errstate(all="ignore"):
                held = np.logical_and(held, _COMPARISONS[type(sign)](left, right))
        return np.asarray(held, dtype=np.bool_)

    def _sides(self) -> list[ast.expr]:
        return [self._comparison.left, *self._comparison.comparators]

    def _number(self, node: ast.expr, values: Mapping[str, Column]) -> Any:
        if isinstance(node, ast.Name):
            return values[node.id]
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.UnaryOp):
            return -self._number(node.operand, values)
        assert isinstance(node, ast.BinOp)
        left, right = self._number(node.left, values), self._number(node.right, values)
        return _ARITHMETIC[type(node.op)](left, right)


def parse_constraint(text: str, known: Mapping[str, bool], field: str) -> Constraint:
    """The constraint ``text`` says; ``known`` tells of each variable whether it is a number.

    Raises BadInput, naming ``field``, for what is no comparison, UnknownName for a variable the
    grid does not have.
    """
    text = text.strip()
    try:
        tree = ast.parse(text[:_LONGEST], mode="eval").body
    except SyntaxError:
        raise BadInput(field, f"'{text}' cannot be read.", _EXAMPLE) from None
    if len(text) > _LONGEST or not isinstance(tree, ast.Compare):
        raise BadInput(field, f"'{text[:_LONGEST]}' is no comparison.", _EXAMPLE)
    if not all(type(sign) in _COMPARISONS for sign in tree.ops):
        raise BadInput(field, f"'{text}' compares by something else than < <= > >= == !=.", "")
    names: set[str] = set()
    kinds = [_kind(s, known, names, field, text) for s in (tree.left, *tree.comparators)]
    ordered = any(not isinstance(sign, ast.Eq | ast.NotEq) for sign in tree.ops)
    if len(set(kinds)) > 1 or (ordered and kinds[0] == "text"):
        raise BadInput(field, f"'{text}' compares a number with text.", "Text can be == or !=.")
    return Constraint(text, frozenset(names), tree)


def _kind(node: ast.expr, known: Mapping[str, bool], names: set[str], field: str, text: str) -> str:
    """Whether a side is a number or text; notes the variables it names."""
    if isinstance(node, ast.Name):
        if node.id not in known:
            raise UnknownName(field, "variable", node.id, known)
        names.add(node.id)
        return "number" if known[node.id] else "text"
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return "text"
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return "number"
    parts: list[ast.expr] = []
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        parts = [node.operand]
    elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        parts = [node.left, node.right]
    if not parts or any(_kind(part, known, names, field, text) == "text" for part in parts):
        raise BadInput(field, f"'{text}' is no comparison of variables and numbers.", _EXAMPLE)
    return "number"
