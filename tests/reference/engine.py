"""The engine as the tests call it: a drawn case in, its decisions out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

from core.errors import UnknownName
from core.flow.binding import Binding, bind
from core.flow.compile import compile_flow
from core.flow.evaluate import Decisions, Observation, decide, observe
from core.flow.formats.native import from_json
from core.flow.nodes import Flow
from core.flow.validate import validate
from tests.reference.closed import Json
from tests.reference.flows import Case
from tests.reference.markets import Market, bars_of

DRAWING = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

# Hypothesis draws constants it finds in whatever modules are loaded: which examples there are would
# depend on which tests ran before. It has no setting for that.
_NONE = Constants(integers=set(), floats=set(), bytes=set(), strings=set())
providers._get_local_constants = lambda: _NONE


def quick(examples: int) -> settings:
    """The same examples on every run."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=DRAWING,
    )


def thorough(examples: int) -> settings:
    """Many examples: the same on every run, or more and new ones by ``make fuzz``."""
    fixed = quick(examples)
    if not os.environ.get("SLUICE_FUZZ"):
        return fixed
    return settings(fixed, derandomize=False, max_examples=15 * examples)


def finder(library: Mapping[str, Json]) -> Callable[[str], Flow]:
    """Looks up the flows of ``library`` by their short names."""
    read = {name: from_json(flow) for name, flow in library.items()}

    def find(name: str) -> Flow:
        if name not in read:
            raise UnknownName("strategy", "strategy", name, read)
        return read[name]

    return find


def bound(
    flow: Json, overrides: Mapping[str, Any] | None = None, library: Mapping[str, Json] = {}
) -> Binding:
    """The flow read, found to have no error, compiled and bound."""
    document, find = from_json(flow), finder(library)
    errors = [str(p) for p in validate(document, find, overrides) if p.severity == "error"]
    assert errors == [], flow
    return bind(compile_flow(document, find), dict(overrides or {}))


def decided(case: Case, prices: Market, start: int = 0) -> tuple[Observation, Decisions]:
    """What the engine sees and decides."""
    seen = observe(bound(case.flow, case.overrides, case.library), bars_of(prices))
    return seen, decide(seen, start)
