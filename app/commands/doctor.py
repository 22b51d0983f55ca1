"""``sluice doctor``: checks every part and says how to mend what fails."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from core.settings import Settings

_MARKS = {"ok": "ok  ", "note": "note", "failed": "FAIL"}


def add(commands: Any) -> None:
    parser = commands.add_parser("doctor", help="check every part, and how to mend what fails")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    from core.bootstrap import Services
    from core.health import check_all

    with Services(settings, migrate=False) as services:
        checks = check_all(services)
    failed = [check for check in checks if check.state == "failed"]
    if options.json:
        found = [
            {"name": c.name, "state": c.state, "message": c.message, "fix": c.fix} for c in checks
        ]
        sys.stdout.write(json.dumps({"healthy": not failed, "checks": found}) + "\n")
    else:
        for check in checks:
            sys.stdout.write(f"{_MARKS[check.state]}  {check.name:14} {check.message}\n")
            if check.fix:
                sys.stdout.write(f"{'':22}{check.fix}\n")
    return 1 if failed else 0
