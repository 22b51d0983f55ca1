"""The vocabulary of a flow: nodes, conditions, operands, and the document around them.

Everything here is a frozen value parsed from JSON by ``formats.native``; what the kinds mean is in
docs/flow.md. A *slot* is a place that takes a literal or a variable, written ``"$name"``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    InstanceOf,
    Tag,
)

from core.calendar import Every

VARIABLE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
SYMBOL = re.compile(r"[A-Za-z0-9^][A-Za-z0-9.\-/:=^_]{0,31}")
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


# -- slots ---------------------------------------------------------------------------------------


def is_variable(value: object) -> bool:
    """True for ``"$name"``."""
    return isinstance(value, str) and value.startswith("$")


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("expected a number or a variable such as '$name'")
    if isinstance(value, str):
        return _variable(value, "a number")
    if not -1e300 < value < 1e300:  # also refuses NaN and infinity
        raise ValueError(f"expected a finite number, not {value}")
    return value


def _symbol(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("expected a symbol such as 'SPY' or a variable such as '$name'")
    if value.startswith("$"):
        return _variable(value, "a symbol")
    if not SYMBOL.fullmatch(value):
        raise ValueError(f"{value!r} is not a symbol: use letters, digits and . - / : = ^ _")
    return value


def _indicator_name(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("expected an indicator's name such as 'rsi' or a variable")
    return _variable(value, "an indicator's name") if value.startswith("$") else value


def _argument(value: Any) -> Any:
    """An indicator's parameter: a number, or for a pair the other symbol."""
    return _symbol(value) if isinstance(value, str) else _number(value)


def _variable(value: str, wanted: str) -> str:
    if not is_variable(value):
        raise ValueError(f"expected {wanted} or a variable such as '$name', not {value!r}")
    if not VARIABLE_NAME.fullmatch(value[1:]):
        raise ValueError(
            f"{value!r} is not a variable: after '$' comes a letter, then letters, digits and _"
        )
    return value


def _slug(value: str) -> str:
    if not SLUG.fullmatch(value):
        raise ValueError(
            f"{value!r} does not name a strategy: use its short name from the library, "
            "lower-case words joined by '-'"
        )
    return value


Number = Annotated[int | float | str, BeforeValidator(_number)]
Symbol = Annotated[str, BeforeValidator(_symbol)]
IndicatorName = Annotated[str, BeforeValidator(_indicator_name)]
Argument = Annotated[int | float | str, BeforeValidator(_argument)]
StrategyName = Annotated[str, AfterValidator(_slug)]
VariableValue = int | float | str


# -- operands and conditions ---------------------------------------------------------------------


