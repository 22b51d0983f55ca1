"""The variables of a draft: where each is used, and renaming one with its uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from core.errors import BadInput
from core.flow.draft.blocks import FLOW, Block, Draft, Path
from core.flow.draft.operations import set_fields
from core.flow.nodes import VARIABLE_NAME, is_variable
from core.flow.variables import Expr

_FOR_READERS = frozenset(("name", "note", "description", "variables"))
"""Keys whose text is never a variable."""


def variables(draft: Draft) -> dict[str, Expr]:
    """The draft's variables with their defaults; none while that part of it is no list of them."""
    found = draft[FLOW].content.get("variables")
    return dict(found) if isinstance(found, dict) else {}


def uses(draft: Draft) -> dict[str, tuple[str, ...]]:
    """The blocks that use each variable, by its name; also of those not declared."""
    found: dict[str, list[str]] = {}
    for block in draft.order:
        names = {str(value)[1:] for value in _values(draft[block]) if is_variable(value)}
        for name in names:
            found.setdefault(name, []).append(block)
    return {name: tuple(blocks) for name, blocks in found.items()}


def declare(draft: Draft, name: str, value: Expr) -> Draft:
    """Give the draft a variable; BadInput for a name that cannot be one or is taken."""
    return _declare(draft, {**variables(draft), _free(draft, name): value})


def rename_variable(draft: Draft, old: str, new: str) -> Draft:
    """Give a variable another name, here and wherever it is used; raises as ``declare``."""
    if old == new:
        return draft
    _free(draft, new)
    for block in uses(draft).get(old, ()):
        found = draft[block]
        fields: dict[Path, Any] = {
            (key,): _renamed(value, f"${old}", f"${new}")
            for key, value in found.content.items()
            if key not in _FOR_READERS and key not in found.slots
        }
        draft = set_fields(draft, block, fields)
    declared = variables(draft)
    return _declare(draft, {new if name == old else name: v for name, v in declared.items()})


def forget(draft: Draft, name: str) -> Draft:
    """Take a variable away; where it is used becomes a problem."""
    return _declare(draft, {n: value for n, value in variables(draft).items() if n != name})


def _declare(draft: Draft, values: dict[str, Expr]) -> Draft:
    return set_fields(draft, FLOW, {("variables",): values})


def _free(draft: Draft, name: str) -> str:
    if not VARIABLE_NAME.fullmatch(name):
        raise BadInput(
            "Variable", f"'{name}' is no name for it.", "Use a letter, then letters, digits and _."
        )
    if name in variables(draft):
        raise BadInput("Variable", f"there is a variable '{name}' already.")
    return name


def _values(block: Block) -> Iterator[Any]:
    stack = [v for key, v in block.content.items() if key not in _FOR_READERS]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, list):
            stack += value
        else:
            yield value


def _renamed(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(inner, old, new) for key, inner in value.items()}
    if isinstance(value, list):
        return [_renamed(inner, old, new) for inner in value]
    return new if value == old else value
