"""Colours and icons, and what they mean; the same on every page, in light and in dark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mode = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Palette:
    """One mode's colours by meaning; hex strings."""

    mode: Mode
    text: str
    muted: str
    surface: str
    raised: str
    line: str
    strategy: str
    benchmark: str
    gain: str
    loss: str
    warning: str
    series: tuple[str, ...]
    """For symbols, in the order they appear; told apart by eye also by the colour-blind."""


LIGHT = Palette(
    mode="light",
    text="#1f2933",
    muted="#6b7785",
    surface="#ffffff",
    raised="#f6f8fa",
    line="#d9dfe6",
    strategy="#1d6fd1",
    benchmark="#8a94a0",
    gain="#12855a",
    loss="#c8382f",
    warning="#a86a00",
    series=(
        "#1d6fd1", "#e07b1a", "#12855a", "#b0448f", "#7a5cd6", "#0f8f9c",
        "#b5891b", "#c8382f", "#5f7a2e", "#57677a", "#d15f8e", "#3a4fa3",
    ),
)  # fmt: skip

DARK = Palette(
    mode="dark",
    text="#e4e8ed",
    muted="#93a0ae",
    surface="#10161d",
    raised="#18212b",
    line="#2c3844",
    strategy="#5ea8ff",
    benchmark="#8a97a5",
    gain="#3fbf86",
    loss="#f0716a",
    warning="#e0a63a",
    series=(
        "#5ea8ff", "#f2a154", "#3fbf86", "#dd7cc0", "#a78bfa", "#3cc3d0",
        "#dcb84a", "#f0716a", "#9bbf5a", "#9aa8b8", "#f29bbb", "#8b9cf0",
    ),
)  # fmt: skip


def palette(mode: str | None) -> Palette:
    """The palette of a mode as the browser names it; light when it does not say."""
    return DARK if mode == "dark" else LIGHT


@dataclass(frozen=True, slots=True)
class KindStyle:
    """How one kind of node looks: a Material symbol and a colour that works on both surfaces."""

    icon: str
    colour: str
    label: str


KINDS: dict[str, KindStyle] = {
    "asset": KindStyle("show_chart", "#64748b", "Asset"),
    "cash": KindStyle("savings", "#8a94a0", "Cash"),
    "weight": KindStyle("balance", "#2f7de1", "Weight"),
    "gate": KindStyle("call_split", "#d9822b", "Gate"),
    "latch": KindStyle("toggle_on", "#b7791f", "Latch"),
    "switch": KindStyle("alt_route", "#c2571a", "Switch"),
    "scale": KindStyle("tune", "#8b5cf6", "Scale"),
    "sort": KindStyle("sort", "#0e93a6", "Sort"),
    "group": KindStyle("folder_open", "#7b8794", "Group"),
    "strategy": KindStyle("account_tree", "#15803d", "Strategy"),
}


Chip = Literal["green", "red", "orange", "blue", "violet", "gray"]


@dataclass(frozen=True, slots=True)
class StateStyle:
    """How one state looks wherever it is shown: a Material symbol, a badge's colour, a word."""

    icon: str
    colour: Chip
    label: str


DEPLOYMENTS: dict[str, StateStyle] = {
    "active": StateStyle("play_circle", "green", "Active"),
    "paused": StateStyle("pause_circle", "orange", "Paused"),
    "liquidating": StateStyle("sell", "violet", "Liquidating"),
    "stopped": StateStyle("stop_circle", "gray", "Stopped"),
}
TRADING: dict[str, StateStyle] = {
    "active": StateStyle("check_circle", "green", "Active"),
    "reducing": StateStyle("trending_down", "orange", "Reducing"),
    "halted": StateStyle("block", "red", "Halted"),
}
WINDOWS: dict[str, StateStyle] = {
    "requested": StateStyle("schedule_send", "blue", "Requested"),
    "claimed": StateStyle("sync", "blue", "Deciding"),
    "planned": StateStyle("sync", "blue", "Trading"),
    "done": StateStyle("check_circle", "green", "Done"),
    "missed": StateStyle("event_busy", "orange", "Missed"),
    "expired": StateStyle("timer_off", "red", "Closed before the end"),
    "failed": StateStyle("error", "red", "Failed"),
}
ORDERS: dict[str, StateStyle] = {
    "planned": StateStyle("schedule", "blue", "Planned"),
    "sending": StateStyle("sync", "blue", "Sending"),
    "unknown": StateStyle("help", "orange", "Unknown"),
    "accepted": StateStyle("hourglass_top", "blue", "Accepted"),
    "partially_filled": StateStyle("hourglass_bottom", "blue", "Partly filled"),
    "pending_cancel": StateStyle("hourglass_bottom", "orange", "Being cancelled"),
    "unrecognised": StateStyle("help", "orange", "Unrecognised"),
    "filled": StateStyle("check_circle", "green", "Filled"),
    "canceled": StateStyle("cancel", "gray", "Cancelled"),
    "expired": StateStyle("timer_off", "gray", "Expired"),
    "rejected": StateStyle("error", "red", "Rejected"),
    "replaced": StateStyle("swap_horiz", "gray", "Replaced"),
    "refused": StateStyle("shield", "orange", "Refused"),
    "lapsed": StateStyle("timer_off", "red", "Not sent in time"),
}
SEVERITIES: dict[str, StateStyle] = {
    "info": StateStyle("info", "gray", "Info"),
    "warning": StateStyle("warning", "orange", "Warning"),
    "critical": StateStyle("error", "red", "Critical"),
}
CHECKS: dict[str, StateStyle] = {
    "ok": StateStyle("check_circle", "green", "OK"),
    "note": StateStyle("info", "blue", "Note"),
    "failed": StateStyle("error", "red", "Failed"),
}
DECISIONS: dict[str, StateStyle] = {
    "decided": StateStyle("check_circle", "green", "Decided"),
    "held": StateStyle("pause_circle", "gray", "Held"),
    "aborted": StateStyle("error", "orange", "Did not trade"),
    "failed": StateStyle("error", "red", "Failed"),
}


