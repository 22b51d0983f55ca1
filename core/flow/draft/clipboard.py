"""Blocks as text: what Copy puts on the clipboard and Paste reads from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from core.errors import BadInput
from core.flow.draft.blocks import FLOW, Draft
from core.flow.formats.text import MAX_BYTES


def copied(draft: Draft, block: str) -> str:
    """The JSON text of a block with all inside it, or of the whole flow."""
    return json.dumps(draft.to_json(block), indent=2, ensure_ascii=False)


def pasted(text: str) -> Mapping[str, Any]:
    """The block in a text: a node's JSON, or a whole flow's, of which the root is meant.

    Raises BadInput if it is neither; what is inside is checked when it is put somewhere.
    """
    if len(text) > MAX_BYTES:
        raise BadInput("Paste", f"the text has more than {MAX_BYTES:,} characters.")
    try:
        found = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadInput("Paste", "the clipboard holds no block.", "Copy one first.") from None
    if isinstance(found, Mapping) and "sluice" in found:
        found = found.get("root")
    if not isinstance(found, Mapping) or not isinstance(found.get("kind"), str):
        raise BadInput("Paste", "the clipboard holds no block.", "Copy one first.")
    if found["kind"] == FLOW:
        raise BadInput("Paste", "a whole flow is pasted with its JSON as exported.")
    return found


def _no_constant(word: str) -> None:
    raise ValueError(word)
