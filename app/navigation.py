"""The top navigation: the standing pages, then a tab for each open strategy.

A strategy's page has its short name in its address, so that a link opens it for anybody.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from app.resources import services
from core.errors import SluiceError, UnknownName

PAGES = Path(__file__).resolve().parents[1] / "pages"
ADDRESS = "strategy-"
"""A strategy's address is this and its short name."""
_OPEN, _NEXT, _CURRENT = "open_strategies", "next_page", "current_strategy"
_SWEEP = "next_sweep"


def current() -> StreamlitPage:
    """The page asked for; call once a run, before anything is drawn."""
    opened = _opened()
    _open_from_address(opened)
    standing = [
        st.Page(PAGES / "library.py", title="Library", icon=":material/folder:", default=True),
        st.Page(PAGES / "backtests.py", title="Backtests", icon=":material/history:"),
        st.Page(PAGES / "batch.py", title="Batch tests", icon=":material/grid_on:"),
        st.Page(PAGES / "heatmap.py", title="Heatmap", icon=":material/blur_on:"),
        st.Page(PAGES / "system.py", title="System", icon=":material/monitor_heart:"),
    ]
    tabs = {
        slug: st.Page(
            PAGES / "strategy.py",
            title=title,
            icon=":material/account_tree:",
            url_path=f"{ADDRESS}{slug}",
        )
        for slug, title in opened.items()
    }
    page = st.navigation([*standing, *tabs.values()], position="top")
    wanted = st.session_state.pop(_NEXT, None)
    if wanted == "library":
        st.switch_page(standing[0])
    if wanted == "heatmap":
        st.switch_page(standing[3], query_params={"sweep": st.session_state.pop(_SWEEP)})
    if wanted in tabs:
        st.switch_page(tabs[wanted])
    st.session_state[_CURRENT] = next((s for s, tab in tabs.items() if tab == page), None)
    return page


def current_strategy() -> str:
    """Short name of the strategy whose page runs."""
    slug: str | None = st.session_state[_CURRENT]
    if slug is None:
        raise UnknownName("page", "strategy", "", fix="Open one from the library.")
    return slug


def open_strategy(slug: str, title: str) -> None:
    """Give the strategy a tab and go there at the next run."""
    _opened()[slug] = title
    st.session_state[_NEXT] = slug


def go_to_heatmap(sweep: str) -> None:
    """Show a sweep's heatmap at the next run."""
    st.session_state[_NEXT], st.session_state[_SWEEP] = "heatmap", sweep


def leaving() -> bool:
    """Whether another page was asked for: a fragment then has to run the whole app again."""
    return _NEXT in st.session_state


def retitle(slug: str, title: str) -> None:
    """Let the strategy's tab, if it has one, carry its new name."""
    if slug in _opened():
        _opened()[slug] = title


def close_strategy(slug: str) -> None:
    """Take the tab away and go to the library."""
    _opened().pop(slug, None)
    st.session_state[_NEXT] = "library"


def forget_strategy(slug: str) -> None:
    """Take the tab of a deleted strategy away."""
    _opened().pop(slug, None)


def _opened() -> dict[str, str]:
    """Titles of this session's open strategies by short name, in the order they were opened."""
    opened: dict[str, str] = st.session_state.setdefault(_OPEN, {})
    return opened


def _open_from_address(opened: dict[str, str]) -> None:
    """A link to a strategy opens it, if there is such a strategy."""
    url = st.context.url
    path = urlsplit(url).path.strip("/").rpartition("/")[2] if url else ""
    if not path.startswith(ADDRESS):
        return
    slug = path.removeprefix(ADDRESS)
    if slug in opened:
        return
    try:
        opened[slug] = services().strategies.get(services().user.id, slug).name
    except UnknownName:
        st.toast(f"There is no strategy '{slug}' in the library.", icon=":material/search_off:")
    except SluiceError:
        # The page says what is wrong with the database; the link is tried again at the next run.
        return