def translucent(colour: str, share: float) -> str:
    """A hex colour as CSS that lets what is behind it through; a share of 1 hides it."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"


def series_colours(names: tuple[str, ...], colours: Palette) -> dict[str, str]:
    """A colour for each name, by its place; they repeat after twelve."""
    return {name: colours.series[i % len(colours.series)] for i, name in enumerate(names)}


def style(mode: str | None) -> str:
    """What the theme's settings cannot say, as CSS, for a mode as the browser names it."""
    return STYLE + (DARK_STYLE if mode == "dark" else "")


DARK_STYLE = f"""
[data-testid^="stBaseButton-primary"]:enabled, [data-testid^="stBaseButton-primary"]:enabled p {{
  color: {DARK.surface};
}}
"""
"""White on the light blue of the dark mode's main buttons cannot be read."""

STYLE = """
[data-testid="stLayoutWrapper"]:has(> [class*="st-key-stylesheet_"]) {
  position: absolute; width: 0;
}
.stMainBlockContainer { padding: 4.5rem 2.5rem 3rem; }
[role="dialog"]:has([data-testid="stSkeleton"]):not(:has([data-testid="stVerticalBlock"] :focus))
  [data-testid="stVerticalBlock"] { visibility: hidden; }
[role="dialog"] [data-testid="stSkeleton"] { visibility: visible; }
[data-testid="stMetricValue"] { font-size: 1.5rem; font-variant-numeric: tabular-nums; }
[class*="st-key-wide_heading"] { padding: 0 17px; }
@media (max-width: 640px) {
  .stMainBlockContainer { padding: 4rem 1rem 2rem; }
  [class*="st-key-wide_heading"] { display: none; }
  [class*="st-key-cards"] [data-testid="stHorizontalBlock"] { flex-wrap: wrap; gap: 0.5rem; }
  [class*="st-key-cards"] [data-testid="stColumn"] { min-width: calc(50% - 0.25rem); flex: 1 1 0; }
  [data-testid="stMetricDelta"] * { white-space: normal !important; }
  .modebar-container { display: none; }
  [data-testid="stElementContainer"]:has([data-testid="stDataFrame"]) { margin-top: 2.4rem; }
  [class*="st-key-cell_"] p::before { content: var(--label) " "; opacity: 0.6; }
  [class*="st-key-cell_cagr_"] { --label: "CAGR"; }
  [class*="st-key-cell_sharpe_"] { --label: "Sharpe"; }
  [class*="st-key-cell_max_drawdown_"] { --label: "Max drawdown"; }
  [class*="st-key-cell_when_"] { --label: "Last backtest"; }
  [class*="st-key-cell_default_"] { --label: "Default"; }
  [class*="st-key-cell_sweep_"] { --label: "Values to try"; }
  [class*="st-key-cell_told_"] { --label: "Told of"; }
  [class*="st-key-cell_sent_"] { --label: "Last sent"; }
  [class*="st-key-cell_problem_"] { --label: "Last problem"; }
  [class*="st-key-cell_broker_"] { --label: "Broker"; }
  [class*="st-key-cell_equity_"] { --label: "Equity"; }
  [class*="st-key-cell_strategies_"] { --label: "Strategies"; }
}
"""
"""Pages use the width, figures fit their cards, a list's heading stands above its cells.

The code of a field comes over the network when the first of its kind is drawn. In place of it is
something smaller, and buttons below move when it comes: away from under the pointer that presses
them, and another choice to where they were. A dialog shows what it holds when all of it is there,
and what is loaded later hides nothing from somebody who is typing.

On a phone columns become lines: headings above a table go, and its cells say what they are. The
buttons of a chart, which touch screens always show, would lie on it: two fingers do the same. Those
of a table stand in a line of their own, and not on the words above.
"""
