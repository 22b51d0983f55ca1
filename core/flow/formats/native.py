"""Sluice's own format: JSON text to a Flow and back, without loss.

Reading never recurses over nodes, so depth is a limit with a message and not a crash, and it
reports every problem at once, each with its path (``root.then.children[2].symbol``).
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from core.errors import BadInput, FlowInvalid, Problem, suggestion
from core.flow.formats.text import FLATTEN, json_of, text_of
from core.flow.nodes import KINDS, Asset, Flow, IndicatorOperand, Node, Rebalance, Sort, Value

MAX_NODES = 20_000
MAX_DEPTH = 300
"""Nodes inside nodes; the deepest real strategy known is 230 deep."""


Model = TypeVar("Model", bound=BaseModel)


class _Unreadable(Node):
    """Stands for a node whose problems are already noted, so that its parents can be read too."""

    kind: str = "unreadable"


# -- reading -------------------------------------------------------------------------------------


def parse(text: str | bytes, name: str = "flow") -> Flow:
    """The flow written in ``text``; ``name`` is what messages call it, usually the file's name.

    Raises FlowInvalid with every problem of the flow, or BadInput if it is no JSON at all.
    """
    raw = json_of(text_of(text, name), name)
    return from_json(raw, name)


def from_json(raw: object, name: str = "flow") -> Flow:
    """The flow that parsed JSON describes; raises as ``parse`` does."""
    if not isinstance(raw, Mapping):
        raise BadInput(name, "a flow is a JSON object with 'sluice', 'name' and 'root'.")
    problems: list[Problem] = []
    document = _nodes_inside(raw, problems)
    flow = _model(Flow, document, "", problems)
    if problems or flow is None:
        raise FlowInvalid(sorted(problems, key=lambda p: p.path), name)
    return flow


def _nodes_inside(document: Mapping[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """``document`` with every object that has a ``kind`` replaced by its node, deepest first."""
    containers: list[Any] = [document]
    parents: list[tuple[int, Any]] = [(-1, "")]
    paths, depths, nodes = [""], [0], 0
    queue = deque([0])
    while queue:
        index = queue.popleft()
        items = _members(containers[index])
        for key, value in items:
            if not isinstance(value, dict | list):
                continue
            is_node = isinstance(value, dict) and "kind" in value
            path, depth = _join(paths[index], key), depths[index] + is_node
            nodes += is_node
            if depth > MAX_DEPTH or nodes > MAX_NODES:
                limit = f"{MAX_DEPTH} levels" if depth > MAX_DEPTH else f"{MAX_NODES:,} nodes"
                problems.append(Problem("root", f"the flow has more than {limit}.", FLATTEN))
                raise FlowInvalid(problems)
            containers.append(value)
            parents.append((index, key))
            paths.append(path)
            depths.append(depth)
            queue.append(len(containers) - 1)

    filled: list[dict[Any, Any]] = [dict(_members(c)) for c in containers]
    for index in range(len(containers) - 1, 0, -1):
        built: object = filled[index]
        if isinstance(containers[index], list):
            built = list(filled[index].values())
        elif "kind" in filled[index]:
            built = _node(filled[index], paths[index], problems)
        parent, key = parents[index]
        filled[parent][key] = built
    return filled[0]


def _node(fields: dict[str, Any], path: str, problems: list[Problem]) -> Node:
    kind = fields["kind"]
    cls = KINDS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        message = f"there is no kind of node called {kind!r}."
        problems.append(Problem(_join(path, "kind"), message, suggestion(str(kind), KINDS)))
        return _Unreadable()
    return _model(cls, fields, path, problems) or _Unreadable()


def _model(
    cls: type[Model], fields: dict[str, Any], path: str, problems: list[Problem]
) -> Model | None:
    try:
        return cls.model_validate(fields)
    except ValidationError as err:
        # A list whose items are wrong is also said to be too short: once is enough.
        details = err.errors(include_url=False)
        inside = {d["loc"][:i] for d in details for i in range(len(d["loc"]))}
        problems += [
            _problem(cls, path, detail)
            for detail in details
            if detail["type"] != "too_short" or detail["loc"] not in inside
        ]
        return None


def _problem(cls: type[BaseModel], path: str, error: ErrorDetails) -> Problem:
    keys = [k for k in error["loc"] if not (isinstance(k, str) and k.startswith("<"))]
    where = path
    for key in keys:
        where = _join(where, key)
    last = str(keys[-1]) if keys else ""
    if error["type"] == "missing":
        return Problem(where, f"'{last}' is missing.", "Add it.")
    if error["type"] == "extra_forbidden":
        known = [f.alias or n for n, f in cls.model_fields.items()] if len(keys) == 1 else []
        fix = suggestion(last, known) if known else "Remove it."
        return Problem(where, f"there is no key '{last}' here.", fix)
    if error["type"] == "is_instance_of":
        return Problem(where, "expected a node: an object with a 'kind'.", suggestion("", KINDS))
    if error["type"] == "literal_error":
        return Problem(
            where, f"{error['input']!r} is not possible.", f"Use {error['ctx']['expected']}."
        )
    if error["type"] == "too_short":
        has = f"it has only {error['ctx']['actual_length']}." if error["input"] else "it is empty."
        return Problem(where, has, f"It needs at least {error['ctx']['min_length']}.")
    message = error["msg"].removeprefix("Value error, ")
    return Problem(where, message[0].lower() + message[1:] + ".")


def _members(container: object) -> Iterable[tuple[Any, Any]]:
    return container.items() if isinstance(container, Mapping) else enumerate(container)  # type: ignore[arg-type]


def _join(path: str, key: str | int) -> str:
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


# -- writing -------------------------------------------------------------------------------------


def to_json(flow: Flow) -> dict[str, Any]:
    """The flow as JSON values; defaults are left out, so equal flows give equal JSON."""
    values: list[Value] = [flow]
    parents: list[tuple[int, str, int | None]] = [(-1, "", None)]
    written: list[dict[str, Any]] = []
    for index, value in enumerate(values):  # grows while it is read: breadth first
        fields = _own_fields(value)
        written.append(fields)
        for key, field in fields.items():
            if isinstance(field, Value):
                values.append(field)
                parents.append((index, key, None))
            elif isinstance(field, tuple):
                fields[key] = [_plain(item) for item in field]
                for i, item in enumerate(field):
                    if isinstance(item, Value):
                        values.append(item)
                        parents.append((index, key, i))
    for index in range(len(values) - 1, 0, -1):
        parent, key, place = parents[index]
        built = _short(values[index], written[index], values[parent], key)
        if place is None:
            written[parent][key] = built
        else:
            written[parent][key][place] = built
    return written[0]


def dump(flow: Flow) -> str:
    """The flow as indented JSON text, ending in a newline."""
    return json.dumps(to_json(flow), indent=2, ensure_ascii=False) + "\n"


def content_hash(flow: Flow) -> str:
    """Hex SHA-256 of the flow's canonical JSON: equal flows, equal hash."""
    text = json.dumps(to_json(flow), sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def _own_fields(value: Value) -> dict[str, Any]:
    """What was written of one value, without its defaults (but always its kind or version)."""
    fields: dict[str, Any] = {}
    for name, info in type(value).model_fields.items():
        content = getattr(value, name)
        if (
            name in ("kind", "sluice")
            or info.is_required()
            or content != info.get_default(call_default_factory=True)
        ):
            fields[info.alias or name] = content
    if isinstance(value, IndicatorOperand):
        fields |= value.arguments
    return {key: _plain(content) for key, content in fields.items()}


def _short(value: Value, fields: dict[str, Any], parent: Value, key: str) -> Any:
    """The shortest spelling the format has for ``value``."""
    if isinstance(value, Rebalance) and value.threshold is None:
        return value.every
    plain = fields.keys() == {"kind", "symbol"}
    if plain and key == "items" and isinstance(value, Asset) and isinstance(parent, Sort):
        return value.symbol
    return fields


def _plain(number: Any) -> Any:
    """Whole floats as integers, so that 75 and 75.0 are written, and hashed, as one number."""
    if isinstance(number, dict):
        return {key: _plain(value) for key, value in number.items()}
    return int(number) if isinstance(number, float) and number.is_integer() else number
