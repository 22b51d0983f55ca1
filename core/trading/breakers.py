"""Breakers at work: after each close, and whenever equity is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np

from core.accounts.account import BREAKER, TradingState
from core.accounts.events import Kind
from core.db.session import transaction
from core.errors import BadInput
from core.portfolio.deployment import Deployment
from core.portfolio.equity import TOTAL, Snapshot
from core.portfolio.ledger import total_of
from core.risk.breaker import Shadow
from core.trading.deploy import resume
from core.trading.desk import Desk
from core.trading.snapshots import Valued

_RECENT = timedelta(days=15)
_MILDER: dict[TradingState, tuple[TradingState, ...]] = {
    "halted": ("active", "reducing"),
    "reducing": ("active",),
    "active": (),
}
"""From which states a breaker turns the kill switch to another."""
_REDUCING: tuple[TradingState, ...] = ("reducing",)
"""What a new session lets go; what a person halted stays so."""


def after_close(desk: Desk, session: date, made: Sequence[Snapshot]) -> None:
    """Pause what fell too far, let go on what recovered, halt the account beyond its limit."""
    limits = desk.accounts.by_id(desk.account.id).limits
    by_book = {one.book: one for one in made}
    last = desk.windows.last_decided(desk.account.id)
    doubtful = _in_doubt(desk)
    for one in desk.deployments.of(desk.account.id, ("active", "paused")):
        if one.book in doubtful:
            continue
        snapshot = by_book.get(one.book)
        weights = last[one.id][1] if one.id in last else {}
        if one.state == "active" and snapshot and snapshot.drawdown >= limits.strategy_drawdown:
            peak = _peak_since(desk, snapshot, one.state_at)
            if 1.0 - snapshot.growth / peak >= limits.strategy_drawdown:
                _trip(desk, one, snapshot, peak, weights, limits.strategy_drawdown)
        elif one.state == "paused" and one.state_by == BREAKER and one.shadow is not None:
            _move(desk, one, session, limits.strategy_release)
    total = by_book.get(TOTAL)
    if total is not None and total.drawdown >= limits.account_drawdown and not doubtful:
        account = desk.accounts.by_id(desk.account.id)
        peak = _peak_since(desk, total, account.state_at)
        fallen = 1.0 - total.growth / peak
        if fallen >= limits.account_drawdown:
            reason = f"the account is {fallen:.1%} below its peak"
            _switch(desk, "halted", reason, "account_halted")


def _peak_since(desk: Desk, snapshot: Snapshot, since: datetime | None) -> float:
    """The book's highest growth since it was last let go on, where it stood then included.

    Measured from a peak before that, a release would last until the next close and no longer.
    """
    seen = desk.equity.snapshots(desk.account.id, books=[snapshot.book])
    earlier = [one for one in seen if one.session < snapshot.session]
    before = [one for one in earlier if since is not None and one.at <= since]
    start = [before[-1].growth] if before else [1.0]
    after = [one.growth for one in earlier if since is None or one.at > since]
    return max(*start, *after, snapshot.growth)


def _in_doubt(desk: Desk) -> frozenset[str]:
    """Books that hold something of which the broker has more: a split that is not booked yet, not
    a loss."""
    differences = desk.accounts.by_id(desk.account.id).differences
    assets = {d["asset"] for d in differences if Decimal(d["broker"]) > Decimal(d["ledger"])}
    if not assets:
        return frozenset()
    held = desk.ledger.balances(desk.account.id)
    return frozenset(book for book, amounts in held.items() if assets & amounts.keys())


def during_session(desk: Desk, valued: Mapping[str, Valued]) -> None:
    """Only reduce positions for the rest of a day that lost too much, unless a person let the
    account go on that day."""
    account = desk.accounts.by_id(desk.account.id)
    limits = account.limits
    before = desk.equity.latest_snapshots(desk.account.id).get(TOTAL)
    if before is None or before.equity <= 0 or _in_doubt(desk):
        return
    if account.state_by == "user" and account.state_at and account.state_at > before.at:
        return
    moved = desk.ledger.capital_moved(desk.account.id, desk.account.currency, before.at)
    base = before.equity + total_of(moved)
    result = float(valued[TOTAL].equity / base) - 1.0 if base > 0 else 0.0
    if result <= -limits.daily_loss:
        _switch(desk, "reducing", f"the account lost {-result:.1%} today", "breaker_tripped")


def new_session(desk: Desk, opened_at: datetime) -> None:
    """A day's loss stops the day it was made in: the next session begins as usual."""
    account = desk.accounts.by_id(desk.account.id)
    stopped = account.state == "reducing" and account.state_by == BREAKER
    if stopped and account.state_at is not None and account.state_at < opened_at:
        with transaction(desk.engine) as db:
            if desk.accounts.switch(
                account.id, "active", reason="", by=BREAKER, expected=_REDUCING, db=db
            ):
                text = f"{account.name} trades again: a new session began."
                desk.events.add([desk.event("breaker_released", text)], db=db)


