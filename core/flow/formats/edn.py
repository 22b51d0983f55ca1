"""EDN, the notation of Composer's files: text to plain values, each bracket with its line.

Own code, because the readers that exist lose the lines (a report has to name them), recurse on
nested keys and follow tags. Maps become ``Map``, lists and vectors ``Form``, keywords and symbols
``Word``, strings ``str``; numbers become ``Number`` and keep their digits, so that 66.67 and 1/3
stay exact. Reading does not recurse.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from core.errors import BadInput
from core.flow.formats.text import FLATTEN

MAX_VALUES = 250_000
MAX_STRING, MAX_NUMBER = 100_000, 100
MAX_NESTING = 2_000
"""Brackets inside brackets; a node of a defsymphony text opens three."""


class Word(str):
    """A symbol, such as ``weight-equal``, or a ``Keyword``."""

    __slots__ = ()


class Keyword(Word):
    """``:step``, kept without its colon."""

    __slots__ = ()


class Number(str):
    """A number as it was written, without the suffixes M and N."""

    __slots__ = ()


class Map(dict[str, Any]):
    """``{...}``; ``line`` counts from 1, and is None if all the text is one line.

    ``shares`` are those of a weight in a defsymphony text, where they stand before the children.
    """

    line: int | None = None
    shares: list[Any] | None = None


class Form(list[Any]):
    """``(...)``, or ``[...]`` if ``vector``; ``line`` as of a Map."""

    line: int | None = None
    vector: bool = False


_TOKEN = re.compile(
    r"""(?P<blank>(?:[\s,]++|;[^\n]*+)++)
      | (?P<open>[(\[{])
      | (?P<close>[)\]}])
      | "(?P<string>[^"\\]*+(?:\\.[^"\\]*+)*+)"
      | (?P<atom>:?[^\s,;()\[\]{}"\\\#`~@^']+)""",
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"[+-]?\d+(?:/\d+|(?:\.\d*)?(?:[eE][+-]?\d{1,3})?)[MN]?")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "\\": "\\", "/": "/"}
_CLOSES = {"(": ")", "[": "]", "{": "}"}
_CONSTANTS = {"true": True, "false": False, "nil": None}


@dataclass(slots=True)
class _Open:
    """A bracket that is not closed yet."""

    bracket: str
    line: int
    values: list[Any] = field(default_factory=list)


def read_edn(text: str, name: str) -> Any:
    """The one value that ``text`` holds; BadInput, saying at which line, if it holds none."""
    lines = text.count("\n") > 0
    stack = [_Open("", 1)]
    at, line, values = 0, 1, 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise _broken(name, line, f"{text[at : at + 12]!r} cannot be read")
        kind, at = token.lastgroup, token.end()
        values += kind != "blank"
        if values > MAX_VALUES:
            raise BadInput(name, f"more than {MAX_VALUES:,} values.", FLATTEN)
        if kind == "open":
            if len(stack) > MAX_NESTING:
                raise BadInput(name, "nested too deeply to read.", FLATTEN)
            stack.append(_Open(token[0], line))
        elif kind == "close":
            if _CLOSES.get(stack[-1].bracket) != token[0]:
                raise _broken(name, line, f"{token[0]!r} closes nothing")
            done = stack.pop()
            stack[-1].values.append(_container(done, lines, name))
        elif kind == "string":
            stack[-1].values.append(_string(token["string"], line, name))
        elif kind == "atom":
            stack[-1].values.append(_atom(token["atom"]))
        line += text.count("\n", token.start(), at)
    if len(stack) > 1:
        raise _broken(name, stack[-1].line, f"the {stack[-1].bracket!r} is never closed")
    if len(stack[0].values) != 1:
        what = "nothing to read" if not stack[0].values else "more than one value"
        raise BadInput(name, f"not EDN: {what}.", _AGAIN)
    return stack[0].values[0]


def _container(done: _Open, lines: bool, name: str) -> Map | Form:
    if done.bracket != "{":
        form = Form(done.values)
        form.vector, form.line = done.bracket == "[", done.line if lines else None
        return form
    keys, values = done.values[::2], done.values[1::2]
    if len(keys) != len(values):
        raise _broken(name, done.line, "a key without a value")
    found = Map()
    found.line = done.line if lines else None
    for key, value in zip(keys, values, strict=True):
        if not isinstance(key, str) or key in found:
            what = f"key {key!r} appears twice" if isinstance(key, str) else "a key that is no word"
            raise _broken(name, done.line, what)
        if isinstance(value, Word) and not isinstance(value, Keyword):
            raise _broken(name, done.line, f"the text {value!r} has lost its quotes")
        found[str(key)] = value
    return found


def _atom(text: str) -> Any:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if len(text) <= MAX_NUMBER and _NUMBER.fullmatch(text):
        return Number(text.rstrip("MN"))
    return Keyword(text[1:]) if text[0] == ":" else Word(text)


def _string(text: str, line: int, name: str) -> str:
    if len(text) > MAX_STRING:
        raise _broken(name, line, f"a text of {len(text):,} characters")
    if "\\" not in text:
        return text

    def plain(escape: re.Match[str]) -> str:
        code = escape[1]
        if code[0] == "u" and len(code) == 5:
            return chr(int(code[1:], 16))
        if code not in _ESCAPES:
            raise _broken(name, line, f"'\\{code}' is no character")
        return _ESCAPES[code]

    found = _ESCAPE.sub(plain, text)
    # Characters outside the basic plane are written as two halves.
    joined = found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if "\0" in joined or ("\ufffd" in joined and "\ufffd" not in found):
        raise _broken(name, line, "a text with a character that cannot be kept")
    return joined


def _broken(name: str, line: int, what: str) -> BadInput:
    return BadInput(name, f"not EDN: {what} at line {line}.", _AGAIN)


_AGAIN = "Copy the whole text from Composer again."
