"""``sluice web``, ``scheduler`` and ``worker``: one service each, as up and compose run them."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from core.settings import Settings

MODULES = {"web": "app.server", "scheduler": "jobs.scheduler", "worker": "jobs.worker"}
_HELP = {
    "web": "serve the pages only",
    "scheduler": "run what is due, when it is due",
    "worker": "take jobs from the queue",
}


def add(commands: Any) -> None:
    for name in MODULES:
        parser = commands.add_parser(name, help=_HELP[name])
        if name == "web":
            parser.add_argument("--port", type=int, help="default: SLUICE_PORT or 8501")
        parser.set_defaults(run=run, service=name)


def run(options: argparse.Namespace, _settings: Settings) -> int:
    """Become the service: the terminal's signals reach it directly."""
    if getattr(options, "port", None):
        os.environ["SLUICE_PORT"] = str(options.port)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", MODULES[options.service]])
    return 1
