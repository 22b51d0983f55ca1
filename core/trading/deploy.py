"""Deploy: give a strategy capital, change it, pause it, take it back. Each is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from core.accounts.account import BREAKER, Account, TradingState
from core.accounts.events import Kind, Severity, event_of
from core.db.session import transaction
from core.errors import BadInput
from core.flow.binding import bind
from core.flow.compile import compile_flow
from core.flow.formats.native import content_hash, to_json
from core.flow.nodes import Flow
from core.flow.references import references
from core.portfolio.deployment import Deployment, checked_capital, checked_name
from core.portfolio.ledger import EXTERNAL, RESERVE, ZERO, Entry, moved
from core.trading.desk import Desk
from core.trading.evidence import require_gate

if TYPE_CHECKING:
    from core.bootstrap import Services

Find = Callable[[str], Flow]


def frozen(flow: Flow, find: Find) -> tuple[dict[str, Any], dict[str, Any]]:
    """The flow as JSON, and every strategy it refers to, near or far, by short name.

    Raises FlowInvalid for a flow that cannot run: it is compiled and bound here.
    """
    found: dict[str, Flow] = {}
    below = list(references(flow))
    while below:
        slug = below.pop()
        if slug not in found:
            found[slug] = find(slug)
            below += references(found[slug])
    bind(compile_flow(flow, lambda slug: found[slug]))
    return to_json(flow), {slug: to_json(one) for slug, one in found.items()}


def deploy(
    desk: Desk,
    flow: Flow,
    find: Find,
    capital: Decimal,
    *,
    name: str = "",
    strategy_id: UUID | None = None,
    version: int | None = None,
    confirmed: bool = False,
) -> Deployment:
    """Let ``flow`` trade with ``capital`` of the account's reserve from the next window on.

    Raises FlowInvalid, or BadInput for a name that is taken, capital that is not there, or a live
    account whose gate is not passed or that nobody ``confirmed``.
    """
    document, others = frozen(flow, find)
    require_gate(desk, content_hash(flow), confirmed=confirmed)
    account = desk.account
    with transaction(desk.engine) as db:
        desk.ledger.lock(db, account.id)
        held = desk.ledger.balances(account.id, db)
        free = held.get(RESERVE, {}).get(account.currency, ZERO)
        made = desk.deployments.add(
            account.id,
            checked_name(name or flow.name),
            strategy_id=strategy_id,
            version=version,
            flow_hash=content_hash(flow),
            flow=document,
            references=others,
            capital=checked_capital(capital, free, account.currency),
            db=db,
        )
        _allocate(desk, db, made.book, capital, f"deploy:{made.id}")
        text = f"{made.name} trades {capital:,.2f} {account.currency} in {account.name}."
        desk.events.add([desk.event("deployed", text, deployment=made.id)], db=db)
    return made


def _allocate(desk: Desk, db: Any, book: str, amount: Decimal, reference: str) -> None:
    postings = moved(RESERVE, book, desk.account.currency, amount)
    entry = Entry("allocation", reference, desk.clock(), postings)
    desk.ledger.post_in(db, desk.account.id, [entry])


def change_capital(desk: Desk, deployment: Deployment, capital: Decimal) -> None:
    """Give more from the reserve, or take cash back; what is invested is sold at the next window.

    Taking back is limited to what the strategy has in cash: the rest has to be sold first.
    """
    account = desk.account
    with transaction(desk.engine) as db:
        desk.ledger.lock(db, account.id)
        # As it is now: a page may show what it was before another changed it.
        deployment = desk.deployments.by_id(deployment.id)
        if deployment.state == "stopped":
            raise BadInput("strategy", f"{deployment.name} is stopped.", "Deploy it again.")
        held = desk.ledger.balances(account.id, db)
        more = capital - deployment.capital
        free = held.get(RESERVE, {}).get(account.currency, ZERO)
        own = held.get(deployment.book, {}).get(account.currency, ZERO)
        checked_capital(capital, deployment.capital + free, account.currency)
        if -more > own:
            raise BadInput(
                "capital",
                f"{deployment.name} has {own:,.2f} {account.currency} in cash, "
                f"{-more:,.2f} would be taken.",
                "Take less, or stop it and deploy it again with less.",
            )
        if not more:
            return
        # Named after the instant: two changes to the same amount are two changes.
        _allocate(desk, db, deployment.book, more, f"capital:{deployment.id}:{desk.clock()}")
        desk.deployments.set_capital(deployment.id, capital, db)
        text = f"{deployment.name} has {capital:,.2f} {account.currency} of capital now."
        desk.events.add([desk.event("capital_changed", text, deployment=deployment.id)], db=db)


def swap(
    desk: Desk,
    deployment: Deployment,
    flow: Flow,
    find: Find,
    *,
    version: int | None,
    confirmed: bool = False,
) -> None:
    """Let another version run from the next window on; what is held stays until then.

    On a live account the new version has to pass the gate as well.
    """
    document, others = frozen(flow, find)
    require_gate(desk, content_hash(flow), confirmed=confirmed)
    with transaction(desk.engine) as db:
        desk.deployments.swap(
            deployment.id,
            version=version,
            flow_hash=content_hash(flow),
            flow=document,
            references=others,
            db=db,
        )
        text = f"{deployment.name} runs " + (f"version {version}." if version else "another flow.")
        desk.events.add([desk.event("version_changed", text, deployment=deployment.id)], db=db)


def pause(desk: Desk, deployment: Deployment, *, reason: str = "", by: str = "user") -> bool:
    """Keep what is held, decide nothing; whether it was active."""
    why = reason or "by a person"
    with transaction(desk.engine) as db:
        turned = desk.deployments.turn(
            deployment.id, "paused", reason=why, by=by, expected=("active",), db=db
        )
        if turned:
            text = f"{deployment.name} is paused: {why}."
            desk.events.add([desk.event("paused", text, deployment=deployment.id)], db=db)
    return turned


def resume(desk: Desk, deployment: Deployment, *, by: str = "user", reason: str = "") -> bool:
    """Trade again from the next window on; whether it was paused."""
    with transaction(desk.engine) as db:
        turned = desk.deployments.turn(
            deployment.id, "active", reason="", by=by, expected=("paused",), db=db
        )
        if turned:
            text = f"{deployment.name} trades again" + (f": {reason}." if reason else ".")
            kind: Kind = "breaker_released" if by == BREAKER else "resumed"
            desk.events.add([desk.event(kind, text, deployment=deployment.id)], db=db)
    return turned


def undeploy(desk: Desk, deployment: Deployment, *, liquidate: bool) -> Deployment:
    """Stop a strategy.

    With ``liquidate`` it sells everything at the next window and is stopped then; one that holds
    nothing is stopped at once. Without, its positions stay in the account as external and its
    cash goes to the reserve, now. Raises BadInput while one of its orders is open.
    """
    account = desk.account
    held = set(desk.ledger.balances(account.id).get(deployment.book, {})) - {account.currency}
    if liquidate and held:
        with transaction(desk.engine) as db:
            desk.deployments.turn(
                deployment.id,
                "liquidating",
                reason="sells everything at the next window",
                by="user",
                expected=("active", "paused"),
                db=db,
            )
            text = f"{deployment.name} sells everything at the next window."
            desk.events.add([desk.event("undeployed", text, deployment=deployment.id)], db=db)
    else:
        release(desk, deployment, reason="stopped by a person")
    return desk.deployments.by_id(deployment.id)


def release(desk: Desk, deployment: Deployment, *, reason: str) -> None:
    """End a deployment: its cash to the reserve, its positions (if any) to external.

    Raises BadInput while one of its orders is open.
    """
    account = desk.account
    with transaction(desk.engine) as db:
        desk.ledger.lock(db, account.id)
        # Under the lock that a window records its orders under: there are none or they are seen.
        if deployment.book in desk.orders.books_in_flight(account.id, db):
            raise BadInput(
                "strategy", f"an order of {deployment.name} is open.", "Try again when it is final."
            )
        held: Mapping[str, Decimal] = desk.ledger.balances(account.id, db).get(deployment.book, {})
        positions = [
            posting
            for symbol, quantity in sorted(held.items())
            if symbol != account.currency
            for posting in moved(deployment.book, EXTERNAL, symbol, quantity)
        ]
        cash = moved(deployment.book, RESERVE, account.currency, held.get(account.currency, ZERO))
        now = desk.clock()
        reference = f"stop:{deployment.id}"
        desk.ledger.post_in(
            db,
            account.id,
            [
                Entry("handover", f"{reference}:positions", now, tuple(positions)),
                Entry("allocation", f"{reference}:cash", now, cash),
            ],
        )
        turned = desk.deployments.turn(
            deployment.id,
            "stopped",
            reason=reason,
            by="user",
            expected=("active", "paused", "liquidating"),
            db=db,
        )
        if turned:
            text = f"{deployment.name} is stopped: {reason}."
            desk.events.add([desk.event("undeployed", text, deployment=deployment.id)], db=db)


def turn_kill_switch(
    services: Services, account: Account, state: TradingState, *, reason: str, by: str = "user"
) -> bool:
    """Stop an account's orders, or let it trade again; False where it stood so already.

    It needs nothing but the database: a broker that is down, or keys that do not open, cannot keep
    it from being turned. From the moment this returns no order is recorded and none is sent that
    the state forbids, and what is at the broker already is being called off: by the scheduler, or
    whoever has the account's lease, until the broker confirms it. ``still_canceling`` says what is
    left.
    """
    with transaction(services.database.engine) as db:
        turned = services.accounts.switch(account.id, state, reason=reason, by=by, db=db)
        if turned:
            kind: Kind = "released" if state == "active" else "kill_switch"
            text = f"{account.name} is {state}" + (f": {reason}." if reason else ".")
            severity: Severity = "info" if state == "active" else "critical"
            event = event_of(account, services.clock(), kind, text, severity=severity)
            services.events.add([event], db=db)
    return turned


def still_canceling(count: int) -> str:
    """What is left of the orders a kill switch called off, as a sentence; "" for nothing."""
    if not count:
        return ""
    what = "1 order is" if count == 1 else f"{count} orders are"
    return f"{what} still being canceled at the broker."
