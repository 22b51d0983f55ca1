"""What the synthetic market trades: funds, funds derived from them, perpetuals.

The names are those of real instruments, the numbers are plausible and nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

FIRST_FUNDS = date(1995, 1, 3)
FIRST_PERPETUALS = date(2019, 1, 1)
ANCHOR = date(2025, 1, 2)
"""The date on which ``price`` holds; other dates follow from the returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fund:
    """A fund whose daily return is the short rate plus its shares of common factors.

    ``market`` … ``volatility``  shares of the factors, see ``funds.Factors``
    ``own``      its own daily standard deviation on an average day
    ``extra``    mean return a year beyond what the factors bring
    ``dividend`` paid a year, a fraction of the price; None for the short rate
    ``price``    USD at ANCHOR
    ``traded``   USD on an average day
    """

    symbol: str
    price: float
    traded: float
    market: float = 0.0
    tech: float = 0.0
    small: float = 0.0
    foreign: float = 0.0
    bonds: float = 0.0
    credit: float = 0.0
    gold: float = 0.0
    oil: float = 0.0
    dollar: float = 0.0
    volatility: float = 0.0
    own: float = 0.0
    extra: float = 0.0
    dividend: float | None = 0.0
    first: date = FIRST_FUNDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A fund that returns ``times`` another's return each day, less a fee and its borrowing."""

    symbol: str
    of: str
    times: float
    price: float
    traded: float
    fee: float = 0.0095
    first: date = FIRST_FUNDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Perpetual:
    """A USDT perpetual that follows bitcoin ``beta`` times, with moves of its own.

    ``open_interest`` is its average in USDT; ``tick`` and ``step`` are exact decimals.
    """

    symbol: str
    base: str
    price: float
    traded: float
    beta: float
    own: float
    open_interest: float
    tick: str
    step: str
    max_leverage: str
    first: date = FIRST_PERPETUALS


FUNDS = (
    # US shares
    Fund(symbol="SPY", price=584.64, traded=3.3e10, market=1.0, own=0.0003, dividend=0.014),
    Fund(
        symbol="VTI", price=289.26, traded=9e8, market=1.0, small=0.12, own=0.0004, dividend=0.014,
    ),
    Fund(
        symbol="QQQ", price=510.23, traded=1.9e10, market=1.08, tech=1.0, own=0.0006, extra=0.012,
        dividend=0.006,
    ),
    Fund(symbol="IWM", price=221.29, traded=6e9, market=1.1, small=1.0, own=0.001, dividend=0.012),
    Fund(
        symbol="XLK", price=232.45, traded=1.3e9, market=1.1, tech=1.05, own=0.003, extra=0.012,
        dividend=0.008,
    ),
    Fund(
        symbol="XLE", price=86.71, traded=1.4e9, market=0.8, oil=0.42, own=0.009, dividend=0.034,
    ),
    Fund(
        symbol="XLF", price=48.31, traded=2e9, market=1.1, small=0.3, own=0.006, dividend=0.016,
    ),
    Fund(
        symbol="XLV", price=138.02, traded=1.2e9, market=0.72, tech=-0.15, own=0.005, extra=0.01,
        dividend=0.016,
    ),
    Fund(
        symbol="XLU", price=76.25, traded=9e8, market=0.6, tech=-0.3, bonds=0.25, own=0.0075,
        dividend=0.03,
    ),
    # Foreign shares
    Fund(
        symbol="EFA", price=75.63, traded=1.2e9, market=0.8, foreign=0.8, dollar=-0.45, own=0.002,
        extra=-0.005, dividend=0.028,
    ),
    Fund(
        symbol="EEM", price=41.68, traded=1.3e9, market=0.85, foreign=1.4, dollar=-0.55, own=0.005,
        dividend=0.024,
    ),
    # Bonds and bills
    Fund(symbol="TLT", price=87.63, traded=3.4e9, bonds=1.0, own=0.001, dividend=0.038),
    Fund(symbol="IEF", price=92.35, traded=7e8, bonds=0.46, own=0.0005, dividend=0.03),
    Fund(symbol="SHY", price=81.97, traded=3e8, bonds=0.09, own=0.0005, dividend=None),
    Fund(symbol="BIL", price=91.46, traded=6e8, own=0.00003, dividend=None),
    Fund(symbol="AGG", price=96.84, traded=8e8, bonds=0.32, credit=0.1, own=0.0007, dividend=0.032),
    Fund(
        symbol="LQD", price=106.73, traded=2.6e9, market=0.06, bonds=0.52, credit=0.8, own=0.0014,
        dividend=0.038,
    ),
    Fund(
        symbol="HYG", price=78.87, traded=3e9, market=0.35, bonds=0.06, credit=1.2, own=0.0012,
        dividend=0.05,
    ),
    # Metals, commodities, the dollar
    Fund(symbol="GLD", price=245.42, traded=1.6e9, gold=1.0, dollar=-0.8, own=0.001, extra=0.01),
    Fund(
        symbol="SLV", price=26.9, traded=5e8, gold=1.35, market=0.22, dollar=-0.9, own=0.011,
    ),
    Fund(
        symbol="DBC", price=21.6, traded=3e7, oil=0.38, gold=0.15, market=0.12, dollar=-0.5,
        own=0.005, extra=-0.02,
    ),
    Fund(symbol="USO", price=77.25, traded=3e8, oil=1.0, own=0.005, extra=-0.06),
    Fund(symbol="UUP", price=29.7, traded=3e7, dollar=1.0, own=0.0005, extra=-0.015),
    # Volatility: falls almost always, leaps in a panic
    Fund(
        symbol="VIXY", price=45.02, traded=6e7, volatility=1.0, own=0.003,
        first=date(2011, 1, 4),
    ),
)  # fmt: skip

