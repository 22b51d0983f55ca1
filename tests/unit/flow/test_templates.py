"""Templates: all of them run, and together they teach every kind of block."""

from __future__ import annotations

import pytest

from core.backtest.run import run_backtest
from core.flow import nodes as ast
from core.flow.examples import example_flows
from core.flow.formats.native import dump, parse
from core.flow.layout import lay_out
from core.flow.templates import Template, templates
from core.flow.validate import validate
from core.market.sources.demo import DemoSource
from tests.fakes.clock import VirtualClock

ALL = templates()
find = example_flows().__getitem__


def nodes(template: Template) -> list[ast.Node]:
    return [entry.node for entry in lay_out(template.flow, find, [])]


@pytest.mark.parametrize("template", ALL, ids=lambda t: t.slug)
def test_a_template_runs_and_invests(template):
    assert validate(template.flow, find) == ()
    source = DemoSource(VirtualClock("2024-07-01T12:00:00"))
    result = run_backtest(template.flow, source, find=find).result
    assert len(result.sessions) > 2_000
    assert result.weights.sum(axis=1).max() > 0.3
    assert len(result.warnings) == 1  # that prices are synthetic


def test_there_is_one_for_every_kind_and_it_has_that_kind():
    blocks = {t.slug: t for t in ALL if t.shelf == "blocks"}
    assert list(blocks) == list(ast.KINDS)
    for kind, template in blocks.items():
        assert any(node.kind == kind for node in nodes(template))


@pytest.mark.parametrize(
    "template", [t for t in ALL if t.shelf != "examples"], ids=lambda t: t.slug
)
def test_a_template_explains_itself(template):
    assert len(template.flow.description) > 60
    notes = [node.note for node in nodes(template) if node.note]
    assert notes
    assert all(note.endswith(".") for note in notes)


def test_names_are_unique_and_files_are_written_as_sluice_writes_them():
    assert len({t.slug for t in ALL}) == len(ALL)
    assert len({t.flow.name for t in ALL}) == len(ALL)
    from importlib import resources

    for template in ALL:
        if template.shelf != "examples":
            folder = resources.files("core.flow.templates") / template.shelf
            text = (folder / f"{template.slug}.json").read_text(encoding="utf-8")
            assert dump(parse(text)) == text
