"""The library page: every strategy, found, sorted and paged by the database."""

from __future__ import annotations

import math
from collections.abc import Sequence

import streamlit as st

from app import navigation
from app.components.age import age
from app.components.import_dialog import import_dialog
from app.components.library_filter import library_filter
from app.components.library_selection import pick, selection_bar, zipped
from app.components.list_heading import list_heading
from app.components.plain import plain
from app.components.stylesheet import stylesheet
from app.components.toasts import say
from app.components.zip_import import zip_import
from app.resources import services
from core.flow.formats.native import dump, from_json
from core.library.backtests import BacktestSummary
from core.library.catalogue import Entry, Query
from core.library.strategies import Strategy
from core.metrics.definitions import BY_NAME, shown

PAGE_ROWS = 20
COLUMNS = ("cagr", "sharpe", "max_drawdown")


def library_view() -> None:
    """Search, filters and import above, one line a strategy below."""
    query = library_filter(_above)
    total = services().catalogue.count(services().user.id, query)
    if not total:
        _empty(query)
        return
    selection_bar(query, total)
    pages, page = -(-total // PAGE_ROWS), 1
    if pages > 1:
        # Another question, or another number of pages, begins on the first page.
        page = st.pagination(pages, key=f"library_page_{hash(query)}_{pages}")
    found = services().catalogue.page(
        services().user.id, query, limit=PAGE_ROWS, offset=(page - 1) * PAGE_ROWS
    )
    _rows(found, query)
    what = "archived strateg" if query.archived else "strateg"
    st.caption(f"{total:,} {what}{'y' if total == 1 else 'ies'}")


def _above() -> None:
    """The buttons beside the search."""
    if st.button("Import", icon=":material/upload:", help="Strategies from files."):
        import_dialog()
    if st.button("Zip", icon=":material/folder_zip:", help="Import all the flows of a zip."):
        zip_import()
    st.download_button(
        "Export all", zipped, "strategies.zip", "application/zip", icon=":material/download:",
        on_click="ignore", help="Every strategy, archived ones too, as JSON in a zip.",
    )  # fmt: skip


def _empty(query: Query) -> None:
    if query == Query(sort=query.sort, descending=query.descending):
        st.info(
            "The library is empty. **Import** a strategy's file, or make one under **New**.",
            icon=":material/folder_open:",
        )
    elif query.search.strip():
        st.info(
            f"No strategy's name, folder or tag contains '{plain(query.search.strip())}'"
            + (" among those chosen." if query.folder is not None or query.tags else "."),
            icon=":material/search_off:",
        )
    elif query.archived:
        st.info("No strategy is archived here.", icon=":material/inventory_2:")
    else:
        st.info("No strategy is in this folder with these tags.", icon=":material/search_off:")


# -- rows ----------------------------------------------------------------------------------------


def _rows(entries: Sequence[Entry], query: Query) -> None:
    ids = [entry.strategy.id for entry in entries]
    latest = services().backtests.latest(services().user.id, ids)
    metrics = tuple(dict.fromkeys((*((query.sort,) if query.sort in BY_NAME else ()), *COLUMNS)))
    widths = (0.35, 5, *(1.2 for _ in metrics), 1.6, 3.9)
    if metrics[0] not in COLUMNS:
        label = BY_NAME[metrics[0]].label
        # As app.theme's style does for the usual three: on a phone a cell says what it is.
        stylesheet(f"[class*='st-key-cell_{metrics[0]}_'] {{ --label: '{label}'; }}", "library")
    titles = ("", "Strategy", *(BY_NAME[name].label for name in metrics), "Last backtest", "")
    list_heading(widths, titles, "library")
    for entry in entries:
        _row(entry, latest.get(entry.strategy.id), metrics, widths)


def _row(
    entry: Entry,
    last: BacktestSummary | None,
    metrics: tuple[str, ...],
    widths: tuple[float, ...],
) -> None:
    strategy = entry.strategy
    with st.container(border=True):
        picked, about, *cells, when, actions = st.columns(widths, vertical_alignment="center")
        with picked:
            pick(strategy)
        about.markdown(f"**{plain(strategy.name)}**")
        if entry.description:
            about.caption(plain(entry.description))
        if strategy.folder or strategy.tags:
            with about.container(horizontal=True, gap="small"):
                _marks(strategy)
        for column, name in zip(cells, metrics, strict=True):
            with column.container(key=f"cell_{name}_{strategy.slug}"):
                st.markdown(shown(name, last.metrics.get(name, math.nan)) if last else "–")
        with when.container(key=f"cell_when_{strategy.slug}"):
            st.caption(_when(strategy, last))
        with actions.container(horizontal=True, gap="small", horizontal_alignment="right"):
            _actions(strategy)


def _marks(strategy: Strategy) -> None:
    if strategy.folder:
        st.badge(plain(strategy.folder), icon=":material/folder:", color="gray")
    for tag in strategy.tags:
        st.badge(plain(tag), color="blue")


def _when(strategy: Strategy, last: BacktestSummary | None) -> str:
    if last is None:
        return "none yet"
    text = f"{str(last.provenance['source']).capitalize()}, "
    text += age(last.finished_at, services().clock())
    return text if last.version == strategy.head else f"{text}, of version {last.version}"


def _actions(strategy: Strategy) -> None:
    slug, archived = strategy.slug, strategy.archived_at is not None
    st.button(
        "Open", key=f"open_{slug}", type="primary", icon=":material/open_in_new:",
        on_click=navigation.open_strategy, args=(slug,),
    )  # fmt: skip
    st.button(
        "", key=f"clone_{slug}", icon=":material/content_copy:", help="Make a copy.",
        on_click=_clone, args=(strategy,),
    )  # fmt: skip
    st.download_button(
        "", lambda: _exported(slug), f"{slug}.json", "application/json", key=f"export_{slug}",
        icon=":material/download:", on_click="ignore", help="Export as JSON.",
    )  # fmt: skip
    st.button(
        "", key=f"archive_{slug}", on_click=_archive, args=(strategy,),
        icon=f":material/{'unarchive' if archived else 'archive'}:",
        help="Back into the list." if archived else "Out of the list; nothing is lost.",
    )  # fmt: skip
    if st.button("", key=f"delete_{slug}", icon=":material/delete:", help="Delete."):
        _delete(strategy)


def _exported(slug: str) -> str:
    return dump(from_json(services().strategies.version(services().user.id, slug).flow))


def _clone(strategy: Strategy) -> None:
    head = services().strategies.version(services().user.id, strategy.slug)
    flow = from_json(head.flow)
    copy = flow.model_copy(update={"name": f"{flow.name} (copy)"[:200]})
    made = services().strategies.create(
        services().user.id, copy, label=f"Copy of {strategy.slug}", folder=strategy.folder,
        tags=strategy.tags,
    )  # fmt: skip
    st.toast(f"Copied to '{plain(made.name)}'.", icon=":material/content_copy:")


def _archive(strategy: Strategy) -> None:
    archived = strategy.archived_at is None
    services().catalogue.archive(services().user.id, [strategy.slug], archived=archived)
    done = "Archived" if archived else "Back in the list:"
    st.toast(f"{done} '{plain(strategy.name)}'.", icon=":material/archive:")


@st.dialog("Delete strategy")
def _delete(strategy: Strategy) -> None:
    st.markdown(
        f"Delete **{plain(strategy.name)}** with all its versions? Its saved backtests stay. "
        "Archive it instead, or export it first, if you may want it again."
    )
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep"):
            st.rerun()
        if st.button("Delete", type="primary", icon=":material/delete:"):
            services().strategies.delete(services().user.id, strategy.slug)
            say(f"Deleted '{plain(strategy.name)}'.", ":material/delete:")
            st.rerun()
