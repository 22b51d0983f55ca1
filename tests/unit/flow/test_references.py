"""References: wherever a flow can name another strategy, it is found."""

from core.flow.formats.native import from_json
from core.flow.references import references


def test_references_are_found_in_children_operands_and_benchmark():
    ref = lambda slug: {"kind": "strategy", "strategy": slug}  # noqa: E731
    of = {"left": {"indicator": "rsi", "of": ref("in-operand"), "window": 5}, "op": ">", "right": 1}
    flow = from_json(
        {
            "name": "x",
            "benchmark": {"strategy": "as-benchmark"},
            "root": {
                "kind": "gate",
                "when": {"any": [{"not": of}]},
                "then": {
                    "kind": "sort",
                    "items": ["SPY", ref("in-sort")],
                    "by": {"indicator": "roc"},
                },
                "else": {"kind": "group", "child": ref("in-sort")},
            },
        }
    )
    assert sorted(references(flow)) == ["as-benchmark", "in-operand", "in-sort"]
    assert references(from_json({"name": "x", "root": {"kind": "cash"}})) == ()
