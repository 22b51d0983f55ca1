"""What Composer can say and what becomes of it: the rows of docs/imports.md."""

from __future__ import annotations

from core.flow.formats import foreign, names
from core.flow.formats.report import approximated, exact, unsupported

_MAKER = "Composer"

# -- nodes ---------------------------------------------------------------------------------------

ROOT = exact("root", "the flow's root")
EQUAL = exact("wt-cash-equal", "`weight`, `equal`")
SPECIFIED = exact("wt-cash-specified", "`weight`, `specified`")
NORMALISED = approximated(
    "wt-cash-specified, not quite 100 %",
    "`weight`, `specified`",
    "The weights were scaled to sum to 1.",
)
UNBALANCED = unsupported(
    "wt-cash-specified, far from 100 %",
    "Give the children weights that sum to 100 % in Composer and export again.",
)
INVERSE_VOLATILITY = exact("wt-inverse-vol", "`weight`, `inverse_volatility`")
INVERSE_VOLATILITY_OF_FLOWS = approximated(
    "wt-inverse-vol over groups",
    "`weight`, `inverse_volatility`",
    "A child that is not an asset is measured by its own simulated equity, without costs; "
    "Composer does not document what it measures.",
)
MARKET_CAP = unsupported(
    "wt-marketcap",
    "Market capitalisations are not among the data: weight the children another way.",
)
GROUP = exact("group", "`group`")
IF = exact("if", "`gate`")
FILTER = exact("filter", "`sort`, `equal`")
FILTER_OF_FLOWS = approximated(
    "filter over groups",
    "`sort`, `equal`",
    "An item that is not an asset is ranked by its own simulated equity, rebalanced daily "
    "without costs; that Composer does the same is known from third parties only.",
)
FILTER_BY_PRICE_OF_FLOWS = unsupported(
    "filter over groups by a price function",
    "A group has no price: choose a function of returns, such as cumulative-return.",
)
FILTER_TAKES_ALL = approximated(
    "filter that selects more than it has",
    "`sort` that takes every item",
    "Composer does not document this case.",
)
SEVERAL_CHILDREN = approximated(
    "several children where one is usual",
    "`weight`, `equal`, around them",
    "They share equally, as in a branch of an if; Composer's editor does not make such nodes.",
)
ASSET = exact("asset", "`asset`; its long name becomes the note")
SHARE_CLASS = exact("asset with a share class (BRK/B)", "`asset`, written BRK.B")
CRYPTO = approximated(
    "crypto asset (CRYPTO::BTC//USD)",
    "`asset`, written BTCUSDT",
    "Bybit's pair is quoted in tether instead of dollars, and trades around the clock.",
)
SYMBOL = unsupported("a ticker that is none", "Correct the ticker in Composer.")
EMPTY = approximated(
    "empty, or a node without children",
    "`cash`",
    "Composer does not run unfinished strategies; here its share stays in cash.",
)
UNKNOWN_STEP = unsupported("any other step", "Replace this node in Composer and export again.")
MALFORMED = foreign.malformed(_MAKER)
UNKNOWN_FIELD = foreign.UNKNOWN_FIELD
LONG_NAME = names.LONG_NAME
VERSION_2 = unsupported(
    "score version 2 (node_root)",
    "Copy the strategy's definition (defsymphony text) from Composer's editor instead.",
)

# -- the document --------------------------------------------------------------------------------

DAILY = exact("rebalance daily", "`rebalance` daily")
MONTHLY = exact("rebalance monthly", "`rebalance` monthly: first session of the month")
CALENDAR = approximated(
    "rebalance weekly, quarterly, yearly",
    "`rebalance`, first session of each",
    "On which day Composer trades is not documented.",
)
THRESHOLD = approximated(
    "rebalance by corridor (threshold)",
    "`rebalance`, `threshold`",
    "Composer trades whenever a condition takes another branch; here a branch with the same "
    "symbols trades once a weight is further than the width from its target.",
)
NO_REBALANCE = unsupported(
    "rebalance none, without a corridor",
    "Choose a frequency or a corridor in Composer.",
)
SLIPPAGE = exact("slippage-percent", "`costs`, `slippage_bps`")
FEES = approximated(
    "apply-reg-fee?, apply-taf-fee?, apply-subscription",
    "",
    "Fees by share and by month were left out; add a commission in basis points if they matter.",
)
BENCHMARK = exact("ticker-benchmarks, one", "`benchmark`")
OTHER_BENCHMARKS = approximated(
    "symphony-benchmarks, or several tickers",
    "`benchmark`, the first ticker",
    "A flow has one benchmark, and no other symphony can be it before it is imported.",
)

# -- conditions ----------------------------------------------------------------------------------

COMPARISON = exact("gt, gte, lt, lte", "a comparison")
ABOUT_EQUAL = unsupported(
    "eq",
    "How close counts as equal is not documented: use two comparisons, >= and <=.",
)
COMPOUND = exact("compound, any or all", "`any`, `all`")
EACH_TICKER = exact(
    "binary-compound (any or all of some tickers)",
    "`any`, `all`: one comparison a ticker",
)
UNKNOWN_CONDITION_FIELD = foreign.unknown_condition_field(_MAKER)
UNKNOWN_CONDITION = unsupported(
    "any other condition or comparator",
    "Rewrite the condition in Composer.",
)

# -- functions -----------------------------------------------------------------------------------

UNKNOWN_FUNCTION = unsupported("any other function", "Use another function in Composer.")
OUT_OF_RANGE = unsupported(
    "a function with parameters it cannot take",
    "Correct the parameters in Composer.",
)
