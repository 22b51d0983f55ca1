"""Parity: each live decision computed again on settled data, node by node.

A window decides ten minutes before the close, on a bar that still moves. At night the same flow
decides the same session on the settled bar; what differs is stored, so that a person sees how
often the last ten minutes would have changed their mind.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

from core.errors import BadInput, SluiceError
from core.portfolio.deployment import Deployment
from core.portfolio.records import DecisionRecord
from core.trading.decide import decide_one, failed, prepare
from core.trading.desk import Desk
from core.trading.market import read_bars

log = logging.getLogger(__name__)

EQUAL_WITHIN = 1e-9
WORTH_TELLING = 0.01
"""Share of a strategy that would have been elsewhere: shares that follow prices always differ a
little, and are stored."""


@dataclass(frozen=True, slots=True)
class Parity:
    """``difference`` is half the sum of absolute differences of weights: the share of the
    strategy that would have been elsewhere. ``nodes`` chose otherwise."""

    window_id: UUID
    deployment_id: UUID
    session: date
    state: Literal["equal", "different", "not_comparable"]
    reason: str
    difference: float | None
    settled: Mapping[str, Any] | None


def check_session(desk: Desk, session: date) -> tuple[Parity, ...]:
    """Compare every decision of a session with the one its settled data gives, and store it."""
    account_id = desk.account.id
    running = {
        one.id: one
        for one in desk.deployments.of(account_id, ("active", "paused", "liquidating", "stopped"))
    }
    found: list[Parity] = []
    for window in desk.windows.of(account_id, session=session, states=("done", "expired")):
        for decision in desk.windows.decisions(window.id, traces=True):
            one = running.get(decision.deployment_id)
            if one is not None and decision.state == "decided" and decision.trace is not None:
                found.append(_compared(desk, one, decision, session))
    now = desk.clock()
    desk.windows.put_parity([{**asdict(one), "at": now} for one in found])
    different = [one for one in found if (one.difference or 0.0) >= WORTH_TELLING]
    if different:
        names = ", ".join(sorted(running[one.deployment_id].name for one in different)[:5])
        text = f"{len(different)} of {len(found)} decisions of {session} differ on settled data: "
        desk.events.add([desk.event("parity_difference", text + names + ".", severity="warning")])
    return tuple(found)


def _compared(
    desk: Desk, deployment: Deployment, decision: DecisionRecord, session: date
) -> Parity:
    def result(
        state: Literal["equal", "different", "not_comparable"],
        reason: str,
        difference: float | None = None,
        settled: Mapping[str, Any] | None = None,
    ) -> Parity:
        return Parity(
            decision.window_id, deployment.id, session, state, reason, difference, settled
        )

    if decision.flow_hash != deployment.flow_hash:
        return result("not_comparable", "another version runs by now")
    try:
        ready = prepare(deployment)
        read = read_bars(desk.source, {deployment.id: ready})
    except BadInput as err:
        return result("not_comparable", str(err))
    except SluiceError:
        raise
    except Exception as err:
        log.exception("%s cannot be compared", deployment.name, extra={"action": "parity"})
        return result("not_comparable", failed(err).reason)
    if deployment.id in read.failed:
        return result("not_comparable", read.failed[deployment.id].reason)
    bars = {a: b.between(None, session) for a, b in read.bars[deployment.id].items()}
    again = decide_one(ready, bars, session, None)
    if again.weights is None:
        return result("not_comparable", again.reason)
    live = decision.weights or {}
    difference = (
        sum(
            abs(live.get(s, 0.0) - again.weights.get(s, 0.0))
            for s in live.keys() | again.weights.keys()
        )
        / 2
    )
    if difference <= EQUAL_WITHIN:
        return result("equal", "", difference)
    nodes = _choices_that_differ(decision.trace or {}, again.trace or {})
    reason = f"chose otherwise at {', '.join(nodes[:5])}" if nodes else "other shares"
    return result("different", reason, difference, {"weights": dict(again.weights)})


def _choices_that_differ(live: Mapping[str, Any], settled: Mapping[str, Any]) -> list[str]:
    """Paths of the nodes both walks reached and that chose another child."""
    before = {node["node"]: node for node in live.get("nodes", ())}
    return [
        str(node["path"])
        for node in settled.get("nodes", ())
        if node["node"] in before
        and node.get("share") is not None
        and before[node["node"]].get("share") is not None
        and before[node["node"]].get("choice") != node.get("choice")
    ]
