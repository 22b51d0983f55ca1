"""Evidence: what a flow has shown on paper, from the ledger and the snapshots."""

from __future__ import annotations

from core.errors import BadInput
from core.risk.gate import Evidence, failing
from core.trading.desk import Desk


def evidence_of(desk: Desk, flow_hash: str) -> Evidence:
    """Over the user's paper accounts; the demo market's prices are made up and show nothing."""
    days = trades = won = critical = 0
    drawdown = 0.0
    papers = [
        one
        for one in desk.accounts.all(desk.account.user_id)
        if one.mode == "paper" and one.source != "demo"
    ]
    for account in papers:
        for one in desk.deployments.of(account.id, ("active", "paused", "liquidating", "stopped")):
            if one.flow_hash != flow_hash:
                continue
            seen = desk.equity.snapshots(account.id, books=[one.book])
            if seen:
                days = max(days, (seen[-1].session - seen[0].session).days)
                drawdown = max(drawdown, *(snapshot.drawdown for snapshot in seen))
            closed = desk.ledger.realised(account.id, one.book)
            trades += len(closed)
            won += sum(amount > 0 for amount in closed)
            critical += desk.events.critical(account.user_id, one.id)
    return Evidence(days, trades, won, drawdown, critical)


def require_gate(desk: Desk, flow_hash: str, *, confirmed: bool) -> None:
    """Raises BadInput for a live account unless the gate is passed and a person said so."""
    if desk.account.mode != "live":
        return
    missing = failing(evidence_of(desk, flow_hash))
    if missing:
        raise BadInput(
            "account",
            f"{desk.account.name} trades real money, and this flow has not shown enough on paper: "
            + "; ".join(map(str, missing))
            + ".",
            "Deploy it to a paper account first.",
        )
    if not confirmed:
        raise BadInput(
            "account",
            f"{desk.account.name} trades real money.",
            "Say so: --live on the command line, or the confirmation on the page.",
        )
