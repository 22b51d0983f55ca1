"""The log: what happened in live trading, searched and filtered; the filters are in the address."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

import pandas as pd
import streamlit as st

from app.account_reading import shown_account
from app.components.downloads import export_link
from app.resources import services
from app.theme import SEVERITIES as STYLES
from core.accounts.events import KINDS, REPLAYED, SEVERITIES, Recorded

REFRESH_SECONDS = 5
PAGE = 100


@st.fragment(run_every=REFRESH_SECONDS)
def event_log(account_id: UUID) -> None:
    """Newest first."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        words = st.text_input(
            "Search", key="words", bind="query-params", placeholder="Text or strategy", width=240
        )
        severity = st.selectbox(
            "From", list(SEVERITIES), key="severity", bind="query-params", width=150,
            format_func=lambda name: STYLES[name].label,
        )  # fmt: skip
        kinds = st.multiselect(
            "Kinds", list(KINDS), key="kinds", bind="query-params", width=340,
            format_func=lambda kind: KINDS[kind].label, placeholder="All kinds",
        )  # fmt: skip
        all_accounts = st.toggle("All accounts", key="everywhere", bind="query-params")
    size = st.session_state.get("events_shown", PAGE)

    def read(limit: int) -> list[Recorded]:
        return services().events.page(
            services().user.id, account=None if all_accounts else account_id, kinds=kinds,
            severity=severity, text=words, limit=limit,
        )  # fmt: skip

    found = read(size + 1)
    if not found:
        filtered = bool(words or kinds or severity != "info")
        st.info(
            "Nothing like that happened." if filtered else "Nothing happened yet.",
            icon=":material/list_alt:",
        )
        return
    labels = {style.label: style.colour for style in STYLES.values()}
    st.dataframe(
        pd.DataFrame([_line(one) for one in found[:size]]), hide_index=True, placeholder="",
        height=min(len(found), 15) * 35 + 38, key="event_table",
        column_config={
            "At (UTC)": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss"),
            "Severity": st.column_config.MultiselectColumn(
                options=list(labels), color=list(labels.values()), width="small"
            ),
            "What": st.column_config.TextColumn(width="large"),
        },
    )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        asked = {"words": words, "severity": severity, "kinds": ",".join(kinds)}
        asked |= {"everywhere": "1"} if all_accounts else {}
        account = shown_account(account_id)
        export_link(account, "Log", "?" + urlencode({k: v for k, v in asked.items() if v}))
        if len(found) > size:
            st.button("Older", icon=":material/expand_more:", on_click=_more, args=(size,))


def _more(size: int) -> None:
    st.session_state["events_shown"] = size + 500


def _line(one: Recorded) -> dict[str, object]:
    event = one.event
    return {
        "At (UTC)": event.at,
        "Severity": [STYLES[event.severity].label],
        "Kind": KINDS[event.kind].label + (" (replayed)" if event.detail.get(REPLAYED) else ""),
        "What": event.text,
        "Strategy": one.deployment,
        "Account": one.account,
    }
