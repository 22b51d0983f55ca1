"""docs/metrics.md, made from the definitions: ``python -m core.metrics.document``."""

from __future__ import annotations

import sys
from itertools import groupby

from core.metrics.definitions import METRICS, Metric

_INTRODUCTION = """# Metrics

Made from the code by `make docs`.

Each is computed from the returns of the sessions, in one pass, by the same code for a single
backtest and for a sweep. Where a QuantStats call is named, the value equals that call's on the same
returns to 1e-9 (`r` are the strategy's returns, `b` the benchmark's); a test holds that. A year has
252 sessions, or 365 where a market never closes. A metric that is not defined (a ratio over
nothing) is shown as a dash, never as 0. Fractions are shown as percentages.
"""

_BETTER = {1: "more", -1: "less", 0: "neither"}


def document() -> str:
    """The page, in Markdown."""
    lines = [_INTRODUCTION]
    ordered = sorted(METRICS, key=lambda m: _groups().index(m.group))
    for group, metrics in groupby(ordered, key=lambda m: m.group):
        lines.append(f"## {group}\n")
        lines.append("| metric | name | meaning | unit | better | QuantStats |")
        lines.append("|---|---|---|---|---|---|")
        lines.extend(_row(metric) for metric in metrics)
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _groups() -> list[str]:
    """In the order in which they first appear."""
    return list(dict.fromkeys(metric.group for metric in METRICS))


def _row(m: Metric) -> str:
    call = f"`{m.quantstats}`" if m.quantstats else "not in QuantStats"
    return f"| {m.label} | `{m.name}` | {m.meaning} | {m.unit} | {_BETTER[m.better]} | {call} |"


if __name__ == "__main__":
    sys.stdout.write(document())
