"""Numbers as strategy files write them: 10, "10", 66.67, "01", 1/3."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from core.errors import BadInput
from core.flow.formats.unfold import shown

_WRITTEN = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,2})?")
_RATIO = re.compile(r"([+-]?\d{1,30})/0*([1-9]\d{0,29})")


def fraction_of(value: Any, field: str = "number") -> Fraction:
    """``value`` exactly as it is written; BadInput if it is no number of sensible length."""
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        text = str(value).strip()
        ratio = _RATIO.fullmatch(text)
        if ratio:
            return Fraction(int(ratio[1]), int(ratio[2]))
        if _WRITTEN.fullmatch(text):
            return Fraction(text)
    raise BadInput(field, f"{shown(value)} is not a number.")


def number_of(value: Any, field: str = "number") -> float | int:
    """The nearest float; an int if it is whole."""
    found = fraction_of(value, field)
    return int(found) if found.denominator == 1 else float(found)


def count_of(value: Any, field: str = "number") -> int:
    """A whole number of at most nine digits; BadInput if it is another."""
    found = fraction_of(value, field)
    if found.denominator != 1 or abs(found) >= 10**9:
        raise BadInput(field, f"{shown(value)} is not a whole number.")
    return int(found)
