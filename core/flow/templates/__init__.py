"""Strategies to start from: one for each kind of block, and classics; each teaches by its notes."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import Literal

from core.flow.examples import example_flows
from core.flow.formats.native import parse
from core.flow.nodes import KINDS, Flow

Shelf = Literal["classics", "blocks", "examples"]


@dataclass(frozen=True, slots=True)
class Template:
    """A flow to copy; ``slug`` is unique among templates."""

    slug: str
    shelf: Shelf
    flow: Flow


def templates() -> tuple[Template, ...]:
    """Classics, then the blocks in the order of the format's documentation, then the examples."""
    found = [
        Template(file.name.removesuffix(".json"), shelf, parse(file.read_bytes(), file.name))
        for shelf in ("classics", "blocks")
        for file in sorted(_files(shelf), key=lambda f: f.name)
    ]
    order = {f"{kind}": place for place, kind in enumerate(KINDS)}
    blocks = sorted((t for t in found if t.shelf == "blocks"), key=lambda t: order[t.slug])
    classics = [t for t in found if t.shelf == "classics"]
    examples = [Template(slug, "examples", flow) for slug, flow in example_flows().items()]
    return (*classics, *blocks, *examples)


def _files(shelf: str) -> list[resources.abc.Traversable]:
    folder = resources.files(__name__) / shelf
    return [file for file in folder.iterdir() if file.name.endswith(".json")]
