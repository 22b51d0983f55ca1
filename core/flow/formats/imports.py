"""Any strategy file that Sluice reads: told apart by content, never by the file's name."""

from __future__ import annotations

from typing import Any

from core.errors import BadInput, UnknownName
from core.flow.formats import composer, native, quantmage
from core.flow.formats.edn import Form, Map
from core.flow.formats.report import Imported, Report
from core.flow.formats.text import json_of, text_of

FORMATS = ("auto", "composer", "quantmage", "native")


def read_strategy(content: str | bytes, name: str, format_name: str = "auto") -> Imported:
    """The flow in a file's ``content`` and what became of each construct on the way.

    ``name`` is what messages call the file. Raises BadInput for a file that is no strategy, or
    none of the format asked for; FlowInvalid for a native one with problems.
    """
    if format_name not in FORMATS:
        raise UnknownName("--format", "format", format_name, FORMATS)
    text = text_of(content, name)
    if format_name == "composer":
        return composer.from_value(composer.value_of(text, name), name)
    if format_name == "quantmage":
        return quantmage.from_value(json_of(text, name), name)
    if format_name == "native":
        return _native(json_of(text, name), name)
    if text.lstrip()[0] not in '{["(;':
        raise _unknown(name)
    return _by_content(composer.value_of(text, name), name)


def _by_content(value: Any, name: str) -> Imported:
    if isinstance(value, Form | Map):
        return composer.from_value(value, name)
    if isinstance(value, dict):
        if "incantation" in value:
            return quantmage.from_value(value, name)
        wrapped = value.keys() & {"step", "symphony", "score", "raw_value"}
        if wrapped or value.get("type") == "node_root":
            return composer.from_value(value, name)
        if value.keys() & {"sluice", "root"}:
            return _native(value, name)
    raise _unknown(name)


def _native(value: Any, name: str) -> Imported:
    return Imported(native.from_json(value, name), Report("native"))


def _unknown(name: str) -> BadInput:
    return BadInput(
        name,
        "it is no strategy in a format known here.",
        "Known are Sluice's own JSON, Composer's score (JSON or EDN) and definition text, and "
        "QuantMage's JSON export.",
    )
