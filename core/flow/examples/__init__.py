"""Strategies to begin with: each is a flow in the native format, its file's name its short name."""

from __future__ import annotations

from importlib import resources

from core.flow.formats.native import parse
from core.flow.nodes import Flow


def example_flows() -> dict[str, Flow]:
    """By short name, in alphabetical order; a reference between them is to such a name."""
    files = (f for f in resources.files(__name__).iterdir() if f.name.endswith(".json"))
    return {
        file.name.removesuffix(".json"): parse(file.read_text(encoding="utf-8"), file.name)
        for file in sorted(files, key=lambda f: f.name)
    }
