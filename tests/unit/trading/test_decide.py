"""What is kept of a decision, and what the nightly comparison reads in it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from core.flow.binding import bind
from core.flow.compile import compile_flow
from core.flow.examples import example_flows
from core.market.sources.demo import DemoSource
from core.trading.decide import Ready, as_json, decide_one, observed
from core.trading.parity import _choices_that_differ

SESSION = date(2026, 11, 19)


@pytest.fixture(scope="module")
def ready() -> Ready:
    flow = example_flows()["risk-on-risk-off"]
    return Ready(flow, bind(compile_flow(flow)))


@pytest.fixture(scope="module")
def bars(ready):
    source = DemoSource(lambda: datetime(2026, 11, 19, 20, 50, tzinfo=UTC))
    return {"adjusted": source.bars(ready.symbols)}


def test_every_node_is_kept_with_its_number_the_root_too(ready, bars):
    seen = observed(ready, bars)
    told = as_json(seen, len(seen.sessions) - 1)
    assert [node["node"] for node in told["nodes"]] == list(range(len(told["nodes"])))
    assert told["session"] == SESSION.isoformat()
    assert all("path" in node and "title" in node for node in told["nodes"])


def test_the_same_decision_differs_nowhere_and_another_at_the_node_that_chose(ready, bars):
    decision = decide_one(ready, bars, SESSION, None)
    assert decision.state == "decided"
    live = dict(decision.trace or {})
    assert _choices_that_differ(live, live) == []
    root, *others = live["nodes"]
    settled = {**live, "nodes": [{**root, "choice": "the other one"}, *others]}
    assert _choices_that_differ(live, settled) == [root["path"]]
