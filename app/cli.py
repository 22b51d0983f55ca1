"""``sluice``: the terminal's front door.

Exit codes: 0 done, 1 failed, 2 bad input (the message names the field and how to mend it). With
``--json`` standard output is one JSON object and nothing else, also for an error; everything
meant for people goes to standard error.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from app.commands import (
    account,
    backtest,
    deployment,
    doctor,
    holdings,
    imports,
    kill,
    migrate,
    serve,
    status,
    sweep,
    up,
    vault,
    window,
)
from app.terminal import say
from core.errors import BadInput, Cancelled, FlowInvalid, SluiceError
from core.settings import load_settings

DONE, FAILED, BAD_INPUT = 0, 1, 2
COMMANDS = (
    *(up, backtest, sweep, imports),
    *(account, deployment, window, holdings, kill),
    *(status, doctor, migrate, vault, serve),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command named by ``arguments`` (those of the process); returns its exit code."""
    options = _parser().parse_args(arguments)
    as_json = getattr(options, "json", False)
    try:
        code: int = options.run(options, load_settings())
        return code
    except BadInput as err:
        _report(err, as_json)
        return BAD_INPUT
    except Cancelled:
        say("Stopped.")
        return FAILED
    except SluiceError as err:
        _report(err, as_json)
        return FAILED
    except KeyboardInterrupt:
        say("Stopped.")
        return FAILED
    except BrokenPipeError:
        # Whoever read our output has seen enough (| head); Python would complain at exit.
        sys.stdout = None
        return FAILED


def _parser() -> argparse.ArgumentParser:
    from core.bootstrap import version

    parser = argparse.ArgumentParser(
        prog="sluice",
        description="Research, backtest and paper-trade strategies made of flows.",
        epilog="Start with 'sluice up', or 'sluice backtest FLOW.json'. "
        "Settings are environment variables, SLUICE_*: see docs/settings.md.",
    )
    parser.add_argument("--version", action="version", version=f"sluice {version()}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser


def _report(err: SluiceError, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps({"error": _described(err)}, ensure_ascii=False) + "\n")
    if isinstance(err, FlowInvalid):
        errors = [p for p in err.problems if p.severity == "error"]
        say(f"{err.name}: {len(errors)} problem{'' if len(errors) == 1 else 's'}")
        for problem in errors:
            say(f"  {problem}")
    else:
        say(f"Error: {err}")


def _described(err: SluiceError) -> dict[str, object]:
    if isinstance(err, FlowInvalid):
        problems = [
            {"path": p.path, "message": p.message, "fix": p.fix, "severity": p.severity}
            for p in err.problems
        ]
        return {"field": err.field, "message": err.message, "fix": err.fix, "problems": problems}
    if isinstance(err, BadInput):
        return {"field": err.field, "message": err.message, "fix": err.fix}
    return {"message": str(err)}


if __name__ == "__main__":
    sys.exit(main())