def _trip(
    desk: Desk,
    deployment: Deployment,
    snapshot: Snapshot,
    peak: float,
    weights: Mapping[str, float],
    limit: float,
) -> None:
    fallen = 1.0 - snapshot.growth / peak
    reason = f"{fallen:.1%} below its peak, the limit is {limit:.0%}"
    shadow = Shadow(snapshot.growth, peak, dict(weights), snapshot.session, snapshot.session)
    with transaction(desk.engine) as db:
        turned = desk.deployments.turn(
            deployment.id,
            "paused",
            reason=reason,
            by=BREAKER,
            expected=("active",),
            shadow=shadow.as_json(),
            db=db,
        )
        if turned:
            text = f"{deployment.name} is paused: {reason}."
            event = desk.event(
                "breaker_tripped", text, severity="critical", deployment=deployment.id
            )
            desk.events.add([event], db=db)


def _move(desk: Desk, deployment: Deployment, session: date, release: float) -> None:
    shadow = Shadow.from_json(deployment.shadow or {})
    if shadow.session >= session:
        return
    decided = _shadow_weights(desk, deployment, session)
    weights = shadow.weights if decided is None else decided
    shadow = shadow.moved(_returns(desk, shadow, session), weights, session)
    desk.deployments.remember_shadow(deployment.id, shadow.as_json())
    if shadow.released(release):
        reason = f"its shadow stands {shadow.drawdown:.1%} below the peak"
        resume(desk, deployment, by=BREAKER, reason=reason)


def _shadow_weights(
    desk: Desk, deployment: Deployment, session: date
) -> Mapping[str, float] | None:
    """What the paused strategy would have decided in the session's last window, if anything."""
    for window in desk.windows.of(desk.account.id, session=session, states=("done", "expired")):
        decision = desk.windows.decision(window.id, deployment.id)
        if decision is not None and decision.weights is not None:
            return decision.weights
    return None


def _returns(desk: Desk, shadow: Shadow, session: date) -> dict[str, float]:
    """What each of its symbols returned since the shadow last moved; nothing where unknown."""
    if not shadow.weights:
        return {}
    start = shadow.session - _RECENT
    try:
        bars = desk.source.bars(sorted(shadow.weights), start=start)
    except BadInput:
        return {}
    rows = np.searchsorted(
        bars.sessions, [np.datetime64(shadow.session), np.datetime64(session)], side="right"
    )
    before, now = (max(int(row) - 1, 0) for row in rows)
    moves = bars.close[now] / bars.close[before] - 1.0
    return {s: float(m) for s, m in zip(bars.symbols, moves, strict=True) if np.isfinite(m)}


def _switch(desk: Desk, state: TradingState, reason: str, kind: Kind) -> None:
    """Turn the kill switch further, never back."""
    account, milder = desk.account, _MILDER[state]
    with transaction(desk.engine) as db:
        if desk.accounts.switch(
            account.id, state, reason=reason, by=BREAKER, expected=milder, db=db
        ):
            text = f"{account.name} is {state}: {reason}."
            desk.events.add([desk.event(kind, text, severity="critical")], db=db)
