"""Errors as a user reads them: what is wrong, where, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.components.plain import plain
from core.errors import BadInput, FlowInvalid, NeedsOperator, Problem, SluiceError, Unavailable

MOST_SHOWN = 50


def show_error(err: SluiceError) -> None:
    """A box with the error's sentences; all problems of a flow."""
    if isinstance(err, FlowInvalid):
        show_problems(err.problems)
    elif isinstance(err, BadInput):
        fix = f"\n\n{plain(err.fix)}" if err.fix else ""
        text = f"**{plain(_name(err.field))}**: {plain(err.message)}{fix}"
        st.error(text, icon=":material/error:")
    elif isinstance(err, Unavailable):
        st.warning(plain(str(err)), icon=":material/cloud_off:")
    elif isinstance(err, NeedsOperator):
        st.error(plain(str(err)), icon=":material/build:")
    else:
        st.info(plain(str(err)), icon=":material/info:")


def show_problems(problems: Sequence[Problem]) -> None:
    """Problems of a flow, each with its place; errors before warnings."""
    ordered = sorted(problems, key=lambda p: p.severity != "error")
    lines = [
        f"- **{plain(p.path)}**: {plain(p.message)} {plain(p.fix)}".rstrip()
        for p in ordered[:MOST_SHOWN]
    ]
    if len(ordered) > MOST_SHOWN:
        lines.append(f"- {len(ordered) - MOST_SHOWN} more")
    errors = sum(p.severity == "error" for p in problems)
    if errors:
        head = f"{errors} problem{'' if errors == 1 else 's'} to mend"
        st.error(f"{head}\n\n" + "\n".join(lines), icon=":material/error:")
    else:
        st.warning("\n".join(lines), icon=":material/warning:")


def _name(field: str) -> str:
    """A field of a form by its label; a place in a flow stays as it is."""
    return _LABELS.get(field, field)


_LABELS = {
    "start": "Start",
    "end": "End",
    "slippage_bps": "Slippage",
    "commission_bps": "Commission",
    "benchmark": "Benchmark",
    "rebalance": "Rebalance",
    "execution": "Execution",
    "capital": "Capital",
    "variables": "Variables",
    "symbols": "Symbols",
    "--data": "File or folder",
    "--source": "Source",
    "name": "Name",
    "kind": "Kind",
    "default": "Default",
    "sweep": "Values to try",
    "note": "Note",
    "folder": "Folder",
    "tags": "Tags",
    "label": "Label",
    "address": "Address",
    "host": "Mail server",
    "user": "User",
    "sender": "From",
    "to": "To",
    "key_id": "Key id",
    "secret_key": "Secret key",
    "keys": "Key id and secret key",
    "mode": "Broker",
    "account": "Account",
    "windows": "Windows",
}
