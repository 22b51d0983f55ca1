"""Undo and redo without limit: a draft, what led to it, and what was undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from core.flow.draft.blocks import FLOW, Block, Draft


@dataclass(frozen=True, slots=True)
class Change:
    """The blocks one operation changed; None where one was not there."""

    said: str
    before: Mapping[str, Block | None]
    after: Mapping[str, Block | None]
    selected_before: str
    selected_after: str


@dataclass(frozen=True, slots=True)
class Trail:
    """Changes, the newest on top; drafts of one line share what lies below."""

    change: Change
    below: Trail | None


@dataclass(frozen=True, slots=True)
class History:
    """The draft as it is, the block selected in it, and the way back and forth.

    ``revision`` grows with every change, undo and redo; a number never means two drafts.
    """

    draft: Draft
    selected: str = FLOW
    revision: int = 0
    past: Trail | None = None
    future: Trail | None = None

    def edited(self, draft: Draft, selected: str | None, said: str) -> History:
        """After an operation; the same history if it changed nothing."""
        chosen = self.selected if selected is None else selected
        chosen = chosen if chosen in draft else FLOW
        before, after = _difference(self.draft.blocks, draft.blocks)
        if not before:
            return replace(self, selected=chosen)
        change = Change(said, before, after, self.selected, chosen)
        return History(draft, chosen, self.revision + 1, Trail(change, self.past), None)

    def select(self, block: str) -> History:
        """With another block selected; the flow if that block is gone."""
        return replace(self, selected=block if block in self.draft else FLOW)

    def undo(self) -> History:
        """Before the last change; the same history if there is none."""
        if self.past is None:
            return self
        change = self.past.change
        return History(
            self._with(change.before),
            change.selected_before,
            self.revision + 1,
            self.past.below,
            Trail(change, self.future),
        )

    def redo(self) -> History:
        """With the change undone last; the same history if there is none."""
        if self.future is None:
            return self
        change = self.future.change
        return History(
            self._with(change.after),
            change.selected_after,
            self.revision + 1,
            Trail(change, self.past),
            self.future.below,
        )

    def _with(self, changed: Mapping[str, Block | None]) -> Draft:
        blocks = {**self.draft.blocks, **changed}
        # Numbers are not given twice: a late click on a block that is gone hits no other.
        return Draft(
            {name: block for name, block in blocks.items() if block is not None},
            self.draft.next_number,
        )


def _difference(
    old: Mapping[str, Block], new: Mapping[str, Block]
) -> tuple[dict[str, Block | None], dict[str, Block | None]]:
    """The blocks that differ, as they were and as they are."""
    names = [n for n, block in old.items() if new.get(n) is not block and new.get(n) != block]
    names += [n for n in new if n not in old]
    return {n: old.get(n) for n in names}, {n: new.get(n) for n in names}
