"""The text of a strategy file, before anyone knows what it says: its limits, UTF-8 and JSON.

Everything that a file can do to a reader is refused here, by size and by count, so that no format
has to think of it again: too large, not text, too many brackets, nested too deeply.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from core.errors import BadInput

MAX_BYTES = 20_000_000
MAX_PARTS = 1_000_000
"""Opening brackets and commas in one file: what its objects and lists can cost in memory."""

_UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")
_ESCAPED = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def text_of(content: str | bytes, name: str) -> str:
    """``content`` as text, without a byte order mark; BadInput, naming ``name``, if it is none."""
    if len(content) > MAX_BYTES:
        raise BadInput(name, f"{len(content):,} bytes.", f"A flow has at most {MAX_BYTES:,}.")
    if isinstance(content, bytes):
        try:
            content = content.decode("utf-8-sig")
        except UnicodeDecodeError as err:
            raise BadInput(name, f"not UTF-8 text ({err.reason}).", "Save it as UTF-8.") from None
    content = content.removeprefix("\ufeff")
    if not content.strip():
        raise BadInput(name, "the file is empty.", "Export the strategy again.")
    _refuse_unstorable(content, name)
    if sum(content.count(mark) for mark in "{[(,") > MAX_PARTS:
        raise BadInput(name, f"more than {MAX_PARTS:,} brackets and commas.", FLATTEN)
    return content


def json_of(text: str, name: str) -> Any:
    """The JSON value written in ``text``; BadInput, saying where, if it is none."""
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError:
        raise BadInput(name, "nested too deeply to read.", FLATTEN) from None
    except json.JSONDecodeError as err:
        where = f"line {err.lineno}, column {err.colno}"
        raise BadInput(name, f"not JSON: {err.msg} at {where}.", "Mend it there.") from None
    except ValueError as err:
        raise BadInput(name, f"not valid JSON: {err}.", "Mend it there.") from None
    if _ESCAPED.search(text):  # seldom: only then is it worth looking at every string
        for string in _strings(value):
            _refuse_unstorable(string, name)
    return value


def _refuse_unstorable(text: str, name: str) -> None:
    found = _UNSTORABLE.search(text)
    if found:
        what = "a NUL character" if found[0] == "\0" else "half of a character (a lone surrogate)"
        raise BadInput(name, f"it contains {what}.", "Save it as UTF-8 text without it.")


def _strings(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += [*part.keys(), *part.values()]
        elif isinstance(part, list):
            waiting += part
        elif isinstance(part, str):
            yield part


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"key {key!r} appears twice in one object")
            seen.add(key)
    return found


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is not a number")


FLATTEN = "Split it into strategies that refer to each other."
