"""docs/indicators.md, made from the registry: ``python -m core.indicators.document``."""

from __future__ import annotations

import inspect
import re
import sys

from core.indicators import registered
from core.indicators.registry import Indicator, Parameter

_INTRODUCTION = """# Indicators

Made from the code by `make docs`.

An indicator turns the bars of one symbol into one value a session. The value of session *t* uses
sessions up to and including *t*. *First value* is the bar, counted from 0, on which the first value
stands with the default parameters; before it the indicator is unknown, and an unknown condition is
never taken for true or false (see [the flow format](flow.md)). *n* is the window. Those that read
closes alone can also measure a flow: they then read its equity.
"""


def document() -> str:
    """The page, in Markdown."""
    lines = [_INTRODUCTION]
    module = ""
    for one in sorted(registered().values(), key=lambda i: (_chapter(i), i.name)):
        if _chapter(one) != module:
            module = _chapter(one)
            lines.append(f"## {module}\n")
        lines.append(_entry(one))
    return "\n".join(lines).rstrip() + "\n"


def _chapter(one: Indicator) -> str:
    return one.compute.__module__.rsplit(".", 1)[1].capitalize()


def _entry(one: Indicator) -> str:
    defaults = {p.name: p.default for p in one.parameters}
    reads = "volume and prices" if "volume" in one.inputs else ", ".join(one.inputs)
    facts = [
        f"unit: {one.unit}",
        f"reads: {reads}",
        f"first value: {one.warm_up(**defaults)}",
        "drawn over prices" if one.pane == "price" else "drawn in its own pane",
    ]
    if one.pair:
        facts.append("compares with a second symbol, `other`")
    definition = re.sub(r"\s*\n\s*", " ", inspect.getdoc(one.compute) or "").strip()
    parts = [
        f"### `{one.name}` ({one.label})\n",
        f"{one.meaning} {'; '.join(facts).capitalize()}.\n",
        f"> {definition}\n",
    ]
    if one.parameters:
        parts.append("| parameter | meaning | default | from | to |\n|---|---|---|---|---|")
        parts.extend(_row(parameter) for parameter in one.parameters)
        parts.append("")
    return "\n".join(parts)


def _row(parameter: Parameter) -> str:
    p = parameter
    return f"| `{p.name}` | {p.meaning} | {p.default:g} | {p.low:g} | {p.high:g} |"


if __name__ == "__main__":
    sys.stdout.write(document())
