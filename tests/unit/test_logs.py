"""Log lines: fields are named, secrets never appear."""

from __future__ import annotations

import logging

import pytest

from core.logs import LineFormatter, Redaction
from core.settings import Settings

SECRET = "correct horse/battery"


@pytest.fixture
def formatter() -> LineFormatter:
    settings = Settings(
        database_url=f"postgresql://me:{SECRET.replace('/', '%2F')}@host/db",  # type: ignore[arg-type]
        alpaca_secret_key=SECRET,  # type: ignore[arg-type]
    )
    return LineFormatter(Redaction(settings))


def record(message: str, *args: object, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("core.thing", logging.INFO, __file__, 1, message, args, None)
    vars(made).update(fields)
    return made


def test_a_line_names_its_fields(formatter: LineFormatter) -> None:
    line = formatter.format(record("sent %d", 3, action="send", note="two words"))
    assert line.endswith("INFO core.thing: sent 3 action=send note='two words'") or line.endswith(
        'INFO core.thing: sent 3 action=send note="two words"'
    )


def test_secrets_are_hidden_wherever_they_stand(formatter: LineFormatter) -> None:
    try:
        raise ValueError(f"bad key {SECRET}")
    except ValueError as err:
        failed = record("with %s", SECRET, field=SECRET)
        failed.exc_info = (type(err), err, err.__traceback__)
    text = formatter.format(failed)
    assert "battery" not in text
    assert text.count("[secret]") >= 3


def test_a_password_is_hidden_in_both_spellings(formatter: LineFormatter) -> None:
    text = formatter.format(record("%s and %s", SECRET, SECRET.replace("/", "%2F")))
    assert "battery" not in text
