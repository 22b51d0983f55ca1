"""``sluice import``: a strategy file, or a folder of them, checked and taken into the library."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.terminal import say
from core.settings import Settings

if TYPE_CHECKING:
    from core.flow.formats.report import Report
    from core.flow.nodes import Flow
    from core.library.intake import Outcome

ENDINGS = frozenset({".json", ".edn", ".clj", ".txt"})
"""Files of a folder that may be strategies."""
PLACES = 5
"""Places listed for one construct; with --json, all are."""


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "import",
        help="check a strategy file, or a folder of them, and put it into the library",
        description="Read a strategy file: Sluice's own JSON, a Composer symphony (score JSON, "
        "score EDN or defsymphony text) or a QuantMage export. What became of each construct is "
        "reported. With --out the strategy is written there in the native format; without, it "
        "becomes a strategy of the library. A file with something that is not supported is "
        "refused (exit code 2), and the report says what and where. Of a folder every file below "
        "it that ends in .json, .edn, .clj or .txt is taken; a bad one does not stop the others, "
        "and what is in the library already is not stored again.",
    )
    parser.add_argument("file", metavar="FILE|FOLDER", type=Path)
    parser.add_argument(
        "--format", default="auto", metavar="NAME", help="auto, composer, quantmage or native"
    )
    parser.add_argument("--out", type=Path, metavar="FLOW.json", help="write it there instead")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    from app.flow_files import FlowFiles, read_bytes
    from core.bootstrap import Services
    from core.errors import FlowInvalid
    from core.export import write_text
    from core.flow.formats.imports import read_strategy
    from core.flow.formats.native import content_hash, dump
    from core.flow.validate import validate

    if options.file.is_dir():
        return _folder(options, settings)
    found = read_strategy(read_bytes(options.file), options.file.name, options.format)
    flow, report = found.flow, found.report
    if flow is None:
        return _refuse(options, report)
    with Services(settings, say=say) as services:
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
        answer = {
            "strategy": flow.name,
            "format": report.format,
            "hash": content_hash(flow),
            "out": str(options.out) if options.out else None,
            "slug": slug,
            "warnings": warnings,
            "report": report.to_json(),
        }
        _write(json.dumps(answer, ensure_ascii=False))
        return 0
    where = f"written to {options.out}" if options.out else f"in the library as '{slug}'"
    _write(f"{flow.name}: {where}")
    for line in (*_lines(report), *(f"Warning: {warning}" for warning in warnings)):
        _write(line)
    return 0


def _folder(options: argparse.Namespace, settings: Settings) -> int:
    """Take every strategy file of a folder in; 2 if any was refused."""
    from functools import partial

    from app.flow_files import read_bytes
    from core.bootstrap import Services
    from core.errors import BadInput

    folder = options.file
    if options.out:
        raise BadInput(
            "--out", "a folder goes into the library.", "Leave it out, or give one file."
        )
    paths = sorted(
        path for path in folder.rglob("*")
        if path.is_file() and path.suffix.lower() in ENDINGS and not path.name.startswith(".")
    )  # fmt: skip
    if not paths:
        endings = ", ".join(sorted(ENDINGS))
        raise BadInput(str(folder), f"no file in it ends in {endings}.", "Check the path.")
    files = [(path.relative_to(folder).as_posix(), partial(read_bytes, path)) for path in paths]
    outcomes: list[Outcome] = []
    with Services(settings, say=say) as services:
        for outcome in services.intake(partial(_flow, options.format)).take(files):
            outcomes.append(outcome)
            if not options.json:
                _write(str(outcome))
    refused = sum(outcome.refused for outcome in outcomes)
    present = sum(outcome.present for outcome in outcomes)
    counts = {"imported": len(outcomes) - refused - present, "there": present, "refused": refused}
    if options.json:
        answer = {"folder": str(folder), **counts, "files": [_outcome(one) for one in outcomes]}
        _write(json.dumps(answer, ensure_ascii=False))
    else:
        _write(f"{counts['imported']:,} imported, {present:,} there already, {refused:,} refused.")
    return 2 if refused else 0


def _flow(name: str, content: bytes, file: str) -> Flow:
    """The flow of a file in a folder; BadInput if something in it is not supported."""
    from core.errors import BadInput
    from core.flow.formats.imports import read_strategy

    found = read_strategy(content, file, name)
    if found.flow is None:
        first, *more = found.report.of("not supported")
        many = f"{len(more) + 1} construct{'s' if more else ''} not supported."
        raise BadInput(file, many, f"{first.path}: {first.note}")
    return found.flow


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "file": outcome.file,
        "outcome": "refused" if outcome.refused else "there" if outcome.present else "imported",
        "slug": outcome.slug,
        "strategy": outcome.name,
        "problems": [str(problem) for problem in outcome.problems],
    }


def _refuse(options: argparse.Namespace, report: Report) -> int:
    """Say what is not supported; 2, the exit code of bad input."""
    first, *more = report.of("not supported")
    message = f"{len(more) + 1} construct{'s' if more else ''} not supported; nothing was imported."
    if options.json:
        fix = f"{first.path}: {first.note}"
        error = {"field": options.file.name, "message": message, "fix": fix}
        answer = {"error": error, "format": report.format, "report": report.to_json()}
        _write(json.dumps(answer, ensure_ascii=False))
    else:
        for line in _lines(report):
            _write(line)
    say(f"Error: {options.file.name}: {message}")
    return 2


def _lines(report: Report) -> Iterator[str]:
    """The report for a terminal: counts, then what was not exact, one construct after another."""
    if not report.findings:  # the native format, in which everything is what it says
        return
    counts = ", ".join(f"{n} {status}" for status, n in report.counts().items() if n)
    yield f"{report.format}: {counts}"
    for status in ("not supported", "approximated"):
        for findings in report.by_construct(status):
            known = findings[0].construct
            yield f"{status.capitalize()}: {known.name} ({len(findings)}×). {known.note}"
            for one in findings[:PLACES]:
                line = f"line {one.line}, " if one.line else ""
                yield f"  {line}{_short(one.path)}{f': {one.detail}' if one.detail else ''}"
            if len(findings) > PLACES:
                yield f"  … and {len(findings) - PLACES} more; --json lists all"


def _short(path: str) -> str:
    """The end of a long path: with its line, or with --json, it can be found."""
    return path if len(path) <= 90 else f"…{path[-89:]}"


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")
