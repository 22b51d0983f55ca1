"""``sluice import``: a strategy file, checked and written in the native format."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from core.settings import Settings


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "import",
        help="check a strategy file and put it into the library",
        description="Read a strategy file. With --out it is written there in the native format; "
        "without, it becomes a strategy of the library.",
    )
    parser.add_argument("file", metavar="FILE", type=Path)
    parser.add_argument("--format", default="auto", metavar="NAME", help="auto or native")
    parser.add_argument("--out", type=Path, metavar="FLOW.json", help="write it there instead")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    from app.flow_files import FlowFiles, read_flow
    from core.bootstrap import Services
    from core.errors import FlowInvalid, UnknownName
    from core.export import write_text
    from core.flow.formats.native import content_hash, dump
    from core.flow.validate import validate

    if options.format not in ("auto", "native"):
        raise UnknownName("--format", "format", options.format, ("auto", "native"))
    flow = read_flow(options.file)
    with Services(settings, say=_say) as services:
        problems = validate(flow, FlowFiles(options.file.parent, services).find)
        if any(p.severity == "error" for p in problems):
            raise FlowInvalid(problems, options.file.name)
        slug = None
        if options.out:
            write_text(options.out, dump(flow))
        else:
            slug = services.strategies.create(services.user.id, flow, label="Imported").slug
    warnings = [str(p) for p in problems]
    if options.json:
        report = {
            "strategy": flow.name,
            "format": "native",
            "hash": content_hash(flow),
            "out": str(options.out) if options.out else None,
            "slug": slug,
            "warnings": warnings,
        }
        sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
        return 0
    where = f"written to {options.out}" if options.out else f"in the library as '{slug}'"
    sys.stdout.write(f"{flow.name}: {where}\n")
    for warning in warnings:
        sys.stdout.write(f"Warning: {warning}\n")
    return 0


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
