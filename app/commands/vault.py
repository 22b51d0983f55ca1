"""``sluice vault``: where the key of stored secrets is, and a new one for it."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from app.terminal import say
from core.settings import Settings


def add(commands: Any) -> None:
    parser = commands.add_parser("vault", help="the key that seals stored secrets")
    parser.add_argument(
        "--renew", action="store_true", help="make a new key and seal every stored secret with it"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    from core.bootstrap import Services

    with Services(settings, say=say) as services:
        resealed = services.renew_vault() if options.renew else None
        where, sealed = services.vault.check(), services.sealed.count()
    if options.json:
        found = {"keys": where, "sealed": sealed, "resealed": resealed}
        sys.stdout.write(json.dumps(found) + "\n")
        return 0
    secrets = f"{sealed:,} stored secret{'' if sealed == 1 else 's'}"
    if options.renew:
        sys.stdout.write(f"Sealed {secrets} with the new key. Older keys still open; ")
        sys.stdout.write("once backups made before are of no use, they can be taken out.\n")
    sys.stdout.write(f"{where[0].upper()}{where[1:]}; {secrets}.\n")
    return 0
