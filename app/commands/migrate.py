"""``sluice migrate``: bring the database's schema up to date."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from app.terminal import say
from core.settings import Settings


def add(commands: Any) -> None:
    parser = commands.add_parser("migrate", help="bring the database's schema up to date")
    parser.add_argument(
        "--seed", action="store_true", help="put example strategies into a new library"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    from core.bootstrap import Services

    with Services(settings, say=say) as services:
        before, after = services.migrate()
        if options.seed:
            services.seed()
    if options.json:
        found = {"before": before.revision, "after": after.revision}
        sys.stdout.write(json.dumps(found) + "\n")
    elif before == after:
        sys.stdout.write(f"The database already has schema {after.revision}.\n")
    else:
        had = before.revision or "no tables"
        sys.stdout.write(f"Migrated the database from {had} to schema {after.revision}.\n")
    return 0
