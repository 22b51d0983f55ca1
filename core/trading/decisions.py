"""Decisions of an account's strategies, side by side: what fails in one stays with that one."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from core.accounts.account import BREAKER
from core.db.legs import newest_legs
from core.errors import BadInput, SluiceError
from core.portfolio.deployment import Deployment
from core.portfolio.records import Leg
from core.trading.completing import completes, owed
from core.trading.decide import Decision, Ready, decide_one, failed, prepare
from core.trading.desk import Desk
from core.trading.market import BarsBy, read_bars

log = logging.getLogger(__name__)

LastDecided = Mapping[UUID, tuple[date, Mapping[str, float]]]
"""By strategy the session it last decided in, and the weights it decided."""
_DRIFTS_BACK = timedelta(days=92)
_DECIDE = {"action": "decide"}


def decide_all(
    desk: Desk,
    running: Sequence[Deployment],
    session: date,
    kept: dict[str, Ready],
    *,
    traced: bool,
) -> list[tuple[Deployment, Decision]]:
    """The decision of each strategy that runs; ``kept`` are flows that were compiled before.

    A strategy that cannot decide holds what it has, and says why: its flow cannot run, its data
    are not there, or it failed in a way nobody foresaw. Raises Unavailable and NeedsOperator where
    the market cannot be read at all.
    """
    ready: dict[UUID, Ready] = {}
    decisions: dict[UUID, Decision] = {}
    for one in running:
        if one.state == "liquidating":
            decisions[one.id] = Decision("decided", "sells everything", {})
        elif one.state == "paused" and one.state_by != BREAKER:
            decisions[one.id] = Decision("held", f"paused: {one.state_reason}")
        else:
            made = prepared(one, kept)
            if isinstance(made, Ready):
                ready[one.id] = made
            else:
                decisions[one.id] = made
    read = read_bars(desk.source, ready)
    last = desk.windows.last_decided(desk.account.id)
    legs = _legs(desk, [one for one in running if one.id in read.bars], ready, last)
    for one in running:
        if one.id in read.failed:
            decisions[one.id] = read.failed[one.id]
        elif one.id in ready:
            before = last[one.id][0] if one.id in last else None
            own = read.bars[one.id]
            decision = decided(one, ready[one.id], own, session, before, traced=traced)
            decision = _with_owed(one, decision, last.get(one.id), legs.get(one.book, []))
            # Paused by its breaker it trades nothing; its shadow holds what it decides.
            decisions[one.id] = decision if one.state == "active" else _shadowed(one, decision)
    return [(one, decisions[one.id]) for one in running]


def prepared(one: Deployment, kept: dict[str, Ready]) -> Ready | Decision:
    """Its flow, compiled once for each content in ``kept``; or why it cannot decide."""
    try:
        if one.flow_hash not in kept:
            kept[one.flow_hash] = prepare(one)
        return kept[one.flow_hash]
    except BadInput as err:
        return Decision("aborted", str(err))
    except SluiceError:
        raise
    except Exception as err:
        log.exception("the stored flow of %s cannot be read", one.name, extra=_DECIDE)
        return failed(err)


def decided(
    one: Deployment,
    ready: Ready,
    bars: BarsBy,
    session: date,
    before: date | None,
    *,
    traced: bool,
) -> Decision:
    """What it decides, as ``decide_one``; or why it cannot, where that fails."""
    try:
        return decide_one(ready, bars, session, before, traced=traced)
    except BadInput as err:
        return Decision("aborted", str(err))
    except SluiceError:
        raise
    except Exception as err:
        log.exception("%s failed while it decided", one.name, extra=_DECIDE)
        return failed(err)


def _legs(
    desk: Desk, running: Sequence[Deployment], ready: Mapping[UUID, Ready], last: LastDecided
) -> dict[str, list[Leg]]:
    """The newest legs of those that do not trade daily, by book."""
    since: dict[str, date] = {}
    for one in running:
        rebalance = ready[one.id].flow.rebalance
        if one.state == "active" and one.id in last and completes(rebalance):
            # One that trades by drift decides often and seldom trades.
            back = timedelta(0) if rebalance.threshold is None else _DRIFTS_BACK
            since[one.book] = last[one.id][0] - back
    found: dict[str, list[Leg]] = defaultdict(list)
    if since:
        for leg in newest_legs(desk.engine, desk.account.id, since, min(since.values())):
            found[leg.book].append(leg)
    return found


def _with_owed(
    one: Deployment,
    made: Decision,
    last: tuple[date, Mapping[str, float]] | None,
    legs: Sequence[Leg],
) -> Decision:
    if not legs or last is None or made.state not in ("held", "decided"):
        return made
    if made.state == "decided" and made.threshold is None:
        return made  # it trades anew
    session, weights = last
    if made.state == "decided":
        left = owed(legs, made.weights or {}, one.flow_hash, None)
    else:
        left = owed(legs, weights, one.flow_hash, session)
    return replace(made, owed=left)


def _shadowed(deployment: Deployment, decision: Decision) -> Decision:
    if decision.state != "decided":
        return replace(decision, owed=None)
    return replace(decision, state="held", owed=None, reason=f"paused: {deployment.state_reason}")
