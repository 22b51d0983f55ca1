"""``sluice up``: everything on one host, supervised."""

from __future__ import annotations

import argparse
from typing import Any

from core.settings import Settings


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "up",
        help="start everything on this host",
        description="Start the database, the pages, the scheduler and a worker; Ctrl-C ends them.",
    )
    parser.add_argument("--port", type=int, help="of the pages; default: SLUICE_PORT or 8501")
    parser.add_argument(
        "--demo",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="put example strategies into a new library (default)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    from app.supervisor import Supervisor

    if options.port is not None:
        settings = type(settings).model_validate(settings.model_copy(update={"port": options.port}))
    return Supervisor(settings, demo=options.demo).run()
