"""A zip of flows into the library, with what became of each file."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app.components.problems import show_error
from app.resources import services
from core.errors import SluiceError
from core.library.intake import Outcome, flows_in_zip

_DONE = "zip_import"


@st.dialog("Import a zip", width="large")
def zip_import() -> None:
    """Choose a zip, import it, and read the report."""
    st.caption(
        "JSON files in Sluice's own format, as Export writes them. A bad file does not stop the "
        "others, and what is in the library already is not stored again."
    )
    file = st.file_uploader("Zip", type=["zip"])
    if file is None:
        return
    done: dict[str, list[Outcome]] = st.session_state.setdefault(_DONE, {})
    if file.file_id not in done:
        try:
            done[file.file_id] = _take(file.getvalue(), file.name)
        except SluiceError as err:
            show_error(err)
            return
    _report(done[file.file_id])
    if st.button("Done", type="primary"):
        st.rerun()


def _take(content: bytes, name: str) -> list[Outcome]:
    files = flows_in_zip(content, name)
    bar, outcomes = st.progress(0.0), []
    for outcome in services().intake().take(files):
        outcomes.append(outcome)
        bar.progress(len(outcomes) / len(files), text=f"{len(outcomes):,} of {len(files):,} files")
    bar.empty()
    return outcomes


def _report(outcomes: list[Outcome]) -> None:
    refused = sum(outcome.refused for outcome in outcomes)
    present = sum(outcome.present for outcome in outcomes)
    counts = [f"{len(outcomes) - refused - present:,} imported"]
    if present:
        counts.append(f"{present:,} there already")
    if refused:
        counts.append(f"{refused:,} refused")
    said = st.warning if refused else st.success
    said(", ".join(counts) + ".", icon=":material/warning:" if refused else ":material/check:")
    table = pd.DataFrame(
        {
            "File": outcome.file,
            "Outcome": "refused" if outcome.refused else "there" if outcome.present else "imported",
            "Strategy": outcome.slug,
            "Said": " ".join(map(str, outcome.problems)),
        }
        for outcome in sorted(outcomes, key=lambda o: not o.refused)
    )
    st.dataframe(table, hide_index=True, height=min(36 * (len(outcomes) + 1) + 4, 320))
    st.download_button(
        "CSV", lambda: table.to_csv(index=False), "import.csv", "text/csv", on_click="ignore",
        icon=":material/download:",
    )  # fmt: skip
