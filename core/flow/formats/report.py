"""What an import found: every construct of the file, where it stands and what became of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from core.flow.nodes import Flow

Status = Literal["exact", "approximated", "not supported"]
STATUSES: tuple[Status, ...] = ("not supported", "approximated", "exact")
"""Most pressing first."""


@dataclass(frozen=True, slots=True)
class Construct:
    """One thing a format can say, and what it becomes; docs/imports.md lists them all.

    ``name``     in the format's own words
    ``becomes``  what stands for it in a flow; empty if nothing can
    ``note``     how it is approximated, or what to do instead
    """

    name: str
    status: Status
    becomes: str = ""
    note: str = ""


def exact(name: str, becomes: str) -> Construct:
    return Construct(name, "exact", becomes)


def approximated(name: str, becomes: str, note: str) -> Construct:
    """Without ``becomes`` it is left out."""
    return Construct(name, "approximated", becomes, note)


def unsupported(name: str, note: str) -> Construct:
    return Construct(name, "not supported", note=note)


@dataclass(frozen=True, slots=True)
class Finding:
    """A construct at one place.

    ``path``    where it stands in the source
    ``line``    its line there, from 1, if the source has lines
    ``node``    the node of the flow it became or belongs to (``root.then``); empty if none
    ``detail``  what the construct's note cannot know: the values met here
    """

    path: str
    line: int | None
    node: str
    construct: Construct
    detail: str = ""

    @property
    def status(self) -> Status:
        return self.construct.status

    @property
    def note(self) -> str:
        """How it was approximated, or what to do."""
        return f"{self.detail} {self.construct.note}".strip()

    def to_json(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "line": self.line,
            "node": self.node,
            "construct": self.construct.name,
            "status": self.status,
            "becomes": self.construct.becomes,
            "note": self.note,
        }

    def __str__(self) -> str:
        line = f"line {self.line}, " if self.line else ""
        note = f": {self.note}" if self.note else ""
        return f"{line}{self.path}: {self.construct.name} {self.status}{note}"


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of one file, in the order of the file; ``format`` is what it was read as."""

    format: str
    findings: tuple[Finding, ...] = ()

    def counts(self) -> dict[Status, int]:
        """How many constructs were exact, approximated, not supported."""
        found = Counter(finding.status for finding in self.findings)
        return {status: found[status] for status in reversed(STATUSES)}

    @property
    def status(self) -> Status:
        """The worst status among the findings: what the whole file is."""
        found = {finding.status for finding in self.findings}
        return next((status for status in STATUSES if status in found), "exact")

    def of(self, status: Status) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.status == status)

    def by_construct(self, status: Status) -> tuple[tuple[Finding, ...], ...]:
        """The findings of one status, those of the same construct together."""
        groups: dict[Construct, list[Finding]] = {}
        for finding in self.of(status):
            groups.setdefault(finding.construct, []).append(finding)
        return tuple(tuple(group) for group in groups.values())

    def to_json(self) -> dict[str, Any]:
        return {
            "format": self.format,
            "status": self.status,
            "counts": self.counts(),
            "findings": [finding.to_json() for finding in self.findings],
        }


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the source and in the flow one is reading."""

    path: str
    line: int | None
    node: str

    def at(self, key: str) -> Place:
        """A part of the source that belongs to the same node."""
        return Place(f"{self.path}.{key}" if self.path else key, self.line, self.node)


@dataclass(slots=True)
class Findings:
    """Collects what a reader finds."""

    found: list[Finding] = field(default_factory=list)

    def add(self, place: Place, construct: Construct, detail: str = "") -> None:
        self.found.append(Finding(place.path, place.line, place.node, construct, detail))

    def report(self, format_name: str) -> Report:
        return Report(format_name, tuple(self.found))


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file: ``flow`` is None if something in it is not supported."""

    flow: Flow | None
    report: Report
