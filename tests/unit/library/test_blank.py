"""A new strategy can be saved and run before anything is built."""

from core.flow.formats.native import from_json, to_json
from core.flow.validate import validate
from core.library.blank import blank_flow


def test_a_blank_flow_is_valid_and_holds_cash():
    flow = blank_flow("Mine")
    assert validate(flow) == ()
    assert to_json(flow) == {"sluice": 1, "name": "Mine", "root": {"kind": "cash"}}
    assert from_json(to_json(flow)) == flow