DERIVED = (
    Derived(symbol="SH", of="SPY", times=-1, price=41.63, traded=1.5e8, fee=0.0089),
    Derived(symbol="PSQ", of="QQQ", times=-1, price=38.44, traded=1.5e8),
    Derived(symbol="UPRO", of="SPY", times=3, price=89.64, traded=4e8),
    Derived(symbol="SPXL", of="SPY", times=3, price=167.49, traded=6e8),
    Derived(symbol="TMF", of="TLT", times=3, price=39.81, traded=2e8),
    Derived(symbol="TQQQ", of="QQQ", times=3, price=79.3, traded=4e9, first=date(2010, 2, 11)),
    Derived(symbol="SQQQ", of="QQQ", times=-3, price=29.9, traded=3e9, first=date(2010, 2, 11)),
    Derived(symbol="UVXY", of="VIXY", times=1.5, price=21.47, traded=3e8, first=date(2011, 10, 4)),
)

PERPETUALS = (
    Perpetual(
        symbol="BTCUSDT", base="BTC", price=94500.0, traded=9e9, beta=1.0, own=0.0,
        open_interest=5.5e9, tick="0.10", step="0.001", max_leverage="100.00",
    ),
    Perpetual(
        symbol="ETHUSDT", base="ETH", price=3350.0, traded=4e9, beta=1.12, own=0.018,
        open_interest=2.6e9, tick="0.01", step="0.01", max_leverage="100.00",
    ),
    Perpetual(
        symbol="SOLUSDT", base="SOL", price=194.0, traded=2e9, beta=1.25, own=0.032,
        open_interest=8e8, tick="0.010", step="0.1", max_leverage="100.00",
        first=date(2020, 8, 12),
    ),
    Perpetual(
        symbol="BNBUSDT", base="BNB", price=702.0, traded=4e8, beta=0.95, own=0.021,
        open_interest=3e8, tick="0.10", step="0.01", max_leverage="50.00",
    ),
    Perpetual(
        symbol="XRPUSDT", base="XRP", price=2.34, traded=1.2e9, beta=1.0, own=0.032,
        open_interest=7e8, tick="0.0001", step="0.1", max_leverage="75.00",
    ),
)  # fmt: skip
