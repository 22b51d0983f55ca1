"""The library page."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import streamlit as st

from app import navigation
from app.components.age import age
from app.components.import_dialog import import_dialog
from app.components.plain import plain
from app.resources import services
from core.flow.formats.native import dump, from_json
from core.library.backtests import BacktestSummary
from core.library.strategies import Strategy, StrategyVersion
from core.metrics.definitions import BY_NAME, shown

PAGE_ROWS = 20
COLUMNS = ("cagr", "sharpe", "max_drawdown")
WIDTHS = (5, 1.2, 1.2, 1.2, 1.6, 3.2)


def library_view() -> None:
    """Search and import above, one line a strategy below."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        search = st.text_input(
            "Search", key="library_search", placeholder="Part of a name",
            icon=":material/search:", width=320, persist_state="session",
        )  # fmt: skip
        st.space("stretch")
        if st.button("Import", icon=":material/upload:", help="Strategies from files."):
            import_dialog()
        st.download_button(
            "Export all", _everything, "strategies.zip", "application/zip",
            icon=":material/download:", on_click="ignore", help="Every strategy, as JSON in a zip.",
        )  # fmt: skip
    found = services().strategies.all(services().user.id, search=search or "")
    if not found:
        _empty(search)
        return
    page = 1
    if len(found) > PAGE_ROWS:
        page = st.pagination(-(-len(found) // PAGE_ROWS), key=f"library_page_{search}")
    _rows(found[(page - 1) * PAGE_ROWS : page * PAGE_ROWS])
    st.caption(f"{len(found):,} strateg{'y' if len(found) == 1 else 'ies'}")


def _empty(search: str) -> None:
    if search:
        st.info(f"No strategy's name contains '{search}'.", icon=":material/search_off:")
    else:
        st.info(
            "The library is empty. **Import** a strategy's file to begin.",
            icon=":material/folder_open:",
        )


def _rows(strategies: Sequence[Strategy]) -> None:
    heads = services().strategies.heads(services().user.id, [s.slug for s in strategies])
    latest = services().backtests.latest(services().user.id, [s.id for s in strategies])
    with st.container(key="wide_heading"):
        for column, title in zip(
            st.columns(WIDTHS, vertical_alignment="bottom"),
            ("Strategy", *(BY_NAME[name].label for name in COLUMNS), "Last backtest", ""),
            strict=True,
        ):
            column.caption(title)
    for strategy in strategies:
        _row(strategy, heads[strategy.slug], latest.get(strategy.id))


def _row(strategy: Strategy, head: StrategyVersion, last: BacktestSummary | None) -> None:
    with st.container(border=True):
        columns = st.columns(WIDTHS, vertical_alignment="center")
        columns[0].markdown(f"**{plain(strategy.name)}**")
        if head.flow.get("description"):
            columns[0].caption(plain(str(head.flow["description"])))
        for column, name in zip(columns[1:4], COLUMNS, strict=True):
            with column.container(key=f"cell_{name}_{strategy.slug}"):
                st.markdown(shown(name, last.metrics[name]) if last else "–")
        if last:
            source = str(last.provenance["source"]).capitalize()
            columns[4].caption(f"{source}, {age(last.finished_at, services().clock())}")
        else:
            columns[4].caption("none yet")
        with columns[5].container(horizontal=True, gap="small", horizontal_alignment="right"):
            _actions(strategy, head)


def _actions(strategy: Strategy, head: StrategyVersion) -> None:
    slug = strategy.slug
    st.button(
        "Open", key=f"open_{slug}", type="primary", icon=":material/open_in_new:",
        on_click=navigation.open_strategy, args=(slug, strategy.name),
    )  # fmt: skip
    st.button(
        "", key=f"clone_{slug}", icon=":material/content_copy:", help="Make a copy.",
        on_click=_clone, args=(strategy, head),
    )  # fmt: skip
    st.download_button(
        "", lambda: dump(from_json(head.flow)), f"{slug}.json", "application/json",
        key=f"export_{slug}", icon=":material/download:", on_click="ignore", help="Export as JSON.",
    )  # fmt: skip
    if st.button("", key=f"delete_{slug}", icon=":material/delete:", help="Delete."):
        _delete(strategy)


def _clone(strategy: Strategy, head: StrategyVersion) -> None:
    flow = from_json(head.flow)
    copy = flow.model_copy(update={"name": f"{flow.name} (copy)"[:200]})
    made = services().strategies.create(services().user.id, copy, label=f"Copy of {strategy.slug}")
    st.toast(f"Copied to '{made.name}'.", icon=":material/content_copy:")


@st.dialog("Delete strategy")
def _delete(strategy: Strategy) -> None:
    st.markdown(
        f"Delete **{plain(strategy.name)}** with all its versions? Its saved backtests stay. "
        "Export it first if you may want it again."
    )
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep"):
            st.rerun()
        if st.button("Delete", type="primary", icon=":material/delete:"):
            services().strategies.delete(services().user.id, strategy.slug)
            navigation.forget_strategy(strategy.slug)
            st.toast(f"Deleted '{strategy.name}'.", icon=":material/delete:")
            st.rerun()


def _everything() -> bytes:
    """All strategies as JSON files in a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for slug, head in services().strategies.heads(services().user.id).items():
            archive.writestr(f"{slug}.json", dump(from_json(head.flow)))
    return buffer.getvalue()
