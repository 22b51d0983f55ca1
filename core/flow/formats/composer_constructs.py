"""What Composer can say and what becomes of it: the rows of docs/imports.md."""

from __future__ import annotations

from core.flow.formats.report import Construct

# -- nodes ---------------------------------------------------------------------------------------

ROOT = Construct("root", "exact", "the flow's root")
EQUAL = Construct("wt-cash-equal", "exact", "`weight`, `equal`")
SPECIFIED = Construct("wt-cash-specified", "exact", "`weight`, `specified`")
NORMALISED = Construct(
    "wt-cash-specified, not quite 100 %", "approximated", "`weight`, `specified`",
    "The weights were scaled to sum to 1.",
)  # fmt: skip
UNBALANCED = Construct(
    "wt-cash-specified, far from 100 %", "not supported",
    note="Give the children weights that sum to 100 % in Composer and export again.",
)  # fmt: skip
INVERSE_VOLATILITY = Construct("wt-inverse-vol", "exact", "`weight`, `inverse_volatility`")
INVERSE_VOLATILITY_OF_FLOWS = Construct(
    "wt-inverse-vol over groups", "approximated", "`weight`, `inverse_volatility`",
    "A child that is not an asset is measured by its own simulated equity, without costs; "
    "Composer does not document what it measures.",
)  # fmt: skip
MARKET_CAP = Construct(
    "wt-marketcap", "not supported",
    note="Market capitalisations are not among the data: weight the children another way.",
)  # fmt: skip
GROUP = Construct("group", "exact", "`group`")
IF = Construct("if", "exact", "`gate`")
FILTER = Construct("filter", "exact", "`sort`, `equal`")
FILTER_OF_FLOWS = Construct(
    "filter over groups", "approximated", "`sort`, `equal`",
    "An item that is not an asset is ranked by its own simulated equity, rebalanced daily without "
    "costs; that Composer does the same is known from third parties only.",
)  # fmt: skip
FILTER_BY_PRICE_OF_FLOWS = Construct(
    "filter over groups by a price function", "not supported",
    note="A group has no price: choose a function of returns, such as cumulative-return.",
)  # fmt: skip
FILTER_TAKES_ALL = Construct(
    "filter that selects more than it has", "approximated", "`sort` that takes every item",
    "Composer does not document this case.",
)  # fmt: skip
SEVERAL_CHILDREN = Construct(
    "several children where one is usual", "approximated", "`weight`, `equal`, around them",
    "They share equally, as in a branch of an if; Composer's editor does not make such nodes.",
)  # fmt: skip
ASSET = Construct("asset", "exact", "`asset`; its long name becomes the note")
SHARE_CLASS = Construct("asset with a share class (BRK/B)", "exact", "`asset`, written BRK.B")
CRYPTO = Construct(
    "crypto asset (CRYPTO::BTC//USD)", "approximated", "`asset`, written BTCUSDT",
    "Bybit's pair is quoted in tether instead of dollars, and trades around the clock.",
)  # fmt: skip
SYMBOL = Construct(
    "a ticker that is none", "not supported", note="Correct the ticker in Composer."
)  # fmt: skip
EMPTY = Construct(
    "empty, or a node without children", "approximated", "`cash`",
    "Composer does not run unfinished strategies; here its share stays in cash.",
)  # fmt: skip
UNKNOWN_STEP = Construct(
    "any other step", "not supported", note="Replace this node in Composer and export again."
)  # fmt: skip
MALFORMED = Construct(
    "a field that is missing or of the wrong type", "not supported",
    note="Correct it in Composer and export again.",
)  # fmt: skip
UNKNOWN_FIELD = Construct(
    "a field that is not known", "approximated", "",
    "It was left out; check that it changes nothing.",
)  # fmt: skip
LONG_NAME = Construct(
    "a name longer than a flow keeps", "approximated", "a name cut short", "The rest is in a note."
)
VERSION_2 = Construct(
    "score version 2 (node_root)", "not supported",
    note="Copy the strategy's definition (defsymphony text) from Composer's editor instead.",
)  # fmt: skip

# -- the document --------------------------------------------------------------------------------

DAILY = Construct("rebalance daily", "exact", "`rebalance` daily")
MONTHLY = Construct("rebalance monthly", "exact", "`rebalance` monthly: first session of the month")
CALENDAR = Construct(
    "rebalance weekly, quarterly, yearly", "approximated", "`rebalance`, first session of each",
    "On which day Composer trades is not documented.",
)  # fmt: skip
THRESHOLD = Construct(
    "rebalance by corridor (threshold)", "approximated", "`rebalance`, `threshold`",
    "Composer trades whenever a condition takes another branch; here a branch with the same "
    "symbols trades once a weight is further than the width from its target.",
)  # fmt: skip
NO_REBALANCE = Construct(
    "rebalance none, without a corridor", "not supported",
    note="Choose a frequency or a corridor in Composer.",
)  # fmt: skip
SLIPPAGE = Construct("slippage-percent", "exact", "`costs`, `slippage_bps`")
FEES = Construct(
    "apply-reg-fee?, apply-taf-fee?, apply-subscription", "approximated", "",
    "Fees by share and by month were left out; add a commission in basis points if they matter.",
)  # fmt: skip
BENCHMARK = Construct("ticker-benchmarks, one", "exact", "`benchmark`")
OTHER_BENCHMARKS = Construct(
    "symphony-benchmarks, or several tickers", "approximated", "`benchmark`, the first ticker",
    "A flow has one benchmark, and no other symphony can be it before it is imported.",
)  # fmt: skip

# -- conditions ----------------------------------------------------------------------------------

COMPARISON = Construct("gt, gte, lt, lte", "exact", "a comparison")
ABOUT_EQUAL = Construct(
    "eq", "not supported",
    note="How close counts as equal is not documented: use two comparisons, >= and <=.",
)  # fmt: skip
COMPOUND = Construct("compound, any or all", "exact", "`any`, `all`")
EACH_TICKER = Construct(
    "binary-compound (any or all of some tickers)", "exact", "`any`, `all`: one comparison a ticker"
)
UNKNOWN_CONDITION_FIELD = Construct(
    "a field of a condition that is not known", "not supported",
    note="It may change the condition: rewrite it in Composer without it.",
)  # fmt: skip
UNKNOWN_CONDITION = Construct(
    "any other condition or comparator", "not supported", note="Rewrite the condition in Composer."
)

# -- functions -----------------------------------------------------------------------------------

UNKNOWN_FUNCTION = Construct(
    "any other function", "not supported", note="Use another function in Composer."
)
OUT_OF_RANGE = Construct(
    "a function with parameters it cannot take", "not supported",
    note="Correct the parameters in Composer.",
)  # fmt: skip
