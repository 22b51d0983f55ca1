"""What each metric means, how it reads, and what defines it.

The order is that of the tables. ``quantstats`` is the call in QuantStats that gives the same number
for the same returns (to 1e-9); it is empty for what QuantStats does not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["fraction", "ratio", "count", "days"]
Group = Literal["Return", "Risk", "Ratio", "Gains and losses", "Against benchmark", "Trading"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    ``unit``    a fraction is shown as a percentage
    ``better``  1 when more is better, -1 when less is, 0 when neither
    """

    name: str
    label: str
    group: Group
    unit: Unit
    better: int
    meaning: str
    quantstats: str = ""


METRICS: tuple[Metric, ...] = (
    Metric("total_return", "Total return", "Return", "fraction", 1, "Growth over the whole span.", "comp(r)"),
    Metric("cagr", "CAGR", "Return", "fraction", 1, "Growth per year, compounded: wealth ^ (sessions a year / sessions) - 1.", "cagr(r)"),
    Metric("expected_return", "Expected daily return", "Return", "fraction", 1, "Geometric mean return of a session.", "expected_return(r)"),
    Metric("avg_return", "Average daily return", "Return", "fraction", 1, "Mean return of the sessions whose return is not zero.", "avg_return(r)"),
    Metric("best", "Best day", "Return", "fraction", 1, "Highest return of a session.", "best(r)"),
    Metric("worst", "Worst day", "Return", "fraction", 1, "Lowest return of a session.", "worst(r)"),
    Metric("best_month", "Best month", "Return", "fraction", 1, "Highest compounded return of a calendar month.", "best(r, 'ME')"),
    Metric("worst_month", "Worst month", "Return", "fraction", 1, "Lowest compounded return of a calendar month.", "worst(r, 'ME')"),
    Metric("best_year", "Best year", "Return", "fraction", 1, "Highest compounded return of a calendar year.", "best(r, 'YE')"),
    Metric("worst_year", "Worst year", "Return", "fraction", 1, "Lowest compounded return of a calendar year.", "worst(r, 'YE')"),
    Metric("volatility", "Volatility", "Risk", "fraction", -1, "Standard deviation of returns per year.", "volatility(r)"),
    Metric("max_drawdown", "Max drawdown", "Risk", "fraction", 1, "Deepest fall below the highest equity so far (negative).", "max_drawdown(r)"),
    Metric("avg_drawdown", "Average drawdown", "Risk", "fraction", 1, "Mean depth of the drawdowns (negative).", "drawdown_details(to_drawdown_series(r))['max drawdown'].mean() / 100"),
    Metric("longest_drawdown_days", "Longest drawdown", "Risk", "days", -1, "Calendar days of the longest time below a high.", "drawdown_details(to_drawdown_series(r))['days'].max()"),
    Metric("ulcer_index", "Ulcer index", "Risk", "fraction", -1, "Root mean square of the drawdown (Martin, 1987).", "ulcer_index(r)"),
    Metric("value_at_risk", "Daily value at risk", "Risk", "fraction", 1, "Return that 95 of 100 sessions exceed, if returns were normal.", "value_at_risk(r)"),
    Metric("expected_shortfall", "Expected shortfall", "Risk", "fraction", 1, "Mean return of the worst 5 % of sessions, if returns were normal (CVaR).", "cvar(r)"),
    Metric("skew", "Skew", "Risk", "ratio", 1, "Skewness of returns; below zero, large losses outnumber large gains.", "skew(r)"),
    Metric("kurtosis", "Kurtosis", "Risk", "ratio", -1, "Excess kurtosis of returns; 0 for a normal distribution.", "kurtosis(r)"),
    Metric("risk_of_ruin", "Risk of ruin", "Risk", "fraction", -1, "Gambler's ruin at this win rate: ((1 - w) / (1 + w)) ^ sessions.", "risk_of_ruin(r)"),
    Metric("sharpe", "Sharpe", "Ratio", "ratio", 1, "Mean excess return over its deviation, per year (Sharpe, 1966).", "sharpe(r)"),
    Metric("smart_sharpe", "Smart Sharpe", "Ratio", "ratio", 1, "Sharpe with a penalty for autocorrelated returns.", "smart_sharpe(r)"),
    Metric("probabilistic_sharpe", "Probabilistic Sharpe", "Ratio", "fraction", 1, "Probability that the true Sharpe is above zero (Bailey and López de Prado, 2012).", "probabilistic_sharpe_ratio(r)"),
    Metric("sortino", "Sortino", "Ratio", "ratio", 1, "Mean excess return over its downside deviation, per year (Sortino, 1991).", "sortino(r)"),
    Metric("smart_sortino", "Smart Sortino", "Ratio", "ratio", 1, "Sortino with a penalty for autocorrelated returns.", "smart_sortino(r)"),
    Metric("adjusted_sortino", "Adjusted Sortino", "Ratio", "ratio", 1, "Sortino / √2, to be comparable with Sharpe (Schwager).", "adjusted_sortino(r)"),
    Metric("calmar", "Calmar", "Ratio", "ratio", 1, "CAGR over the size of the max drawdown.", "calmar(r)"),
    Metric("omega", "Omega", "Ratio", "ratio", 1, "Sum of excess gains over sum of excess losses (Keating and Shadwick, 2002).", "omega(r)"),
    Metric("gain_to_pain", "Gain to pain", "Ratio", "ratio", 1, "Sum of returns over the size of the sum of losses (Schwager).", "gain_to_pain_ratio(r)"),
    Metric("ulcer_performance", "Ulcer performance", "Ratio", "ratio", 1, "Total return over the ulcer index.", "ulcer_performance_index(r)"),
    Metric("serenity", "Serenity", "Ratio", "ratio", 1, "Sum of returns over the ulcer index times the drawdown's expected shortfall in deviations.", "serenity_index(r)"),
    Metric("recovery_factor", "Recovery factor", "Ratio", "ratio", 1, "Size of the sum of returns over that of the max drawdown.", "recovery_factor(r)"),
    Metric("risk_return", "Risk return", "Ratio", "ratio", 1, "Mean return over deviation, per session.", "risk_return_ratio(r)"),
    Metric("risk_adjusted_return", "Risk-adjusted return", "Ratio", "fraction", 1, "CAGR over time in the market.", "rar(r)"),
    Metric("win_rate", "Win rate", "Gains and losses", "fraction", 1, "Share of gains among the sessions whose return is not zero.", "win_rate(r)"),
    Metric("win_rate_month", "Win rate, months", "Gains and losses", "fraction", 1, "Share of gains among calendar months.", "win_rate(r, 'ME')"),
    Metric("win_rate_year", "Win rate, years", "Gains and losses", "fraction", 1, "Share of gains among calendar years.", "win_rate(r, 'YE')"),
    Metric("avg_win", "Average gain", "Gains and losses", "fraction", 1, "Mean return of the sessions with a gain.", "avg_win(r)"),
    Metric("avg_loss", "Average loss", "Gains and losses", "fraction", 1, "Mean return of the sessions with a loss (negative).", "avg_loss(r)"),
    Metric("payoff_ratio", "Payoff ratio", "Gains and losses", "ratio", 1, "Average gain over the size of the average loss.", "payoff_ratio(r)"),
    Metric("profit_factor", "Profit factor", "Gains and losses", "ratio", 1, "Sum of gains over the size of the sum of losses.", "profit_factor(r)"),
    Metric("profit_ratio", "Profit ratio", "Gains and losses", "ratio", 1, "Average gain per gain over average loss per loss; a zero counts as a gain.", "profit_ratio(r)"),
    Metric("cpc_index", "CPC index", "Gains and losses", "ratio", 1, "Profit factor times win rate times payoff ratio.", "cpc_index(r)"),
    Metric("common_sense", "Common sense ratio", "Gains and losses", "ratio", 1, "Profit factor times tail ratio.", "common_sense_ratio(r)"),
    Metric("tail_ratio", "Tail ratio", "Gains and losses", "ratio", 1, "Size of the 95 % quantile of returns over that of the 5 % quantile.", "tail_ratio(r)"),
    Metric("outlier_win", "Outlier gain ratio", "Gains and losses", "ratio", 0, "99 % quantile of returns over the mean gain; a zero counts as a gain.", "outlier_win_ratio(r)"),
    Metric("outlier_loss", "Outlier loss ratio", "Gains and losses", "ratio", 0, "1 % quantile of returns over the mean loss.", "outlier_loss_ratio(r)"),
    Metric("kelly", "Kelly criterion", "Gains and losses", "fraction", 1, "Share of capital that maximises growth for these odds (Kelly, 1956).", "kelly_criterion(r)"),
    Metric("consecutive_wins", "Longest run of gains", "Gains and losses", "count", 1, "Most sessions with a gain in a row.", "consecutive_wins(r)"),
    Metric("consecutive_losses", "Longest run of losses", "Gains and losses", "count", -1, "Most sessions with a loss in a row.", "consecutive_losses(r)"),
    Metric("exposure", "Time in market", "Trading", "fraction", 0, "Share of sessions whose return is not zero, rounded up to a whole percent.", "exposure(r)"),
    Metric("beta", "Beta", "Against benchmark", "ratio", 0, "Covariance with the benchmark over the benchmark's variance.", "greeks(r, b)['beta']"),
    Metric("alpha", "Alpha", "Against benchmark", "fraction", 1, "Mean return beyond beta times the benchmark's, per year.", "greeks(r, b)['alpha']"),
    Metric("r_squared", "R²", "Against benchmark", "fraction", 0, "Share of variance the benchmark explains.", "r_squared(r, b)"),
    Metric("correlation", "Correlation", "Against benchmark", "ratio", 0, "Correlation of returns with the benchmark's."),
    Metric("information_ratio", "Information ratio", "Against benchmark", "ratio", 1, "Mean of the difference of returns over its deviation, per session.", "information_ratio(r, b)"),
    Metric("treynor", "Treynor", "Against benchmark", "ratio", 1, "Total excess return over beta.", "treynor_ratio(r, b)"),
    Metric("turnover", "Turnover a year", "Trading", "ratio", -1, "Sum of absolute weight changes per year; 2 is selling and buying everything once."),
    Metric("gross_exposure", "Average exposure", "Trading", "fraction", 0, "Mean over sessions of the sum of absolute weights held."),
    Metric("rebalances", "Rebalances", "Trading", "count", 0, "Sessions on which something was traded."),
    Metric("cost", "Cost a year", "Trading", "fraction", -1, "Slippage and commission per year, as a share of equity."),
)  # fmt: skip

BY_NAME: dict[str, Metric] = {metric.name: metric for metric in METRICS}


def shown(name: str, value: float) -> str:
    """``value`` as a reader expects to see it; a dash where it is undefined."""
    if value != value:
        return "–"
    unit = BY_NAME[name].unit
    if unit == "fraction":
        return (
            f"{value:,.0%}"
            if abs(value) >= 10
            else f"{value:.1%}"
            if abs(value) >= 1
            else f"{value:.2%}"
        )
    return f"{value:,.2f}" if unit == "ratio" else f"{value:,.0f}"
