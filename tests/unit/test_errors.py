"""Errors say what is wrong, where, and how to mend it."""

from __future__ import annotations

import pytest

from core.errors import (
    BadData,
    BadInput,
    Cancelled,
    FlowInvalid,
    NeedsOperator,
    Problem,
    RangeUnavailable,
    SluiceError,
    Unavailable,
    UnknownName,
    suggestion,
)


def test_bad_input_reads_as_field_message_and_mend():
    error = BadInput("--start", "'2024-13-01' is not a date.", "Write it as 2024-01-31.")
    assert str(error) == "--start: '2024-13-01' is not a date. Write it as 2024-01-31."
    assert (error.field, error.fix) == ("--start", "Write it as 2024-01-31.")


def test_bad_input_without_a_mend_ends_with_its_message():
    assert str(BadInput("end", "is missing.")) == "end: is missing."


@pytest.mark.parametrize("kind", [FlowInvalid, UnknownName, RangeUnavailable, BadData])
def test_what_the_user_can_mend_is_bad_input(kind):
    assert issubclass(kind, BadInput)


@pytest.mark.parametrize("kind", [Unavailable, NeedsOperator, Cancelled])
def test_what_the_user_cannot_mend_is_not(kind):
    assert issubclass(kind, SluiceError)
    assert not issubclass(kind, BadInput)


def test_bad_data_names_its_rule():
    error = BadData("SPY", "not_positive", "7 of 9 bars were dropped.", "Mend the data.")
    assert str(error) == "SPY: [not_positive] 7 of 9 bars were dropped. Mend the data."
    assert error.rule == "not_positive"


def test_an_invalid_flow_shows_its_first_problem_and_counts_the_others():
    problems = [
        Problem("root.then", "has no symbol.", "Name one."),
        Problem("root.else", "has two."),
        Problem("root", "is deep.", severity="warning"),
    ]
    error = FlowInvalid(problems)
    assert str(error) == "root.then: has no symbol. Name one. (2 more)"
    assert error.problems == tuple(problems)
    assert str(FlowInvalid(problems[1:2])) == "root.else: has two."


def test_an_unknown_name_comes_with_the_nearest_known_ones():
    error = UnknownName("symbols", "symbol", "SPYY", ["SPY", "TLT"])
    assert str(error) == "symbols: symbol 'SPYY' does not exist. Did you mean 'SPY'?"
    assert error.name == "SPYY"


@pytest.mark.parametrize(
    ("name", "known", "sentence"),
    [
        ("smaa", ["sma", "ema", "smma"], "Did you mean 'sma' or 'smma'?"),
        ("xyz", ["sma", "ema"], "Choose one of ema, sma."),
        ("xyz", [], "There is none to choose from."),
        ("xyz", "abcdefghijklmn", "Choose one of a, b, c, d, e, f, g, h, i, j, k, l, …."),
    ],
)
def test_a_suggestion_is_a_sentence(name, known, sentence):
    assert suggestion(name, known) == sentence
