"""Fields of the inspector: each shows one value of the selected block and writes it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.components.builder.editing import Editing
from core.errors import BadInput
from core.flow.draft.blocks import Block, Draft, Path
from core.flow.draft.operations import REMOVED, set_fields
from core.flow.draft.variables import variables
from core.flow.nodes import is_variable
from core.flow.variables import parse_value

Place = Any
"""A container or column to draw in."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Draws fields of ``block``.

    Widgets carry block, path and epoch in their keys, and callbacks are bound to them: a late
    event of a field that is gone changes nothing.
    """

    editing: Editing
    block: str

    @property
    def draft(self) -> Draft:
        return self.editing.draft

    @property
    def found(self) -> Block:
        return self.editing.draft[self.block]

    def key(self, path: Path, what: str = "") -> str:
        """A widget's key; a new one where a field shows what was typed as it was understood."""
        place = ".".join(map(str, path))
        editing = self.editing
        turn = editing.turns.get((self.block, path), 0)
        drawn = f"{editing.token}_{self.block}_{place}_{what}_{editing.epoch}.{turn}"
        return f"edit_{editing.slug}_{drawn}"

    def get(self, path: Path, default: Any = None) -> Any:
        """The value at ``path`` of the block, or ``default``."""
        value: Any = self.found.content
        for key in path:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                return default
        return value

    # -- writing -------------------------------------------------------------------------------

    def write(self, fields: Mapping[Path, Any], said: str) -> None:
        """Set values of the block; what is wrong with that becomes a notice.

        Fields keep their state, so that nothing typed meanwhile in another one is lost.
        """
        try:
            draft = set_fields(self.draft, self.block, fields)
        except BadInput as err:
            self.editing.say(f"{err.message} {err.fix}".strip(), "block")
            return
        self.editing.edit(draft, None, said, typed=True)

    def _changed(
        self, key: str, epoch: int, path: Path, said: str, read: Callable[[Any], Any], shown: Any
    ) -> None:
        """A field's callback: nothing if the field is older than the draft, or says the same."""
        raw = st.session_state.get(key)
        if epoch != self.editing.epoch or self.block not in self.draft or raw in (None, shown):
            return
        value = read(raw)
        if isinstance(raw, str) and value is not REMOVED and raw != _shown(value):
            self.renew(path)
        if value != self.get(path, REMOVED):
            self.write({path: value}, said)

    def _bound(
        self, key: str, path: Path, label: str, read: Callable[[Any], Any], shown: Any
    ) -> dict[str, Any]:
        return {
            "key": key,
            "on_change": self._changed,
            "args": (key, self.editing.epoch, path, f"edit {label.lower()}", read, shown),
        }

    def renew(self, path: Path) -> None:
        """Let the field there begin again, with what the draft says.

        A field is never set from here: the message that does is sent once, and if a run right
        behind drops it the browser shows, and hands back, an empty field.
        """
        turns = self.editing.turns
        turns[self.block, path] = turns.get((self.block, path), 0) + 1

    # -- kinds of fields -----------------------------------------------------------------------

    def text(
        self,
        place: Place,
        label: str,
        path: Path,
        help: str,  # noqa: A002
        *,
        tall: bool = False,
    ) -> None:
        """Free text; empty takes the key away."""
        shown = str(self.get(path, "") or "")
        key = self.key(path)
        bound = self._bound(key, path, label, lambda raw: raw.strip() or REMOVED, shown)
        if tall:
            place.text_area(label, shown, help=help, height=80, **bound)
        else:
            place.text_input(label, shown, help=help, **bound)

    def number(
        self,
        place: Place,
        label: str,
        path: Path,
        default: Any,
        help: str,  # noqa: A002
    ) -> None:
        """A number or a variable; empty is ``default``, REMOVED or a number shown in its place."""
        value = self.get(path)
        shown = "" if value is None else _shown(value)
        key = self.key(path)
        empty = 0 if isinstance(path[-1], int) else REMOVED  # a list keeps its places
        place.text_input(
            label,
            shown,
            placeholder="" if default is REMOVED else _shown(default),
            help=f"{help} A number, or {self._variables_said()}.",
            **self._bound(key, path, label, lambda raw: _number(raw, empty), shown),
        )

    def symbol(self, place: Place, label: str, path: Path, help: str) -> None:  # noqa: A002
        """A symbol or a variable."""
        shown = str(self.get(path, "") or "")
        key = self.key(path)
        place.text_input(
            label,
            shown,
            placeholder="SPY",
            help=f"{help} A symbol, or {self._variables_said()}.",
            **self._bound(key, path, label, _symbol, shown),
        )

    def choice(
        self,
        place: Place,
        label: str,
        path: Path,
        options: Mapping[Any, str],
        default: Any,
        help: str,  # noqa: A002
    ) -> None:
        """One of some values; what is set and not among them is shown too."""
        value = self.get(path, default)
        values = list(options) if value in options else [*options, value]
        bound = self._bound(self.key(path), path, label, lambda raw: raw, value)
        place.selectbox(
            label, values, values.index(value), help=help,
            format_func=lambda one: options.get(one, str(one)), **bound,
        )  # fmt: skip

    def pick(
        self,
        place: Place,
        label: str,
        path: Path,
        options: Mapping[Any, str],
        chosen: Any,
        take: Callable[[Any], None],
        help: str,  # noqa: A002
        *,
        what: str = "pick",
    ) -> None:
        """One of some ways to write what stands at ``path``; ``take`` writes it."""
        key, epoch, block = self.key(path, what), self.editing.epoch, self.block
        values: Sequence[Any] = list(options)

        def changed() -> None:
            raw = st.session_state.get(key)
            if epoch == self.editing.epoch and block in self.draft and raw not in (None, chosen):
                take(raw)

        place.selectbox(
            label, values, values.index(chosen), help=help, key=key, on_change=changed,
            format_func=lambda one: options[one],
        )  # fmt: skip

    def button(
        self,
        place: Place,
        label: str,
        icon: str,
        path: Path,
        act: Callable[[], None],
        help: str,  # noqa: A002
    ) -> None:
        """A button that changes which fields there are: all begin anew."""
        epoch, block = self.editing.epoch, self.block

        def clicked() -> None:
            if epoch == self.editing.epoch and block in self.draft:
                act()
                self.editing.epoch += 1

        place.button(
            label, icon=f":material/{icon}:", key=self.key(path, f"{label}{icon}"), help=help,
            on_click=clicked,
        )  # fmt: skip

    def _variables_said(self) -> str:
        names = [f"\\${name}" for name in variables(self.draft)]
        return f"a variable: {', '.join(names[:12])}" if names else "a variable as \\$name"


def _shown(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return repr(value) if value != int(value) else str(int(value))


def _number(raw: str | None, empty: Any) -> Any:
    """What was typed as a number, a variable, or as it is: validation says what is wrong."""
    text = (raw or "").strip()
    if not text:
        return empty
    if is_variable(text):
        return text
    value = parse_value(text.replace("−", "-"))
    return value if not isinstance(value, str) else text


def _symbol(raw: str | None) -> Any:
    text = (raw or "").strip()
    if not text:
        return REMOVED
    return text if is_variable(text) else text.upper()
