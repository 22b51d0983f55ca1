"""The import dialog: files are read and reported on first, and taken in when the user says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app import navigation
from app.components.plain import plain
from app.components.problems import show_error, show_problems
from app.resources import services
from core.errors import BadInput, FlowInvalid, Problem, SluiceError
from core.flow.formats.imports import read_strategy
from core.flow.formats.report import STATUSES, Finding, Imported, Report, Status
from core.flow.formats.text import MAX_BYTES
from core.flow.validate import validate

TYPES = ("json", "edn", "clj", "txt")
_STATE = "imported_files"
_LOOKS: dict[Status, tuple[str, str]] = {
    "exact": (":material/check:", "green"),
    "approximated": (":material/adjust:", "orange"),
    "not supported": (":material/block:", "red"),
}


@dataclass(slots=True)
class _File:
    """What is known of one uploaded file; ``slug`` once it is in the library."""

    key: str
    name: str
    imported: Imported | None = None
    problems: tuple[Problem, ...] = ()
    error: SluiceError | None = None
    slug: str | None = None

    @property
    def ready(self) -> bool:
        return self.error is None and self.slug is None


@st.dialog("Import strategies", width="large", icon=":material/upload:", on_dismiss="rerun")
def import_dialog() -> None:
    """Upload, read the reports, take in what can be taken in."""
    st.caption(
        "Sluice's own JSON, Composer symphonies (score JSON or EDN, or the definition text) and "
        "QuantMage exports. Nothing enters the library before you say so."
    )
    uploads = st.file_uploader(
        "Files", type=list(TYPES), accept_multiple_files=True, max_upload_size=MAX_BYTES // 10**6
    )
    files = _read_all(uploads or [])
    ready = [file for file in files if file.ready]
    if ready:
        st.button(
            f"Add {len(ready)} to the library" if len(ready) > 1 else "Add to the library",
            type="primary", icon=":material/library_add:", on_click=_take_in, args=(ready,),
        )  # fmt: skip
    for file in files:
        _show(file)
    if files and not ready and st.button("Done", type="primary"):
        st.rerun()


def _read_all(uploads: Sequence[UploadedFile]) -> list[_File]:
    """Every file, read once; those taken away again are forgotten."""
    known: dict[str, _File] = st.session_state.get(_STATE, {})
    files: dict[str, _File] = {}
    missing = [upload for upload in uploads if upload.file_id not in known]
    bar = st.progress(0.0, "Reading") if len(missing) > 1 else None
    for upload in uploads:
        if upload.file_id in known:
            files[upload.file_id] = known[upload.file_id]
            continue
        if bar is not None:
            bar.progress(missing.index(upload) / len(missing), f"Reading {plain(upload.name)}")
        files[upload.file_id] = _read(upload.file_id, upload.name, upload.getvalue())
    if bar is not None:
        bar.empty()
    st.session_state[_STATE] = files
    return list(files.values())


def _read(key: str, name: str, content: bytes) -> _File:
    file = _File(key, name)
    try:
        file.imported = read_strategy(content, name)
        if file.imported.flow is None:
            count = len(file.imported.report.of("not supported"))
            what = "1 part is" if count == 1 else f"{count} parts are"
            raise BadInput(name, f"{what} not supported, so it cannot be imported as it is.")
        file.problems = validate(services().flows.filled(file.imported.flow), services().flows.find)
        if any(p.severity == "error" for p in file.problems):
            raise FlowInvalid(file.problems, name)
    except SluiceError as err:
        file.error = err
    return file


def _take_in(files: Sequence[_File]) -> None:
    for file in files:
        flow = file.imported.flow if file.imported else None
        if flow is None:
            continue
        try:
            made = services().strategies.create(services().user.id, flow, label="Imported")
        except SluiceError as err:
            file.error = err
        else:
            file.slug = made.slug


# -- what a file says ----------------------------------------------------------------------------


def _show(file: _File) -> None:
    with st.container(border=True):
        if file.slug and file.imported and file.imported.flow:
            with st.container(horizontal=True, vertical_alignment="center"):
                title = plain(file.imported.flow.name)
                st.success(f"{plain(file.name)}: imported as '{title}'.", icon=":material/check:")
                if st.button("Open", key=f"import_open_{file.slug}", icon=":material/open_in_new:"):
                    navigation.open_strategy(file.slug)
                    st.rerun()
        elif file.error is not None:
            st.markdown(f"**{plain(file.name)}** was not imported:")
            show_error(file.error)
        elif file.imported and file.imported.flow:
            st.markdown(f"**{plain(file.name)}**: '{plain(file.imported.flow.name)}'")
        if file.problems and file.error is None:
            show_problems(file.problems)
        if file.imported is not None:
            _report(file.imported.report, file.key)


def _report(report: Report, key: str) -> None:
    if not report.findings:
        st.caption("Sluice's own format: everything is as it was saved.")
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.caption(plain(report.format))
        for status, count in report.counts().items():
            if count:
                icon, colour = _LOOKS[status]
                st.badge(f"{count:,} {status}", icon=icon, color=colour)  # type: ignore[arg-type]
    notes = [
        f"- **{plain(group[0].construct.name)}**, {status}"
        f"{f' {len(group):,} times' if len(group) > 1 else ''}: {plain(_note(group))}"
        for status in STATUSES[:2]
        for group in report.by_construct(status)
    ]
    st.markdown("\n".join(notes) or "Every part has an exact counterpart.")
    with st.expander(f"All {len(report.findings):,} parts", icon=":material/fact_check:"):
        ordered = [finding for status in STATUSES for finding in report.of(status)]
        st.dataframe(
            pd.DataFrame([_row(finding) for finding in ordered]),
            hide_index=True, height=min(38 + 35 * len(ordered), 400), key=f"import_table_{key}",
            column_config={
                "What to know": st.column_config.TextColumn(width="large"),
                "Line": st.column_config.NumberColumn(width="small", format="%d"),
            },
        )  # fmt: skip


def _note(group: Sequence[Finding]) -> str:
    """What there is to know of one construct; of a single one, with its own values."""
    return group[0].note if len(group) == 1 else group[0].construct.note


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "Status": finding.status.capitalize(),
        "Part": finding.construct.name,
        "What to know": finding.note or f"Becomes {finding.construct.becomes.replace('`', '')}.",
        "Line": finding.line,
        "In the file": finding.path,
        "In the flow": finding.node,
    }
