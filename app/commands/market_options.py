"""Options that say which market and under which rules: those 'backtest' and 'sweep' share."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.backtest.settings import BacktestSettings


def add(parser: argparse.ArgumentParser) -> None:
    """Add them to a command's parser."""
    data = parser.add_argument_group("data")
    data.add_argument("--source", metavar="NAME", help="demo, files, yahoo, alpaca or bybit")
    data.add_argument("--data", type=Path, metavar="PATH", help="file or folder; source files")
    data.add_argument("--start", metavar="DATE", help="first session; default: the first on which "
                      "everything is known")  # fmt: skip
    data.add_argument("--end", metavar="DATE", help="last session; default: the last settled one")
    rules = parser.add_argument_group("rules", "Each replaces what the flow says.")
    rules.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="variables",
                       help="value of a variable; may be repeated")  # fmt: skip
    rules.add_argument("--slippage-bps", metavar="X", help="of traded notional")
    rules.add_argument("--commission-bps", metavar="X", help="of traded notional")
    rules.add_argument("--rebalance", metavar="EVERY", help="daily, weekly, monthly, quarterly, "
                       "yearly, or a drift threshold such as 0.05")  # fmt: skip
    rules.add_argument("--benchmark", metavar="SYMBOL", help="a symbol, or none")
    rules.add_argument("--execution", metavar="WHEN", help="close (default) or next_open")
    rules.add_argument("--leverage", metavar="X", help="multiplies every weight; default 1")
    rules.add_argument("--max-leverage", metavar="X", help="cap of gross exposure; default 2")
    rules.add_argument("--cash-rate", metavar="X", help="a year, 0.04 is 4 %%; default 0")
    rules.add_argument("--borrow-rate", metavar="X", help="a year; default 0.05")
    rules.add_argument("--risk-free-rate", metavar="X", help="a year, for ratios; default 0")


def request_of(options: argparse.Namespace) -> BacktestSettings:
    """The settings asked for; a BadInput's field is the option as it is typed."""
    from core.backtest.settings import parse_settings
    from core.errors import BadInput
    from core.flow.variables import parse_setting

    names = ("start", "end", "slippage_bps", "commission_bps", "execution", "benchmark",
             "leverage", "max_leverage", "cash_rate", "borrow_rate", "risk_free_rate")  # fmt: skip
    given: dict[str, object] = {n: v for n in names if (v := getattr(options, n)) is not None}
    given["variables"] = dict(parse_setting(text) for text in options.variables)
    if options.rebalance is not None:
        given["rebalance"] = _rebalance(options.rebalance)
    try:
        return parse_settings(**given)
    except BadInput as err:
        field = "--" + err.field.split(".", 1)[0].replace("_", "-")
        raise BadInput(field, err.message, err.fix) from None


def _rebalance(text: str) -> dict[str, object]:
    try:
        return {"threshold": float(text)}
    except ValueError:
        return {"every": text}


def refuse_unwritable(paths: list[Path]) -> None:
    """Say so before the work, not after it."""
    from core.errors import BadInput

    for path in paths:
        if path.is_dir() or not path.absolute().parent.is_dir():
            raise BadInput(str(path), "no file can be written there.", "Name a file in a folder "
                           "that exists.")  # fmt: skip


def progress(wanted: bool) -> Any:
    from core.market.source import silent

    if not wanted:
        return silent

    def show(share: float, doing: str) -> None:
        text = "" if share >= 1 else f"{share:4.0%}  {doing}"
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()

    return show
