"""The Flow view: the draft as a chart to read, select in, and move blocks in by dragging.

One way only: the draft is pushed to the browser when it changed, and what the browser says becomes
commands. The component's own state is never fed back, because that costs it its selection and
viewport.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import streamlit as st
from streamlit_flow import streamlit_flow
from streamlit_flow.elements import StreamlitFlowEdge, StreamlitFlowNode
from streamlit_flow.layouts import ManualLayout
from streamlit_flow.state import StreamlitFlowState

from app.charts.draft_map import Spot, draft_map
from app.charts.flow_map import HEIGHT, WIDTH
from app.components.builder.commands import do
from app.components.builder.editing import Editing
from app.theme import KINDS, Palette, palette
from core.flow.draft.blocks import FLOW
from core.flow.draft.sentences import sentence, title

PIXELS = 560
ARRANGEMENTS = {"right": "Across", "down": "Down", "stack": "Stacked"}
FARTHEST_CLICK = 4.0
"""A node dragged less far than this was clicked."""


@dataclass(slots=True)
class Channel:
    """What was pushed to the browser last, and the last it said."""

    signature: object = None
    pushed: int = 0
    heard: int = 0
    selected: str = ""
    """What the browser shows as selected."""
    spots: dict[str, Spot] = field(default_factory=dict)
    state: StreamlitFlowState | None = None


def _channel(editing: Editing) -> Channel:
    channel: Channel = st.session_state.setdefault(f"flow_channel_{editing.slug}", Channel())
    return channel


def _key(editing: Editing) -> str:
    return f"flow_{editing.slug}"


def read_flow_view(editing: Editing) -> None:
    """Do what the browser asked for since the last run, before anything is drawn."""
    channel = _channel(editing)
    said: Mapping[str, Any] | None = st.session_state.get(_key(editing))
    if not said or channel.state is None or said["timestamp"] <= channel.heard:
        return
    channel.heard = said["timestamp"]
    nodes = said["nodes"]
    revision = nodes[0]["data"].get("revision") if nodes else None
    chosen = said["selectedId"] if said["selectedId"] in editing.draft else None
    if revision != editing.history.revision:
        # The browser shows an older draft; if its clock is ahead it would ignore ours: push again.
        if said["timestamp"] > channel.pushed:
            channel.signature = None
        if chosen is not None:
            _select(editing, channel, chosen)
        return
    moved = _moved(channel, nodes)
    if moved is not None:
        block, x, y, far = moved
        channel.signature = None  # the arrangement stays: the node goes where it belongs
        _select(editing, channel, block)
        if far > FARTHEST_CLICK:
            _drop(editing, channel, block, x, y)
    elif chosen is not None:
        _select(editing, channel, chosen)


def _select(editing: Editing, channel: Channel, block: str) -> None:
    editing.select(block)
    channel.selected = block


def _moved(
    channel: Channel, nodes: list[Mapping[str, Any]]
) -> tuple[str, float, float, float] | None:
    """The node dragged farthest: where it is now and how far that is."""
    best: tuple[str, float, float, float] | None = None
    for node in nodes:
        spot = channel.spots.get(node["id"])
        if spot is None:
            continue
        x, y = float(node["position"]["x"]), float(node["position"]["y"])
        far = abs(x - spot.x) + abs(y - spot.y)
        if far > 0.5 and (best is None or far > best[3]):
            best = (node["id"], x, y, far)
    return best


def _drop(editing: Editing, channel: Channel, block: str, x: float, y: float) -> None:
    """A block dropped on another goes inside it, or behind it where nothing goes inside."""
    centre = (x + WIDTH / 2, y + HEIGHT / 2)
    for other in channel.spots.values():
        over = 0 <= centre[0] - other.x <= WIDTH and 0 <= centre[1] - other.y <= HEIGHT
        if not over or other.block == block or other.block not in editing.draft:
            continue
        if other.block in editing.draft.below(block):
            editing.say("A block cannot stand inside itself.", "block")
            return
        holds = bool(editing.draft[other.block].slots)
        where = "inside" if holds else "after"
        do(editing, {"do": "move", "id": block, "to": other.block, "where": where})
        return


def flow_view(editing: Editing) -> None:
    """Draw the chart; the toolbar above it is the outline's."""
    key = f"arrangement_{editing.slug}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        arrangement = st.segmented_control(
            "Arranged", list(ARRANGEMENTS), default="right", required=True, key=key,
            label_visibility="collapsed", format_func=lambda name: ARRANGEMENTS[name],
            persist_state="session",
        )  # fmt: skip
        st.button(
            "Arrange", icon=":material/auto_fix_high:", key=f"{key}_again",
            help="Fit the chart to the view again.", on_click=_again, args=(editing,),
        )  # fmt: skip
    channel, colours = _channel(editing), palette(st.context.theme.type)
    history = editing.history
    signature = (history.revision, colours.mode, arrangement, editing.folded)
    if channel.signature != signature or channel.selected != history.selected:
        spots = draft_map(editing.draft, arrangement or "right", editing.folded)
        channel.signature, channel.selected = signature, history.selected
        channel.spots = {spot.block: spot for spot in spots}
        channel.pushed = max(int(time.time() * 1000), channel.heard + 1, channel.pushed + 1)
        channel.state = _state(editing, spots, colours, arrangement or "right", channel.pushed)
    streamlit_flow(
        _key(editing), channel.state, height=PIXELS, layout=ManualLayout(), fit_view=True,
        show_controls=True, show_minimap=True, min_zoom=0.05, get_node_on_click=True,
        enable_node_menu=False, enable_pane_menu=False, hide_watermark=True,
        style={"background": colours.surface},
    )  # fmt: skip


