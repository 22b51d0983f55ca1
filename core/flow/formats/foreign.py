"""What all foreign formats share: what can be wrong with any file, and how a flow is made of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.flow.formats.names import FLOW_NAME, NOTE, named
from core.flow.formats.report import (
    Construct,
    Findings,
    Imported,
    Place,
    approximated,
    unsupported,
)
from core.flow.formats.unfold import is_neutral, shown
from core.flow.nodes import AllOf, AnyOf, Flow, Node, Value

MAX_NESTING = 50
"""Conditions inside conditions."""

UNKNOWN_FIELD = approximated(
    "a field that is not known", "", "It was left out; check that it changes nothing."
)


def malformed(maker: str) -> Construct:
    return unsupported(
        "a field that is missing or of the wrong type",
        f"Correct it in {maker} and export again.",
    )


def unknown_condition_field(maker: str) -> Construct:
    return unsupported(
        "a field of a condition that is not known",
        f"It may change the condition: rewrite it in {maker} without it.",
    )


def note_unknown(keys: Iterable[str], place: Place, findings: Findings) -> None:
    """Fields that nobody knows, and that are left out."""
    for key in sorted(keys):
        findings.add(place.at(str(key)), UNKNOWN_FIELD, f"The field is {shown(key)}.")


def note_unknown_of_condition(
    source: Mapping[str, Any],
    known: set[str],
    construct: Construct,
    place: Place,
    findings: Findings,
) -> None:
    """Fields of a condition that are not ``known``: ``construct`` where they say something."""
    for key in sorted(source.keys() - known):
        met = UNKNOWN_FIELD if is_neutral(source[key]) else construct
        findings.add(place.at(key), met, f"The field is {shown(key)}.")


def joined(parts: Sequence[Value | None], *, any_of: bool) -> Value | None:
    """The condition that all of ``parts`` hold, or any; None if one of them has no counterpart."""
    known = tuple(part for part in parts if part is not None)
    if len(known) < len(parts):
        return None
    return AnyOf(any=known) if any_of else AllOf(all=known)


def titled(source: Mapping[str, Any], place: Place, findings: Findings) -> tuple[str | None, str]:
    """The flow's name and description: what its maker's file says, and a name too long in full."""
    title, full = named(source.get("name"), place, findings, FLOW_NAME)
    description = source.get("description")
    texts = [full, description.strip() if isinstance(description, str) else ""]
    return title, "\n\n".join(text for text in texts if text)[:NOTE]


def stem(file: str) -> str:
    """The name of a flow whose file says none."""
    return file.rsplit(".", 1)[0][:FLOW_NAME]


def imported(
    root: Node,
    fields: Mapping[str, Any],
    findings: Findings,
    kind: str,
    names: Iterable[str | None],
) -> Imported:
    """The flow and its report; no flow if something is not supported.

    ``kind`` is what the file was read as; the first of ``names`` that is not empty is the flow's.
    """
    report = findings.report(kind)
    if report.status == "not supported":
        return Imported(None, report)
    name = next(name for name in names if name)
    return Imported(Flow(name=name, root=root, **fields), report)
