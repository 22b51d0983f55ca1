"""Flows as they run: a library's flow with the global variables it uses.

This is the one place where ``$name`` that a flow does not declare gets its meaning. It happens
where a flow is read, before anything is compiled: the flow that runs declares everything it uses,
so core.flow knows nothing of a library, and a saved result holds the values it was made with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from core.flow.formats.native import from_json
from core.flow.nodes import Flow, VariableValue
from core.flow.variables import free_variables

if TYPE_CHECKING:
    from core.db.strategies import Strategies
    from core.db.variables import Variables


def filled(flow: Flow, values: Mapping[str, VariableValue]) -> Flow:
    """``flow`` that also declares those of ``values`` it uses; its own variables come first.

    A variable that neither declares stays undeclared: validation says so.
    """
    if not values:
        return flow
    used = free_variables(flow)
    added = {name: value for name, value in values.items() if name in used}
    if not added:
        return flow
    return flow.model_copy(update={"variables": {**flow.variables, **added}})


class Flows:
    """A user's flows, ready to run."""

    def __init__(self, user_id: UUID, strategies: Strategies, variables: Variables) -> None:
        self._user_id, self._strategies, self._variables = user_id, strategies, variables

    def filled(self, flow: Flow) -> Flow:
        """``flow`` with the user's global variables it uses."""
        return filled(flow, self._variables.values(self._user_id))

    def find(self, slug: str) -> Flow:
        """The library's strategy of that short name as it runs; raises UnknownName."""
        head = self._strategies.version(self._user_id, slug)
        return self.filled(from_json(head.flow, slug))