class Value(BaseModel):
    """A frozen part of a flow; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Node(Value):
    """Any node; each kind is a subclass. ``name`` and ``note`` are for readers only."""

    kind: str
    name: str | None = Field(None, max_length=500)
    note: str | None = Field(None, max_length=10_000)

    CHILD_FIELDS: ClassVar[tuple[str, ...]] = ()


AnyNode = InstanceOf[Node]


class IndicatorOperand(Value):
    """An indicator of a symbol or of a flow, ``days_ago`` sessions back, ``times`` and ``plus``.

    Inside a sort's ``by`` and ``filters`` both ``symbol`` and ``of`` may be missing: the item
    being ranked is meant. Further keys are the indicator's own parameters.
    """

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Argument]

    indicator: IndicatorName
    symbol: Symbol | None = None
    of: AnyNode | None = None
    days_ago: Number = 0
    times: Number = 1
    plus: Number = 0

    @property
    def arguments(self) -> dict[str, Any]:
        return self.__pydantic_extra__


def _operand_tag(value: Any) -> str:
    return "<indicator>" if isinstance(value, dict | IndicatorOperand) else "<number>"


Operand = Annotated[
    Annotated[IndicatorOperand, Tag("<indicator>")] | Annotated[Number, Tag("<number>")],
    Discriminator(_operand_tag),
]


class Comparison(Value):
    """``left op right``; with ``for_days`` = n, on each of the last n sessions."""

    left: Operand
    op: Literal[">", ">=", "<", "<="]
    right: Operand
    for_days: Number | None = None


class AllOf(Value):
    all: tuple[Condition, ...] = Field(min_length=1)


class AnyOf(Value):
    any: tuple[Condition, ...] = Field(min_length=1)


class Not(Value):
    not_: Condition = Field(alias="not")


class Counted(Value):
    count: Number
    of: tuple[Condition, ...] = Field(min_length=1)


class AtLeast(Value):
    at_least: Counted


class Month(Value):
    """True in the calendar months listed, 1 to 12."""

    month: tuple[Annotated[int, Field(ge=1, le=12)], ...] = Field(min_length=1)


_CONDITIONS: dict[str, type[Value]] = {
    "left": Comparison,
    "all": AllOf,
    "any": AnyOf,
    "not": Not,
    "at_least": AtLeast,
    "month": Month,
}


def _condition_tag(value: Any) -> str | None:
    if isinstance(value, Value):
        return next((f"<{key}>" for key, cls in _CONDITIONS.items() if type(value) is cls), None)
    if not isinstance(value, dict):
        return None
    if "op" in value or "right" in value:
        return "<left>"
    return next((f"<{key}>" for key in _CONDITIONS if key in value), None)


Condition = Annotated[
    Annotated[Comparison, Tag("<left>")]
    | Annotated[AllOf, Tag("<all>")]
    | Annotated[AnyOf, Tag("<any>")]
    | Annotated[Not, Tag("<not>")]
    | Annotated[AtLeast, Tag("<at_least>")]
    | Annotated[Month, Tag("<month>")],
    Discriminator(
        _condition_tag,
        custom_error_type="condition",
        custom_error_message=(
            "expected a condition: a comparison (left, op, right), all, any, not, at_least or month"
        ),
    ),
]
for _model in (AllOf, AnyOf, Not, Counted):
    _model.model_rebuild()


# -- nodes ---------------------------------------------------------------------------------------


class Asset(Node):
    """All of its share in one symbol."""

    kind: Literal["asset"] = "asset"
    symbol: Symbol


class Cash(Node):
    """All of its share in nothing."""

    kind: Literal["cash"] = "cash"


class Weight(Node):
    """Its share divided over all children."""

    kind: Literal["weight"] = "weight"
    scheme: Literal["equal", "specified", "inverse_volatility", "rank"] = "equal"
    children: tuple[AnyNode, ...] = Field(min_length=1)
    weights: tuple[Number, ...] | None = None
    window: Number | None = None

    CHILD_FIELDS = ("children",)


class Gate(Node):
    """All of its share to ``then`` while ``when`` holds, else to ``else``."""

    kind: Literal["gate"] = "gate"
    when: Condition
    then: AnyNode
    else_: AnyNode = Field(alias="else")

    CHILD_FIELDS = ("then", "else_")


class Latch(Node):
    """A gate with memory: ``enter`` turns it on, ``exit`` off; ``then`` while on."""

    kind: Literal["latch"] = "latch"
    enter: Condition
    exit: Condition
    then: AnyNode
    else_: AnyNode = Field(alias="else")

    CHILD_FIELDS = ("then", "else_")


class Switch(Node):
    """All of its share to ``cases[k]`` where k of the ``conditions`` hold."""

    kind: Literal["switch"] = "switch"
    conditions: tuple[Condition, ...] = Field(min_length=1)
    cases: tuple[AnyNode, ...] = Field(min_length=2)

    CHILD_FIELDS = ("cases",)


class Scale(Node):
    """Its share blended over neighbouring children by where the indicator lies in from … to."""

    kind: Literal["scale"] = "scale"
    indicator: IndicatorOperand
    from_: Number = Field(alias="from")
    to: Number
    children: tuple[AnyNode, ...] = Field(min_length=2)

    CHILD_FIELDS = ("children",)


Order = Literal["asc", "desc"]


def _keys(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def _item(value: Any) -> Any:
    return Asset(symbol=_symbol(value)) if isinstance(value, str) else value


Item = Annotated[AnyNode, BeforeValidator(_item)]


class Sort(Node):
    """Its share divided over the first ``take`` of the ranked items that pass the filters."""

    kind: Literal["sort"] = "sort"
    items: tuple[Item, ...] = Field(min_length=1)
    filters: tuple[Condition, ...] = ()
    by: Annotated[tuple[IndicatorOperand, ...], BeforeValidator(_keys), Field(min_length=1)]
    order: Order | tuple[Order, ...] = "desc"
    take: Number = 1
    allocation: Literal["equal", "rank", "specified", "inverse_volatility"] = "equal"
    weights: tuple[Number, ...] | None = None
    window: Number | None = None

    CHILD_FIELDS = ("items",)

    @property
    def orders(self) -> tuple[Order, ...]:
        """One order for each key of ``by``."""
        return (self.order,) * len(self.by) if isinstance(self.order, str) else self.order


class Group(Node):
    """A name and a colour around one child."""

    kind: Literal["group"] = "group"
    colour: str | None = Field(None, pattern=r"^#[0-9a-fA-F]{6}$")
    child: AnyNode

    CHILD_FIELDS = ("child",)


class Strategy(Node):
    """Another strategy of the library, by its short name."""

    kind: Literal["strategy"] = "strategy"
    strategy: StrategyName


KINDS: dict[str, type[Node]] = {
    get_args(cls.model_fields["kind"].annotation)[0]: cls
    for cls in (Asset, Cash, Weight, Gate, Latch, Switch, Scale, Sort, Group, Strategy)
}


def children(node: Node) -> Iterator[tuple[str, Node]]:
    """The nodes directly below, each with its path relative to ``node``: ``then``, ``items[2]``."""
    for name in node.CHILD_FIELDS:
        value = getattr(node, name)
        key = name.rstrip("_")
        if isinstance(value, Node):
            yield key, value
        else:
            yield from ((f"{key}[{i}]", child) for i, child in enumerate(value))


# -- the document --------------------------------------------------------------------------------


class Costs(Value):
    """In basis points of traded notional."""

    slippage_bps: float = Field(0, ge=0, le=1000, allow_inf_nan=False)
    commission_bps: float = Field(0, ge=0, le=1000, allow_inf_nan=False)

    @property
    def total(self) -> float:
        """Both together, as a fraction of traded notional."""
        return (self.slippage_bps + self.commission_bps) / 1e4


class Rebalance(Value):
    """When a flow trades: on the first session of each period, and only past a drift if given."""

    every: Every = "daily"
    threshold: float | None = Field(None, gt=0, lt=1, allow_inf_nan=False)


class StrategyBenchmark(Value):
    strategy: StrategyName


def _benchmark_tag(value: Any) -> str:
    return "<symbol>" if isinstance(value, str) else "<strategy>"


Benchmark = Annotated[
    Annotated[Symbol, Tag("<symbol>")] | Annotated[StrategyBenchmark, Tag("<strategy>")],
    Discriminator(_benchmark_tag),
]


def _rebalance(value: Any) -> Any:
    return {"every": value} if isinstance(value, str) else value


class Flow(Value):
    """A whole strategy as saved: format version 1."""

    sluice: Literal[1] = 1
    name: str = Field(min_length=1, max_length=200)
    description: str = Field("", max_length=10_000)
    rebalance: Annotated[Rebalance, BeforeValidator(_rebalance)] = Rebalance()
    benchmark: Benchmark | None = None
    costs: Costs = Costs()
    signal_prices: Literal["adjusted", "split_adjusted"] = "adjusted"
    variables: dict[Annotated[str, Field(pattern=rf"^{VARIABLE_NAME.pattern}$")], VariableValue] = (
        Field(default_factory=dict)
    )
    root: AnyNode
