"""What QuantMage can say and what becomes of it: the rows of docs/imports.md."""

from __future__ import annotations

from core.flow.formats import foreign, names
from core.flow.formats.report import approximated, exact, unsupported

_MAKER = "QuantMage"

# -- incantations --------------------------------------------------------------------------------

TICKER = exact("Ticker", "`asset`")
SYMBOL = unsupported(
    "a ticker that is none, a macro series (@T10Y2Y) or a ratio (A/B)",
    "Use the ticker of something that trades.",
)
EQUAL = exact("Weighted, Equal", "`weight`, `equal`")
CUSTOM = exact("Weighted, Custom", "`weight`, `specified`")
UNBALANCED = unsupported(
    "Weighted, Custom, that does not sum to 100",
    "Give every part a weight so that they sum to 100, and export again.",
)
INVERSE_VOLATILITY = exact("Weighted, InverseVolatility", "`weight`, `inverse_volatility`")
INVERSE_VOLATILITY_OF_FLOWS = approximated(
    "Weighted, InverseVolatility, over incantations",
    "`weight`, `inverse_volatility`",
    "A part that is not a ticker is measured by its own simulated equity, without costs; "
    "QuantMage does not document what it measures.",
)
FILTERED = exact("Filtered, Equal", "`sort`, `equal`")
FILTERED_OF_FLOWS = approximated(
    "Filtered over incantations",
    "`sort`",
    "An item that is not a ticker is ranked by its own simulated equity, rebalanced daily "
    "without costs; QuantMage does not document what it ranks.",
)
FILTERED_BY_PRICE_OF_FLOWS = unsupported(
    "Filtered over incantations by a price",
    "An incantation has no price: rank by an indicator of returns, such as CumulativeReturn.",
)
FILTERED_CUSTOM = approximated(
    "Filtered, Custom",
    "`sort`, `specified`",
    "The weights were given to the picks by their rank, as third parties read them.",
)
FILTERED_INVERSE_VOLATILITY = approximated(
    "Filtered, InverseVolatility",
    "`sort`, `inverse_volatility`",
    "No such strategy was at hand to compare with.",
)
FILTERED_TAKES_ALL = approximated(
    "Filtered that keeps more than it has",
    "`sort` that takes every item",
    "QuantMage does not document this case.",
)
IF_ELSE = exact("IfElse", "`gate`; its comments become the note")
SWITCH = exact(
    "Switch",
    "`switch`, its cases turned round: the first incantation is for all conditions being true",
)
SWITCH_GAP = exact("Switch with a case left empty", "`switch`: the next lower case once more")
SWITCH_BASE = unsupported(
    "Switch without its base case",
    "Fill the last case, for no condition being true, and export again.",
)
ENTER_EXIT = approximated(
    "EnterExit",
    "`latch`",
    "Before either condition has decided it is in cash; QuantMage does not document that case.",
)
MIXED = approximated(
    "Mixed",
    "`scale`",
    "The share is clamped to 0 … 1, as third parties read it; QuantMage does not document it.",
)
EMPTY = approximated("a branch left empty", "`cash`", "QuantMage does not document what it does.")
UNKNOWN_INCANTATION = unsupported(
    "any other incantation",
    "Replace it in QuantMage and export again.",
)
MALFORMED = foreign.malformed(_MAKER)
UNKNOWN_FIELD = foreign.UNKNOWN_FIELD
LONG_NAME = names.LONG_NAME
VERSION = unsupported("an export that is not version 2", "Export it from QuantMage again.")

# -- the document --------------------------------------------------------------------------------

DAILY = exact("trading_type Daily", "`rebalance` daily")
CALENDAR = approximated(
    "trading_type Weekly, Monthly, Quarterly, Yearly",
    "`rebalance`, first session of each",
    "On which day QuantMage trades is not documented.",
)
THRESHOLD = approximated(
    "trading_type Threshold",
    "`rebalance`, `threshold` in percentage points",
    "The threshold is read as drift from the target weight; QuantMage documents it no further.",
)
SLIPPAGE = exact("slippage_bps", "`costs`, `slippage_bps`")
BENCHMARK = exact("benchmark_ticker", "`benchmark`")
BENCHMARK_SPELL = approximated(
    "benchmark_spell",
    "",
    "It was left out: import that spell and name it as the flow's benchmark.",
)

# -- conditions ----------------------------------------------------------------------------------

NUMBER = exact("IndicatorAndNumber", "a comparison")
BOTH = exact("BothIndicators", "a comparison")
SCALED = approximated(
    "BothIndicators with rh_weight or rh_bias",
    "a comparison, `times` and `plus`",
    "Read as indicator × weight + bias, as third parties read it.",
)
FOR_DAYS = exact("for_days", "`for_days`")
DAYS_AGO = exact("lh_days_ago, rh_days_ago", "`days_ago`")
MONTH = exact("Month", "`month`")
MONTH_FOR_DAYS = unsupported("Month with for_days", "Set its days to 1 in QuantMage.")
ALL_OF = exact("AllOf, AnyOf", "`all`, `any`")
PERCENTILE = unsupported(
    "IndicatorPercentile, IndicatorStochastic",
    "Compare the indicator with a number or another indicator instead.",
)
UNKNOWN_CONDITION_FIELD = foreign.unknown_condition_field(_MAKER)
UNKNOWN_CONDITION = unsupported("any other condition", "Rewrite the condition in QuantMage.")

# -- indicators ----------------------------------------------------------------------------------

SUBSPELL = unsupported(
    'an indicator of a branch (Subspell "Then")',
    "Measure a ticker, or build this condition in Sluice: an operand can measure a flow (of).",
)
UNKNOWN_INDICATOR = unsupported("any other indicator", "Use another indicator in QuantMage.")
OUT_OF_RANGE = unsupported(
    "an indicator with a window it cannot take",
    "Correct the window in QuantMage.",
)
