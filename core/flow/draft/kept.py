"""A draft as the text that is kept of it, whatever stands in it."""

from __future__ import annotations

import json

from core.errors import BadInput
from core.flow.draft.blocks import Draft, draft_of

_FIX = "It may be of a newer Sluice."


def written(draft: Draft) -> str:
    """The draft's JSON; also of numbers and characters that no flow may have.

    Everything beyond ASCII is escaped, as Postgres takes neither NUL nor half a surrogate pair.
    Raises BadInput for what is nested too deeply.
    """
    try:
        return json.dumps(draft.to_json(), separators=(",", ":"))
    except RecursionError:
        raise BadInput("draft", "its conditions are nested too deeply to be kept.") from None


def read(text: str) -> Draft:
    """The draft in such a text, with new ids for its blocks; raises BadInput if there is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise BadInput("draft", "it is no JSON.", _FIX) from None
    if not isinstance(found, dict):
        raise BadInput("draft", "it is no flow.", _FIX)
    return draft_of(found)
