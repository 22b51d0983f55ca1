"""What QuantMage can say and what becomes of it: the rows of docs/imports.md."""

from __future__ import annotations

from core.flow.formats.report import Construct

# -- incantations --------------------------------------------------------------------------------

TICKER = Construct("Ticker", "exact", "`asset`")
SYMBOL = Construct(
    "a ticker that is none, a macro series (@T10Y2Y) or a ratio (A/B)", "not supported",
    note="Use the ticker of something that trades.",
)  # fmt: skip
EQUAL = Construct("Weighted, Equal", "exact", "`weight`, `equal`")
CUSTOM = Construct("Weighted, Custom", "exact", "`weight`, `specified`")
UNBALANCED = Construct(
    "Weighted, Custom, that does not sum to 100", "not supported",
    note="Give every part a weight so that they sum to 100, and export again.",
)  # fmt: skip
INVERSE_VOLATILITY = Construct(
    "Weighted, InverseVolatility", "exact", "`weight`, `inverse_volatility`"
)
INVERSE_VOLATILITY_OF_FLOWS = Construct(
    "Weighted, InverseVolatility, over incantations", "approximated",
    "`weight`, `inverse_volatility`",
    "A part that is not a ticker is measured by its own simulated equity, without costs; QuantMage "
    "does not document what it measures.",
)  # fmt: skip
FILTERED = Construct("Filtered, Equal", "exact", "`sort`, `equal`")
FILTERED_OF_FLOWS = Construct(
    "Filtered over incantations", "approximated", "`sort`",
    "An item that is not a ticker is ranked by its own simulated equity, rebalanced daily without "
    "costs; QuantMage does not document what it ranks.",
)  # fmt: skip
FILTERED_BY_PRICE_OF_FLOWS = Construct(
    "Filtered over incantations by a price", "not supported",
    note="An incantation has no price: rank by an indicator of returns, such as CumulativeReturn.",
)  # fmt: skip
FILTERED_CUSTOM = Construct(
    "Filtered, Custom", "approximated", "`sort`, `specified`",
    "The weights were given to the picks by their rank, as third parties read them.",
)  # fmt: skip
FILTERED_INVERSE_VOLATILITY = Construct(
    "Filtered, InverseVolatility", "approximated", "`sort`, `inverse_volatility`",
    "No such strategy was at hand to compare with.",
)  # fmt: skip
FILTERED_TAKES_ALL = Construct(
    "Filtered that keeps more than it has", "approximated", "`sort` that takes every item",
    "QuantMage does not document this case.",
)  # fmt: skip
IF_ELSE = Construct("IfElse", "exact", "`gate`; its comments become the note")
SWITCH = Construct(
    "Switch", "exact",
    "`switch`, its cases turned round: the first incantation is for all conditions being true",
)  # fmt: skip
SWITCH_GAP = Construct(
    "Switch with a case left empty", "exact", "`switch`: the next lower case once more"
)
SWITCH_BASE = Construct(
    "Switch without its base case", "not supported",
    note="Fill the last case, for no condition being true, and export again.",
)  # fmt: skip
ENTER_EXIT = Construct(
    "EnterExit", "approximated", "`latch`",
    "Before either condition has decided it is in cash; QuantMage does not document that case.",
)  # fmt: skip
MIXED = Construct(
    "Mixed", "approximated", "`scale`",
    "The share is clamped to 0 … 1, as third parties read it; QuantMage does not document it.",
)  # fmt: skip
EMPTY = Construct(
    "a branch left empty", "approximated", "`cash`", "QuantMage does not document what it does."
)
UNKNOWN_INCANTATION = Construct(
    "any other incantation", "not supported", note="Replace it in QuantMage and export again."
)
MALFORMED = Construct(
    "a field that is missing or of the wrong type", "not supported",
    note="Correct it in QuantMage and export again.",
)  # fmt: skip
UNKNOWN_FIELD = Construct(
    "a field that is not known", "approximated", "",
    "It was left out; check that it changes nothing.",
)  # fmt: skip
LONG_NAME = Construct(
    "a name longer than a flow keeps", "approximated", "a name cut short", "The rest is in a note."
)
VERSION = Construct(
    "an export that is not version 2", "not supported", note="Export it from QuantMage again."
)

# -- the document --------------------------------------------------------------------------------

DAILY = Construct("trading_type Daily", "exact", "`rebalance` daily")
CALENDAR = Construct(
    "trading_type Weekly, Monthly, Quarterly, Yearly", "approximated",
    "`rebalance`, first session of each", "On which day QuantMage trades is not documented.",
)  # fmt: skip
THRESHOLD = Construct(
    "trading_type Threshold", "approximated", "`rebalance`, `threshold` in percentage points",
    "The threshold is read as drift from the target weight; QuantMage documents it no further.",
)  # fmt: skip
SLIPPAGE = Construct("slippage_bps", "exact", "`costs`, `slippage_bps`")
BENCHMARK = Construct("benchmark_ticker", "exact", "`benchmark`")
BENCHMARK_SPELL = Construct(
    "benchmark_spell", "approximated", "",
    "It was left out: import that spell and name it as the flow's benchmark.",
)  # fmt: skip

# -- conditions ----------------------------------------------------------------------------------

NUMBER = Construct("IndicatorAndNumber", "exact", "a comparison")
BOTH = Construct("BothIndicators", "exact", "a comparison")
SCALED = Construct(
    "BothIndicators with rh_weight or rh_bias", "approximated", "a comparison, `times` and `plus`",
    "Read as indicator × weight + bias, as third parties read it.",
)  # fmt: skip
FOR_DAYS = Construct("for_days", "exact", "`for_days`")
DAYS_AGO = Construct("lh_days_ago, rh_days_ago", "exact", "`days_ago`")
MONTH = Construct("Month", "exact", "`month`")
MONTH_FOR_DAYS = Construct(
    "Month with for_days", "not supported", note="Set its days to 1 in QuantMage."
)
ALL_OF = Construct("AllOf, AnyOf", "exact", "`all`, `any`")
PERCENTILE = Construct(
    "IndicatorPercentile, IndicatorStochastic", "not supported",
    note="Compare the indicator with a number or another indicator instead.",
)  # fmt: skip
UNKNOWN_CONDITION_FIELD = Construct(
    "a field of a condition that is not known", "not supported",
    note="It may change the condition: rewrite it in QuantMage without it.",
)  # fmt: skip
UNKNOWN_CONDITION = Construct(
    "any other condition", "not supported", note="Rewrite the condition in QuantMage."
)

# -- indicators ----------------------------------------------------------------------------------

SUBSPELL = Construct(
    'an indicator of a branch (Subspell "Then")', "not supported",
    note="Measure a ticker, or build this condition in Sluice: an operand can measure a flow (of).",
)  # fmt: skip
UNKNOWN_INDICATOR = Construct(
    "any other indicator", "not supported", note="Use another indicator in QuantMage."
)
OUT_OF_RANGE = Construct(
    "an indicator with a window it cannot take", "not supported",
    note="Correct the window in QuantMage.",
)  # fmt: skip
