"""What a file's prices are adjusted for, and how bars on another basis come from them.

    prices are       because                                    they also answer
    raw              day aggregates; or corporate actions lie   split_adjusted and adjusted, by the
                     beside a file without adj_close            corporate actions
    split_adjusted   there is an adj_close                      adjusted, by adj_close / close
    split_adjusted   there is nothing that says more            –
    adjusted         every adj_close equals its close           –
    any              it trades all week: no splits, dividends   every one

A plain file cannot say what it holds. It is taken as split-adjusted, the least that makes returns
comparable, and results say so; whoever knows better states the basis. Where ``adjusted`` is asked
for and there are no dividends to work with, the answer is split-adjusted and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.errors import BadInput
from core.market.adjustment import CorporateAction, adjust_for_all, adjust_for_splits
from core.market.bars import Adjustment, Float, Ohlcv, SymbolBars
from core.market.sources.files.contents import Contents, Rows
from core.market.sources.files.layout import AGGREGATES

Actions = Mapping[str, tuple[CorporateAction, ...]]


@dataclass(frozen=True, slots=True)
class Basis:
    """How to answer one question: the basis of the answer, and what makes it.

    ``by_close``    multiply prices by adj_close / close
    ``by_actions``  apply each symbol's splits, and its dividends if the answer is ``adjusted``
    """

    answer: Adjustment
    by_close: bool = False
    by_actions: Actions | None = None

    def prices(self, rows: Rows) -> Ohlcv:
        """The rows' bars as delivered, adjusted by their adjusted closes if that is called for."""
        f = rows.fields
        if not self.by_close:
            return Ohlcv(f["open"], f["high"], f["low"], f["close"], f["volume"])
        with np.errstate(divide="ignore", invalid="ignore"):
            # A close of zero gives no number: the rules for bad bars drop that bar and say so.
            factor: Float = f["adj_close"] / f["close"]
            return Ohlcv(
                f["open"] * factor,
                f["high"] * factor,
                f["low"] * factor,
                f["adj_close"],
                f["volume"],
            )

    def apply(self, bars: SymbolBars) -> SymbolBars:
        """Clean bars with their symbol's corporate actions in them, if those are called for."""
        if self.by_actions is None:
            return bars
        adjust = adjust_for_all if self.answer == "adjusted" else adjust_for_splits
        return adjust(bars, self.by_actions.get(bars.symbol, ()))


def basis_for(
    asked: Adjustment,
    contents: Contents,
    symbols: tuple[str, ...],
    stated: Adjustment | None,
    *,
    all_week: bool,
) -> Basis:
    """How to answer ``asked`` for ``symbols``.

    ``stated`` is what the user says the prices are. Raises BadInput where the files cannot say.
    """
    if all_week and stated is None:
        return Basis(asked)
    held = stated or basis_of(contents)
    if held == asked:
        return Basis(asked)
    if held == "adjusted" or asked == "raw":
        raise BadInput(
            "adjustment",
            f"the files hold {_said(held)} prices, as far as they tell: no {_said(asked)} ones "
            "follow from them.",
            f"Choose {held}, or state what the prices are adjusted for.",
        )
    if asked == "adjusted" and contents.folder.has_adjusted_closes:
        return Basis("adjusted", by_close=True)
    if held == "split_adjusted":
        return Basis("split_adjusted")
    if contents.folder.actions is None:
        raise BadInput(
            "data",
            "the prices are as traded, and no file says which splits they have seen.",
            "Put a CSV of symbol,ex_date,type,value beside them, or ask for raw prices.",
        )
    pays = any(a.kind == "dividend" for s in symbols for a in contents.folder.actions.get(s, ()))
    answer: Adjustment = "adjusted" if asked == "adjusted" and pays else "split_adjusted"
    return Basis(answer, by_actions=contents.folder.actions)


def basis_of(contents: Contents) -> Adjustment:
    """What the prices are adjusted for, as far as the files tell."""
    if contents.folder.layout is AGGREGATES:
        return "raw"
    if contents.folder.has_adjusted_closes:
        return "adjusted" if contents.fully_adjusted else "split_adjusted"
    return "split_adjusted" if contents.folder.actions is None else "raw"


def _said(adjustment: Adjustment) -> str:
    return adjustment.replace("_", "-")
