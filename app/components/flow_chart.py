"""A flow as a chart to read: pan, zoom, nothing to break."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from html import escape

import streamlit as st
from streamlit_flow import streamlit_flow
from streamlit_flow.elements import StreamlitFlowEdge, StreamlitFlowNode
from streamlit_flow.layouts import ManualLayout
from streamlit_flow.state import StreamlitFlowState

from app.charts.flow_map import GAP_Y, HEIGHT, WIDTH, Box, flow_map
from app.theme import KINDS, Palette, palette
from core.flow.binding import Binding

_CHANNELS = "flow_charts"
LEAST_PIXELS, MOST_PIXELS, ROW_PIXELS = 340, 680, 40


@st.fragment
def flow_chart(
    key: str,
    binding: Binding,
    *,
    shares: Mapping[int, float] | None = None,
    details: Callable[[int], None] | None = None,
) -> None:
    """Draw the flow. With ``shares`` (by node), the path taken stands out and the rest fades.

    ``details`` draws what there is to say of a block that was clicked, below the chart.

    A fragment: the component answers each time it is mounted, and the page must not run for that.
    """
    colours = palette(st.context.theme.type)
    boxes = flow_map(binding)
    state = StreamlitFlowState(
        [_node(box, colours, shares, first=i == 0) for i, box in enumerate(boxes)],
        [_edge(box, colours, shares) for box in boxes if box.parent is not None],
        timestamp=_timestamp(key, (id(binding), colours.mode, tuple((shares or {}).items()))),
    )
    said = streamlit_flow(
        key,
        state,
        height=_height(boxes),
        layout=ManualLayout(),
        fit_view=True,
        show_controls=True,
        min_zoom=0.05,
        hide_watermark=True,
        get_node_on_click=details is not None,
    )
    hidden = sum(box.hidden for box in boxes)
    if hidden:
        st.caption(f"{hidden:,} more blocks further down are not drawn.")
    if details is not None:
        # Nothing selected is also what the component says each time it is drawn.
        if said.selected_id is not None:
            st.session_state[f"{key}_chosen"] = int(said.selected_id)
        if (chosen := st.session_state.get(f"{key}_chosen")) in {box.node for box in boxes}:
            details(chosen)


def _height(boxes: list[Box]) -> int:
    """Pixels in which the rows are readable, within what a page has."""
    rows = 1 + max(box.y for box in boxes) / (HEIGHT + GAP_Y)
    return int(min(max(LEAST_PIXELS, rows * ROW_PIXELS), MOST_PIXELS))


def _timestamp(key: str, signature: object) -> int:
    """When the chart last changed: the browser ignores a state that is not newer than its own."""
    known = st.session_state.setdefault(_CHANNELS, {})
    before = known.get(key)
    if before is None or before[0] != signature:
        last = 0 if before is None else before[1]
        known[key] = (signature, max(int(time.time() * 1000), last + 1))
    stamp: int = known[key][1]
    return stamp


def _node(
    box: Box, colours: Palette, shares: Mapping[int, float] | None, *, first: bool
) -> StreamlitFlowNode:
    look = KINDS[box.kind]
    share = None if shares is None else shares.get(box.node)
    faded = shares is not None and share is None
    badge = "" if share is None else f"<span class='share'>{share:.1%}</span>"
    more = f" (+{box.hidden} below)" if box.hidden else ""
    body = (
        f"<div class='block'><div class='head'><span class='title'>{escape(box.title)}</span>"
        f"{badge}</div><div class='text'>{escape(look.label)}{_sentence(box)}{more}</div></div>"
    )
    return StreamlitFlowNode(
        str(box.node),
        (box.x, box.y),
        {"content": (_css(colours) if first else "") + body},
        "input" if box.parent is None else "default",
        "right",
        "left",
        draggable=False,
        focusable=False,
        style={
            "width": f"{WIDTH}px",
            "height": f"{HEIGHT}px",
            "background": colours.raised,
            "color": colours.text,
            "border": f"1px solid {look.colour if share is not None else colours.line}",
            "borderLeft": f"5px solid {look.colour}",
            "borderRadius": "6px",
            "opacity": 0.4 if faded else 1,
        },
    )


def _sentence(box: Box) -> str:
    return "" if box.text == box.kind else f": {escape(box.text)}"


def _edge(box: Box, colours: Palette, shares: Mapping[int, float] | None) -> StreamlitFlowEdge:
    taken = shares is not None and box.node in shares
    good = {"then": colours.gain, "on": colours.gain, "else": colours.loss, "off": colours.loss}
    return StreamlitFlowEdge(
        f"{box.parent}-{box.node}",
        str(box.parent),
        str(box.node),
        "smoothstep",
        label=box.edge,
        label_show_bg=True,
        label_style={"fill": colours.text, "fontSize": 10},
        label_bg_style={"fill": colours.surface},
        style={
            "stroke": good.get(box.edge, colours.strategy if taken else colours.muted),
            "strokeWidth": 2.5 if taken else 1.3,
            "opacity": 0.35 if shares is not None and not taken else 1,
        },
    )


def _css(colours: Palette) -> str:
    """The component's own look is made for a white page and centred text."""
    return (
        "<style>body{font-family:'Source Sans',sans-serif}.react-flow__node{padding:0!important}"
        ".markdown-node{height:100%;overflow:hidden}.markdown-node *{margin:0!important}"
        ".block{padding:7px 10px;text-align:left;line-height:1.35}"
        ".head{display:flex;gap:6px;justify-content:space-between;font-size:12px;font-weight:600}"
        ".title,.text{white-space:nowrap;overflow:hidden;text-overflow:ellipsis}"
        f".text{{font-size:10.5px;color:{colours.muted}}}.share{{color:{colours.strategy}}}"
        ".react-flow__handle{opacity:0}"
        f".react-flow__node.selected{{box-shadow:0 0 0 3px {colours.strategy}!important}}"
        f".react-flow__controls-button{{background:{colours.raised}!important;"
        f"border-color:{colours.line}!important}}"
        f".react-flow__controls-button svg{{fill:{colours.text}!important}}"
        ".react-flow__controls-interactive{display:none}</style>"
    )
