"""A process that has loaded everything and forks real ones: a start costs its work, no imports.

Reads one JSON line a child (module, arguments, environment, files for its output) and answers with
its pid; asked for one by ``poll``, with how it ended, if it did. The children are processes of their own in every respect that matters here:
they have own connections and threads, and are killed by SIGKILL.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from typing import Any

FULL = 1


def child(order: dict[str, Any]) -> None:
    """Become the command; never returns."""
    code = FULL
    try:
        for number, name in ((1, order["out"]), (2, order["err"])):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
        os.environ.clear()
        os.environ.update(order["environment"])
        sys.stdout = os.fdopen(os.dup(1), "w", buffering=1)
        sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
        code = run(order["module"], order["arguments"])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else FULL
    except BaseException:  # noqa: BLE001  as the interpreter does
        traceback.print_exc()
    # As at the end of an interpreter: threads that are no daemons are waited for.
    threading._shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def run(module: str, arguments: list[str]) -> int:
    sys.argv = [module, *arguments]
    if module == "jobs.scheduler":
        from jobs.scheduler import main as schedule

        schedule()
        return 0
    from app.cli import main

    return int(main(arguments) or 0)


def load() -> None:
    import warnings

    warnings.simplefilter("ignore", DeprecationWarning)

    for module in ("numpy", "pandas", "sqlalchemy.dialects.postgresql", "psycopg"):
        __import__(module)


def warm() -> None:
    """Decide once: the kernels' machine code is loaded here, not in every child."""
    import tempfile
    from datetime import date
    from pathlib import Path

    from core.flow.binding import bind
    from core.flow.compile import compile_flow
    from core.flow.formats.native import from_json
    from core.market.sources.files import FilesSource
    from core.trading.decide import Ready, decide_one

    root = {"kind": "asset", "symbol": "AAA"}
    flow = from_json({"sluice": 1, "name": "warm", "benchmark": "AAA", "root": root}, "warm")
    ready = Ready(flow, bind(compile_flow(flow, lambda slug: flow)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.csv"
        rows = [f"2026-11-{day},AAA,1,1,1,1,1" for day in (19, 20, 23)]
        path.write_text("\n".join(["date,symbol,open,high,low,close,volume", *rows]) + "\n")
        bars = {"adjusted": FilesSource(path).bars(("AAA",), adjustment="adjusted")}
        assert decide_one(ready, bars, date(2026, 11, 23), None).state == "decided"


def main() -> None:
    load()
    warm()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        order = json.loads(line)
        if "poll" in order:
            ended, status = os.waitpid(order["poll"], os.WNOHANG)
            code = os.waitstatus_to_exitcode(status) if ended else None
            sys.stdout.write(json.dumps({"code": code}) + "\n")
        else:
            pid = os.fork()
            if pid == 0:
                child(order)
            sys.stdout.write(json.dumps({"pid": pid}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
