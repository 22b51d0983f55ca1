"""Settings come from SLUICE_ variables, and say which cannot be read without showing it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.clock import system_clock
from core.errors import NeedsOperator
from core.settings import PROJECT_ROOT, Settings, load_settings


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in list(os.environ):
        if name.startswith("SLUICE_"):
            monkeypatch.delenv(name)


def test_without_variables_there_are_defaults():
    settings = load_settings()
    assert settings.home == PROJECT_ROOT / ".sluice"
    assert (settings.host, settings.port) == ("127.0.0.1", 8501)
    assert settings.cache_settle_sessions == 2
    assert settings.database_url is None
    assert settings.make_clock() is system_clock


def test_a_variable_sets_its_field(monkeypatch):
    monkeypatch.setenv("SLUICE_HOME", "/srv/sluice")
    monkeypatch.setenv("SLUICE_ALPACA_FEED", "sip")
    settings = load_settings()
    assert settings.home == Path("/srv/sluice")
    assert settings.alpaca_feed == "sip"


def test_an_empty_variable_counts_as_not_set(monkeypatch):
    monkeypatch.setenv("SLUICE_REDIS_URL", "")
    assert load_settings().redis_url is None


def test_the_clock_starts_where_it_is_told_to(monkeypatch):
    monkeypatch.setenv("SLUICE_CLOCK", "2024-07-03T16:50:00Z")
    clock = load_settings().make_clock()
    assert (clock() - datetime(2024, 7, 3, 16, 50, tzinfo=UTC)).total_seconds() < 300


def test_every_variable_that_cannot_be_read_is_named_and_none_is_shown(monkeypatch):
    monkeypatch.setenv("SLUICE_PORT", "eighty")
    monkeypatch.setenv("SLUICE_CLOCK", "2024-07-03T16:50:00")
    monkeypatch.setenv("SLUICE_ALPACA_FEED", "psst-a-secret")
    with pytest.raises(NeedsOperator) as caught:
        load_settings()
    said = str(caught.value)
    assert all(name in said for name in ("SLUICE_PORT", "SLUICE_CLOCK", "SLUICE_ALPACA_FEED"))
    assert "psst" not in said
    assert "eighty" not in said


def test_secrets_are_not_shown(monkeypatch):
    monkeypatch.setenv("SLUICE_ALPACA_SECRET_KEY", "psst")
    monkeypatch.setenv("SLUICE_DATABASE_URL", "postgresql://me:psst@db/sluice")
    settings = load_settings()
    assert "psst" not in f"{settings!r} {settings}"
    assert settings.alpaca_secret_key.get_secret_value() == "psst"


def test_settings_do_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 80
