"""Global variables: values with a name that every strategy of the library can use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from core.errors import BadInput
from core.flow.nodes import SYMBOL, VARIABLE_NAME, VariableValue
from core.flow.variables import parse_value
from core.indicators.registry import find_indicator
from core.library.strategies import refuse_unstorable
from core.sweep.grid import parse_values

Kind = Literal["number", "symbol", "indicator"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MAX_NOTE = 2_000


@dataclass(frozen=True, slots=True)
class Draft:
    """A global variable as somebody wrote it, checked.

    ``default`` is its value; ``sweep`` the values a batch test tries first, as one writes them
    (``5:50:5``, ``TLT,GLD``), empty for none.
    """

    name: str
    kind: Kind
    default: VariableValue
    sweep: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalVariable:
    """A global variable of a user's."""

    id: UUID
    user_id: UUID
    name: str
    kind: Kind
    default: VariableValue
    sweep: str
    note: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Use:
    """A strategy that uses a global variable, or declares one of its own by that name."""

    slug: str
    strategy: str
    shadows: bool
    archived: bool


def draft_of(name: str, kind: Kind, default: str, sweep: str = "", note: str = "") -> Draft:
    """The variable written in these texts.

    Raises BadInput naming the field: a name that is none, a value that is not of the kind.
    """
    name, sweep, note = name.strip().removeprefix("$"), sweep.strip(), note.strip()
    if not VARIABLE_NAME.fullmatch(name):
        raise BadInput(
            "name",
            f"'{name}' is no name for a variable." if name else "it is empty.",
            "Use a letter, then letters, digits and _, at most 64.",
        )
    if kind not in KINDS:
        raise BadInput("kind", f"'{kind}' is no kind.", f"Use one of {', '.join(KINDS)}.")
    refuse_unstorable("note", note)
    if len(note) > MAX_NOTE:
        raise BadInput("note", f"it has {len(note):,} characters.", f"At most {MAX_NOTE:,}.")
    value = _value(kind, default, "default")
    for tried in parse_values(sweep, "sweep") if sweep else ():
        _value(kind, str(tried), "sweep")
    return Draft(name, kind, value, sweep, note)


def _value(kind: Kind, text: str, field: str) -> VariableValue:
    text = text.strip()
    if not text:
        raise BadInput(field, "it is empty.", f"Give it a {kind}.")
    if kind == "number":
        number = parse_value(text)
        if isinstance(number, str):
            raise BadInput(field, f"'{text}' is not a number.", "Write e.g. 14 or 0.5.")
        return number
    if kind == "symbol":
        if not SYMBOL.fullmatch(text):
            raise BadInput(field, f"'{text}' is not a symbol.", "Write e.g. SPY.")
        return text
    return find_indicator(text, field).name
