"""``sluice status``: what runs, and how much there is."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from core.settings import Settings


def add(commands: Any) -> None:
    parser = commands.add_parser("status", help="what runs and what is stored")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    from core.accounts.account import kind_of
    from core.bootstrap import Services, version

    with Services(settings, start=False) as services:
        database = services.database
        schema, user = services.schema(), services.user
        beats = services.heartbeats.all()
        found = {
            "version": version(),
            "database": {
                "kind": database.kind,
                "schema": schema.revision,
                "milliseconds": round(services.ping(), 2),
            },
            "strategies": services.strategies.count(user.id),
            "backtests": services.backtests.count(user.id),
            "accounts": [
                {
                    "account": account.name,
                    "broker": account.broker,
                    "mode": account.mode,
                    "state": account.state,
                    "reason": account.state_reason,
                    "strategies": len(services.deployments.of(account.id)),
                    "open_orders": len(services.orders.open(account.id)),
                    "differences": len(account.differences),
                    "reconciled_at": account.reconciled_at and account.reconciled_at.isoformat(),
                }
                for account in services.accounts.all(user.id)
            ],
            "components": [
                {
                    "component": beat.component,
                    "host": beat.host,
                    "pid": beat.pid,
                    "started_at": beat.started_at.isoformat(),
                    "age_seconds": round(beat.age_seconds, 1),
                    "state": "silent" if beat.silent else "alive",
                }
                for beat in beats
            ],
        }
    if options.json:
        sys.stdout.write(json.dumps(found) + "\n")
        return 0
    out = sys.stdout.write
    out(f"Sluice {version()}\n")
    ms = found["database"]["milliseconds"]  # type: ignore[index]
    out(f"Database    {database.kind}, schema {schema.revision}, answers in {ms} ms\n")
    out(f"Library     {found['strategies']} strategies, {found['backtests']} backtests\n")
    for one in found["accounts"]:  # type: ignore[attr-defined]
        wrong = f", {one['differences']} differences" if one["differences"] else ""
        counts = f"{one['strategies']} strategies, {one['open_orders']} open orders{wrong}"
        what = f"{kind_of(one['broker'], one['mode'])}, {one['state']}, {counts}"
        out(f"Account     {one['account']}: {what}\n")
    for beat in beats:
        state = "silent" if beat.silent else "alive"
        out(f"{beat.component:11} {state}, process {beat.pid} on {beat.host}, "
            f"seen {beat.age_seconds:.0f} s ago\n")  # fmt: skip
    if not beats:
        out("Nothing else runs: 'sluice up' starts it.\n")
    return 0
