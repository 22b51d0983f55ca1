"""Many files at once: the good ones are in the library afterwards, once, and the bad ones named."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from core.errors import BadInput, Unavailable
from core.flow.examples import example_flows
from core.flow.formats.native import content_hash, dump, from_json, to_json
from core.library.intake import Outcome, flows_in_zip
from core.library.variables import draft_of

FLOW = to_json(example_flows()["risk-on-risk-off"])


def ref(*slugs: str, name: str) -> dict[str, Any]:
    children = [{"kind": "strategy", "strategy": slug} for slug in slugs]
    return {"sluice": 1, "name": name, "root": {"kind": "weight", "children": children}}


def take(services, files: dict[str, Any]) -> dict[str, Outcome]:
    """Take these files in, given as JSON values or bytes."""
    contents = {k: v if isinstance(v, bytes) else json.dumps(v).encode() for k, v in files.items()}
    outcomes = services.intake().take((k, lambda v=v: v) for k, v in contents.items())
    return {outcome.file: outcome for outcome in outcomes}


def test_one_bad_file_does_not_stop_the_rest(services):
    bad = {**FLOW, "root": {"kind": "aset"}}
    unknown = {**FLOW, "root": {"kind": "asset", "symbol": "$nowhere"}}
    found = take(services, {"a.json": FLOW, "b.json": bad, "c.json": b"{", "d.json": b"\xff", "e.json": unknown, "f.json": {**FLOW, "name": "F"}})  # fmt: skip
    assert [f for f, o in found.items() if o.refused] == ["b.json", "c.json", "d.json", "e.json"]
    assert "Did you mean 'asset'" in str(found["b.json"])
    assert "not JSON" in str(found["c.json"])
    assert "'nowhere'" in str(found["e.json"])
    assert (found["a.json"].slug, found["a.json"].name) == ("a", FLOW["name"])
    assert from_json(services.strategies.version(services.user.id, "f").flow).name == "F"


def test_the_same_content_is_not_doubled(services):
    take(services, {"one.json": FLOW})
    again = take(
        services, {"two.json": FLOW, "three.json": {**FLOW, "name": "New"}, "four.json": FLOW}
    )
    assert (again["two.json"].slug, again["two.json"].present) == ("one", True)
    assert (again["four.json"].slug, again["four.json"].present) == ("one", True)
    assert not again["three.json"].present
    assert services.strategies.count(services.user.id) == 2


def test_flows_that_refer_to_each_other_come_in_any_order(services):
    found = take(services, {"top.json": ref("middle", name="Top"), "middle.json": ref("leaf", name="M"), "leaf.json": FLOW})  # fmt: skip
    assert {o.slug for o in found.values()} == {"top", "middle", "leaf"}
    assert not any(o.refused for o in found.values())


def test_what_refers_to_a_refused_file_or_in_a_circle_is_refused(services):
    found = take(services, {"bad.json": {**FLOW, "root": {"kind": "x"}}, "needs.json": ref("bad", name="N"), "a.json": ref("b", name="A"), "b.json": ref("a", name="B"), "good.json": FLOW})  # fmt: skip
    assert [f for f, o in found.items() if not o.refused] == ["good.json"]
    assert "circle" in str(found["a.json"])
    assert "'bad' does not exist" in str(found["needs.json"])


def test_a_short_name_that_is_taken_by_something_else_gets_another(services):
    services.strategies.create(services.user.id, from_json({**FLOW, "name": "Mine"}), slug="taken")
    found = take(services, {"taken.json": FLOW, "sub/Not a slug.json": {**FLOW, "name": "Other"}})
    assert found["taken.json"].slug == "risk-on-risk-off"
    assert found["sub/Not a slug.json"].slug == "other"


def test_global_variables_count(services):
    services.variables.add(services.user.id, draft_of("safe", "symbol", "TLT"))
    flow = {**FLOW, "variables": {}, "root": {"kind": "asset", "symbol": "$safe"}}
    assert not take(services, {"uses.json": flow})["uses.json"].refused


def test_a_library_that_is_away_is_not_blamed_on_the_files(services, monkeypatch):
    def away(*_: object) -> None:
        raise Unavailable("gone")

    monkeypatch.setattr(services.strategies, "with_head", away)
    with pytest.raises(Unavailable):
        take(services, {"a.json": FLOW})


def test_a_zip_of_an_export_comes_back_as_it_was(services):
    flows = example_flows()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for slug, flow in flows.items():
            archive.writestr(f"strategies/{slug}.json", dump(flow))
        archive.writestr("__MACOSX/strategies/x.json", b"junk")
        archive.writestr("readme.txt", b"words")
    outcomes = list(services.intake().take(flows_in_zip(buffer.getvalue(), "x.zip")))
    assert {o.slug for o in outcomes} == set(flows)
    for slug, flow in flows.items():
        head = services.strategies.version(services.user.id, slug)
        assert head.hash == content_hash(flow)


def test_what_is_no_zip_is_refused():
    with pytest.raises(BadInput, match="not a zip"):
        flows_in_zip(b"nothing", "x.zip")
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    with pytest.raises(BadInput, match="no JSON"):
        flows_in_zip(empty.getvalue(), "x.zip")
