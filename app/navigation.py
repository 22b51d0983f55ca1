"""The bar on top: the standing pages, a tab for each open strategy, and the page for a new one.

Open tabs are the user's and live in the database: a reload, a restart or another window finds them
again. A strategy's page has its short name in its address, so that a link opens it for anybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from app.resources import services
from core.errors import SluiceError, UnknownName

PAGES = Path(__file__).resolve().parents[1] / "pages"
ADDRESS = "strategy-"
"""A strategy's address is this and its short name."""
BACKTEST, EDIT = "Backtest", "Edit"
"""The views of a strategy's page."""
MOST_LETTERS = 32
"""Of a tab's title."""
ROOM, EDGES = 50, 7
"""Letters that fit into the bar beside the standing pages where it is 1400 pixels wide; of them
each tab takes some for its icon and the space around."""
_TABS, _NEXT, _CURRENT = "open_strategies", "next_page", "current_strategy"
_SWEEP, _ADDRESS, _FRONT = "next_sweep", "address", "front_tab"
# The next page is a standing one, "/library", or a strategy's short name, which has no slash.


def current() -> StreamlitPage:
    """The page asked for; call once a run, before anything is drawn."""
    wanted = st.session_state.pop(_NEXT, None)
    opened = _open_tabs()
    if wanted is None and _open_from_address(opened):
        opened = _open_tabs()
    standing = {
        "/dashboard": st.Page(
            PAGES / "dashboard.py", title="Dashboard", icon=":material/dashboard:", default=True
        ),
        "/operations": st.Page(PAGES / "operations.py", title="Operations", icon=":material/tune:"),
        "/library": st.Page(PAGES / "library.py", title="Library", icon=":material/folder:"),
        "/variables": st.Page(PAGES / "variables.py", title="Variables", icon=":material/tag:"),
        "/backtests": st.Page(PAGES / "backtests.py", title="Backtests", icon=":material/history:"),
        "/batch": st.Page(PAGES / "batch.py", title="Batch tests", icon=":material/grid_on:"),
        "/heatmap": st.Page(PAGES / "heatmap.py", title="Heatmap", icon=":material/blur_on:"),
        "/settings": st.Page(PAGES / "settings.py", title="Settings", icon=":material/settings:"),
        "/system": st.Page(PAGES / "system.py", title="System", icon=":material/monitor_heart:"),
    }
    tabs = {
        slug: st.Page(
            PAGES / "strategy.py",
            title=title if len(title) <= MOST_LETTERS else f"{title[: MOST_LETTERS - 1]}…",
            icon=":material/account_tree:",
            url_path=f"{ADDRESS}{slug}",
        )
        for slug, title in opened.items()
    }
    new = st.Page(PAGES / "new.py", title="New", icon=":material/add:")
    # The bar folds what does not fit into "N more": that must not be the way to everything else.
    many = fitting([tab.title for tab in tabs.values()]) < len(tabs)
    order = sorted(tabs, key=lambda slug: not (many and slug == st.session_state.get(_FRONT)))
    sure = fitting([tabs[slug].title for slug in order])
    shown = [tabs[slug] for slug in order]
    behind = [new, *shown] if many else [*shown, new]
    page = st.navigation([*standing.values(), *behind], position="top")
    if wanted == "/heatmap":
        st.switch_page(standing[wanted], query_params={"sweep": st.session_state.pop(_SWEEP)})
    if wanted in standing:
        st.switch_page(standing[wanted])
    if wanted in tabs:
        st.switch_page(tabs[wanted])
    current = next((slug for slug, tab in tabs.items() if tab == page), None)
    st.session_state[_CURRENT] = current
    if many and current is not None and order.index(current) >= sure:
        st.session_state[_FRONT] = current
        st.rerun()  # the tab one looks at is never among those folded away
    return page


def fitting(titles: Sequence[str]) -> int:
    """How many of the tabs, from the first on, are surely not folded away; one at least."""
    widths = accumulate(len(title) + EDGES for title in titles)
    return max(1, sum(width <= ROOM for width in widths)) if titles else 0


def current_strategy() -> str:
    """Short name of the strategy whose page runs."""
    slug: str | None = st.session_state[_CURRENT]
    if slug is None:
        raise UnknownName("page", "strategy", "", fix="Open one from the library.")
    return slug


def open_strategy(slug: str) -> None:
    """Give the strategy a tab and go there at the next run, unless it was deleted meanwhile."""
    if _opened(slug):
        st.session_state[_NEXT] = slug


def go_to(page: str) -> None:
    """Show a standing page, named by its address, at the next run."""
    st.session_state[_NEXT] = page


def edit_strategy(slug: str) -> None:
    """Open the strategy at the view in which it is edited."""
    if _opened(slug):
        st.session_state[_NEXT] = slug
        st.session_state[view_key(slug)] = EDIT


def view_key(slug: str) -> str:
    """Where the session keeps which view of a strategy's page is shown."""
    return f"strategy_view_{slug}"


def go_to_heatmap(sweep: str) -> None:
    """Show a sweep's heatmap at the next run."""
    st.session_state[_NEXT], st.session_state[_SWEEP] = "/heatmap", sweep


def leaving() -> bool:
    """Whether another page was asked for: a fragment then has to run the whole app again."""
    return _NEXT in st.session_state


def close_strategy(slug: str) -> None:
    """Take the tab away and go to its neighbour, or to the library where there is none."""
    slugs = list(_open_tabs())
    place = slugs.index(slug) if slug in slugs else 0
    left = [other for other in slugs if other != slug]
    services().tabs.close(services().user.id, slug)
    st.session_state[_NEXT] = left[max(place - 1, 0)] if left else "/library"


def close_all() -> None:
    """Take every tab away."""
    services().tabs.close(services().user.id)


def _open_tabs() -> dict[str, str]:
    """Titles of the open strategies by short name, in the order they were opened.

    While the database is away these are the ones last known: the page says what is wrong.
    """
    try:
        st.session_state[_TABS] = services().tabs.titles(services().user.id)
    except SluiceError:
        st.session_state.setdefault(_TABS, {})
    titles: dict[str, str] = st.session_state[_TABS]
    return titles


def _open_from_address(opened: Mapping[str, str]) -> bool:
    """A link to a strategy opens it, if there is such a strategy; whether it did.

    Once for each time somebody comes to an address: the browser keeps that of a closed tab for a
    moment, which must not open it again.
    """
    url = st.context.url
    path = urlsplit(url).path.strip("/").rpartition("/")[2] if url else ""
    came_from, st.session_state[_ADDRESS] = st.session_state.get(_ADDRESS), path
    slug = path.removeprefix(ADDRESS)
    if path == came_from or not path.startswith(ADDRESS) or slug in opened:
        return False
    try:
        return _opened(slug)
    except SluiceError:
        # The page says what is wrong with the database; the link is tried again at the next run.
        del st.session_state[_ADDRESS]
        return False


def _opened(slug: str) -> bool:
    """Whether the strategy has a tab now; says so if there is none of that name."""
    try:
        services().tabs.open(services().user.id, slug)
    except UnknownName:
        st.toast(f"There is no strategy '{slug}' in the library.", icon=":material/search_off:")
        return False
    return True