def _again(editing: Editing) -> None:
    _channel(editing).signature = None


def _state(
    editing: Editing, spots: list[Spot], colours: Palette, arrangement: str, timestamp: int
) -> StreamlitFlowState:
    problems = {found.block: found.problem for found in reversed(editing.checked.problems)}
    nodes, edges = [], []
    source, target = {"right": ("right", "left"), "down": ("bottom", "top")}.get(
        arrangement, ("bottom", "left")
    )
    for spot in spots:
        problem = problems.get(spot.block)
        nodes.append(
            StreamlitFlowNode(
                spot.block,
                (spot.x, spot.y),
                {
                    "content": _body(
                        editing, spot, colours, problem.message if problem else None, arrangement
                    ),
                    "revision": editing.history.revision,
                },
                "input" if spot.block == FLOW else "default",
                source,
                target,
                selected=spot.block == editing.history.selected,
                draggable=spot.block != FLOW,
                connectable=False,
                deletable=False,
                style=_look(editing, spot, colours, problem is not None),
            )
        )
        if spot.parent:
            edges.append(_edge(spot, colours))
    return StreamlitFlowState(nodes, edges, timestamp=timestamp)


def _colour(editing: Editing, block: str, colours: Palette) -> str:
    return colours.strategy if block == FLOW else KINDS[editing.draft[block].kind].colour


def _look(editing: Editing, spot: Spot, colours: Palette, broken: bool) -> dict[str, str]:
    edge = colours.loss if broken else colours.line
    return {
        "width": f"{WIDTH}px",
        "height": f"{HEIGHT}px",
        "background": colours.raised,
        "color": colours.text,
        "border": f"{2 if broken else 1}px solid {edge}",
        "borderLeft": f"5px solid {_colour(editing, spot.block, colours)}",
        "borderRadius": "6px",
    }


def _body(
    editing: Editing, spot: Spot, colours: Palette, problem: str | None, arrangement: str
) -> str:
    draft = editing.draft
    named, text = title(draft, spot.block), sentence(draft, spot.block)
    kind = draft[spot.block].kind
    label = "Strategy" if kind == FLOW else KINDS[kind].label
    below = problem or (text if text != named else label)
    if spot.block in editing.folded and draft.children(spot.block):
        below = f"folded: {len(draft.below(spot.block)) - 1} blocks below"
    elif spot.missing and problem is None:
        below = f"{spot.missing} to fill"
    style = _css(colours) if spot.block == FLOW else ""
    arranged = ARRANGEMENTS[arrangement].lower()
    return (
        f"{style}<div class='block' data-arrangement='{arranged}'>"
        f"<div class='title'>{escape(named)}</div>"
        f"<div class='text'>{escape(below)}</div></div>"
    )


def _edge(spot: Spot, colours: Palette) -> StreamlitFlowEdge:
    tones = {"then": colours.gain, "on": colours.gain, "else": colours.loss, "off": colours.loss}
    return StreamlitFlowEdge(
        f"{spot.parent}-{spot.block}",
        spot.parent,
        spot.block,
        "smoothstep",
        label=spot.edge,
        label_show_bg=True,
        label_style={"fill": colours.text, "fontSize": 10},
        label_bg_style={"fill": colours.surface},
        style={"stroke": tones.get(spot.edge, colours.muted), "strokeWidth": 1.4},
    )


def _css(colours: Palette) -> str:
    """The component's own look is made for a white page and centred text."""
    return (
        "<style>body{font-family:'Source Sans',sans-serif}.react-flow__node{padding:0!important}"
        f".react-flow__node.selected{{box-shadow:0 0 0 3px {colours.strategy}!important}}"
        ".markdown-node{height:100%;overflow:hidden}.markdown-node *{margin:0!important}"
        ".block{padding:7px 10px;text-align:left;line-height:1.35}.title{font-size:12px;"
        "font-weight:600}.title,.text{white-space:nowrap;overflow:hidden;text-overflow:ellipsis}"
        f".text{{font-size:10.5px;color:{colours.muted}}}.react-flow__handle{{opacity:0}}"
        f".react-flow__minimap{{background:{colours.raised}!important}}"
        f".react-flow__minimap-node{{fill:{colours.muted}!important}}"
        f".react-flow__minimap-mask{{fill:{colours.surface}!important;opacity:.6}}"
        f".react-flow__controls-button{{background:{colours.raised}!important;"
        f"border-color:{colours.line}!important}}"
        f".react-flow__controls-button svg{{fill:{colours.text}!important}}"
        ".react-flow__controls-interactive{display:none}</style>"
    )
