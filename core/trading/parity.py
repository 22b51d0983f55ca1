"""Parity: each live decision computed again on settled data, node by node.

A window decides ten minutes before the close, on a bar that still moves. At night the same flow
decides the same session on the settled bar; what differs is stored, so that a person sees how
often the last ten minutes would have changed their mind.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

from core.errors import SluiceError
from core.portfolio.deployment import Deployment
from core.portfolio.records import DecisionRecord
from core.trading.decide import Decision, Ready, failed
from core.trading.decisions import decided, prepared
from core.trading.desk import Desk
from core.trading.market import Read, read_bars

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
    """Compare every decision of a session with the one its settled data gives, and store it.

    Raises Unavailable and NeedsOperator where the market cannot be read at all.
    """
    account_id = desk.account.id
    running = {
        one.id: one
        for one in desk.deployments.of(account_id, ("active", "paused", "liquidating", "stopped"))
    }
    live = [
        decision
        for window in desk.windows.of(account_id, session=session, states=("done", "expired"))
        for decision in desk.windows.decisions(window.id, traces=True)
        if decision.deployment_id in running
        and decision.state == "decided"
        and decision.trace is not None
    ]
    versions = {(one.id, one.flow_hash): one for one in running.values()}
    same = {decision.deployment_id for decision in live if _version(decision) in versions}
    again = _again(desk, [one for id_, one in running.items() if id_ in same], session)
    found = [
        _compared(d, session, again[d.deployment_id] if _version(d) in versions else None)
        for d in live
    ]
    now = desk.clock()
    desk.windows.put_parity([{**asdict(one), "at": now} for one in found])
    different = [one for one in found if (one.difference or 0.0) >= WORTH_TELLING]
    if different:
        names = ", ".join(sorted(running[one.deployment_id].name for one in different)[:5])
        text = f"{len(different)} of {len(found)} decisions of {session} differ on settled data: "
        desk.events.add([desk.event("parity_difference", text + names + ".", severity="warning")])
    return tuple(found)


def _version(decision: DecisionRecord) -> tuple[UUID, str]:
    return decision.deployment_id, decision.flow_hash


def _again(desk: Desk, deployments: Sequence[Deployment], session: date) -> dict[UUID, Decision]:
    """What each decides on settled data; one that cannot says why."""
    kept: dict[str, Ready] = {}
    made = {one.id: prepared(one, kept) for one in deployments}
    ready = {id_: one for id_, one in made.items() if isinstance(one, Ready)}
    decisions = {id_: one for id_, one in made.items() if isinstance(one, Decision)}
    try:
        read = read_bars(desk.source, ready)
    except SluiceError:
        raise
    except Exception as err:
        log.exception("no bars of %s to compare with", session, extra={"action": "parity"})
        read = Read({}, dict.fromkeys(ready, failed(err)))
    for one in deployments:
        if one.id in read.bars:
            bars = {a: b.between(None, session) for a, b in read.bars[one.id].items()}
            decisions[one.id] = decided(one, ready[one.id], bars, session, None, traced=True)
    return decisions | dict(read.failed)


def _compared(decision: DecisionRecord, session: date, again: Decision | None) -> Parity:
    """``again`` is None where another version runs by now."""

    def result(
        state: Literal["equal", "different", "not_comparable"],
        reason: str,
        difference: float | None = None,
        settled: Mapping[str, Any] | None = None,
    ) -> Parity:
        return Parity(
            decision.window_id, decision.deployment_id, session, state, reason, difference, settled
        )

    if again is None:
        return result("not_comparable", "another version runs by now")
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
