"""Commands of the views: each does one thing to the draft, once, and says so when it cannot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.components.builder.editing import Editing, clipboard, copy_to_clipboard
from app.theme import KINDS
from core.errors import BadInput
from core.flow.draft.blocks import FLOW, Place
from core.flow.draft.clipboard import copied, pasted
from core.flow.draft.operations import (
    add,
    after,
    before,
    duplicate,
    insert,
    inside,
    lift,
    move,
    next_place,
    remove,
    shift,
    unwrap,
    wrap,
)
from core.flow.draft.sentences import title

Command = Mapping[str, Any]


def do_all(editing: Editing, batch: Mapping[str, Any]) -> None:
    """Do the commands of a browser that were not done yet, in its order.

    Those given to the draft of an earlier session mean other blocks: they are not done, and said.
    """
    client = str(batch["client"])
    editing.client = client
    late = False
    for command in batch["list"]:
        if command["n"] > editing.seen.get(client, 0):
            editing.seen[client] = command["n"]
            if command["token"] == editing.token:
                do(editing, command)
            else:
                late = late or command["do"] not in _LOOKS
    if late:
        editing.say("The app was started again before your last change was made.", "block")


def do(editing: Editing, command: Command) -> None:
    """Do one command; what is wrong with it becomes a notice."""
    try:
        _COMMANDS[command["do"]](editing, command)
    except BadInput as err:
        editing.say(f"{err.message[0].upper()}{err.message[1:]} {err.fix}".strip(), "block")


def _named(editing: Editing, block: str) -> str:
    return f"‘{title(editing.draft, block)}’" if block in editing.draft else "a block"


def _place(command: Command) -> Place | None:
    given = command.get("place")
    return None if given is None else Place(given["block"], tuple(given["path"]))


def _select(editing: Editing, command: Command) -> None:
    editing.select(command["id"])


def _add(editing: Editing, command: Command) -> None:
    kind = command["kind"]
    place = _place(command) or next_place(editing.draft, command["id"])
    draft, block = add(editing.draft, place, kind)
    editing.edit(draft, block, f"add {KINDS[kind].label.lower()}")
    _unfold_to(editing, block)


def _wrap(editing: Editing, command: Command) -> None:
    kind = command["kind"]
    draft, block = wrap(editing.draft, command["id"], kind)
    editing.edit(draft, block, f"put {_named(editing, command['id'])} in a {kind}")


def _unwrap(editing: Editing, command: Command) -> None:
    said = f"unwrap {_named(editing, command['id'])}"
    editing.edit(*unwrap(editing.draft, command["id"]), said)


def _lift(editing: Editing, command: Command) -> None:
    said = f"lift {_named(editing, command['id'])}"
    editing.edit(*lift(editing.draft, command["id"]), said)


def _remove(editing: Editing, command: Command) -> None:
    if "place" in command:
        return  # nothing stands there
    said = f"delete {_named(editing, command['id'])}"
    editing.edit(*remove(editing.draft, command["id"]), said)


def _duplicate(editing: Editing, command: Command) -> None:
    said = f"duplicate {_named(editing, command['id'])}"
    editing.edit(*duplicate(editing.draft, command["id"]), said)


def _copy(editing: Editing, command: Command) -> None:
    if command["id"] not in editing.draft:
        raise BadInput("block", "it was deleted meanwhile.")
    copy_to_clipboard(copied(editing.draft, command["id"]))
    editing.say(f"Copied {_named(editing, command['id'])}.", "content_copy")


def _cut(editing: Editing, command: Command) -> None:
    said = f"cut {_named(editing, command['id'])}"
    draft, selected = remove(editing.draft, command["id"])
    _copy(editing, command)
    editing.edit(draft, selected, said)


def _paste(editing: Editing, command: Command) -> None:
    node = pasted(command.get("text") or clipboard().text)
    place = _place(command) or next_place(editing.draft, command["id"])
    draft, block = insert(editing.draft, place, node)
    editing.edit(draft, block, "paste")
    _unfold_to(editing, block)


def _move(editing: Editing, command: Command) -> None:
    where: dict[str, Callable[..., Place]] = {"before": before, "after": after, "inside": inside}
    place = _place(command) or where[command["where"]](editing.draft, command["to"])
    said = f"move {_named(editing, command['id'])}"
    editing.edit(*move(editing.draft, command["id"], place), said)
    _unfold_to(editing, command["id"])


def _shift(editing: Editing, command: Command) -> None:
    said = f"move {_named(editing, command['id'])}"
    editing.edit(*shift(editing.draft, command["id"], command["way"]), said)
    _unfold_to(editing, command["id"])


def _undo(editing: Editing, command: Command) -> None:  # noqa: ARG001
    editing.travel(editing.history.undo())


def _redo(editing: Editing, command: Command) -> None:  # noqa: ARG001
    editing.travel(editing.history.redo())


def _fold(editing: Editing, command: Command) -> None:
    editing.folded |= {command["id"]}


def _unfold(editing: Editing, command: Command) -> None:
    editing.folded -= {command["id"]}


def _folded(editing: Editing, command: Command) -> None:
    editing.folded = frozenset(command["ids"])


def _arrange(editing: Editing, command: Command) -> None:
    editing.arrangement = command["way"]


def _unfold_to(editing: Editing, block: str) -> None:
    """Nothing that was just put somewhere is hidden."""
    while block != FLOW:
        block = editing.draft.parent(block)
        editing.folded -= {block}


_COMMANDS: dict[str, Callable[[Editing, Command], None]] = {
    "select": _select,
    "add": _add,
    "wrap": _wrap,
    "unwrap": _unwrap,
    "lift": _lift,
    "remove": _remove,
    "duplicate": _duplicate,
    "copy": _copy,
    "cut": _cut,
    "paste": _paste,
    "move": _move,
    "shift": _shift,
    "undo": _undo,
    "redo": _redo,
    "fold": _fold,
    "unfold": _unfold,
    "folded": _folded,
    "arrange": _arrange,
}

_LOOKS = frozenset({"select", "fold", "unfold", "folded", "arrange", "copy"})
"""Those that change nothing of the draft."""
