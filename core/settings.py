"""Every setting: meaning, unit, default. Each is the environment variable ``SLUICE_<NAME>``."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.clock import Clock, clock_from, system_clock
from core.errors import NeedsOperator

PROJECT_ROOT = Path(__file__).resolve().parents[1]


class Settings(BaseSettings):
    """Read once at the edge of a process and passed inwards; frozen."""

    model_config = SettingsConfigDict(env_prefix="SLUICE_", frozen=True, env_ignore_empty=True)

    home: Path = Field(
        PROJECT_ROOT / ".sluice", description="Folder of embedded Postgres, caches and logs."
    )
    host: str = Field("127.0.0.1", description="Address the web server listens on.")
    port: int = Field(8501, ge=1, le=65535, description="Port of the web server.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least important message that is logged."
    )
    clock: AwareDatetime | None = Field(
        None,
        description="Instant at which this process's clock starts; refused with a live account.",
    )

    no_demo: bool = Field(
        False, description="No example strategies and no demo account for a new user."
    )

    database_url: SecretStr | None = Field(
        None, description="A Postgres server, postgresql://…; embedded Postgres when absent."
    )
    redis_url: SecretStr | None = Field(
        None, description="A Redis server, redis://…, as a bar cache shared between hosts."
    )
    vault_key: SecretStr | None = Field(
        None,
        description="Keys that seal stored secrets, newest first, with commas between; "
        "`vault.key` in the home when absent.",
    )

    cache_settle_sessions: int = Field(
        2, ge=1, description="A bar this many sessions old is settled and cached for good."
    )
    vendor_timeout_seconds: float = Field(
        20.0, gt=0, description="Longest wait for one answer of a data vendor or broker."
    )
    data: Path | None = Field(
        None, description="File or folder that the pages offer first for the source Files."
    )
    backtest_retention_days: int = Field(
        90, ge=1, description="Saved backtests older than this are deleted, pinned ones never."
    )

    sweep_retention_days: int = Field(
        30, ge=1, description="Ended sweeps older than this are deleted, pinned ones never."
    )
    worker_threads: int = Field(
        0, ge=0, le=256, description="Jobs a worker does at a time; 0 is one for each core."
    )

    crash_at: str = Field(
        "", description="For drills: the point of a trade window at which its process kills itself."
    )

    alpaca_key_id: SecretStr | None = Field(None, description="Alpaca's API key id.")
    alpaca_secret_key: SecretStr | None = Field(None, description="The secret to that key.")
    alpaca_trading_url: str | None = Field(
        None, description="Alpaca's trading API; its paper address when absent."
    )
    alpaca_stream_url: str | None = Field(
        None, description="Alpaca's stream of order updates; by its trading address when absent."
    )
    alpaca_data_url: str | None = Field(
        None, description="Alpaca's data API; its own address when absent."
    )
    alpaca_feed: Literal["iex", "sip"] = Field(
        "iex", description="Alpaca's data feed; sip needs a paid plan for recent bars."
    )
    bybit_key: SecretStr | None = Field(
        None, description="Bybit's API key; market data needs none."
    )
    bybit_secret: SecretStr | None = Field(None, description="The secret to that key.")
    bybit_url: str | None = Field(
        None, description="Bybit's REST API; its own address when absent."
    )
    bybit_public_ws_url: str | None = Field(
        None, description="Bybit's public stream; its own address when absent."
    )
    bybit_private_ws_url: str | None = Field(
        None, description="Bybit's private stream; its own address when absent."
    )

    def make_clock(self) -> Clock:
        """The process's clock: the machine's, or one that starts at ``SLUICE_CLOCK``."""
        start: datetime | None = self.clock
        return system_clock if start is None else clock_from(start)


def load_settings() -> Settings:
    """Settings from the environment.

    Raises NeedsOperator naming each variable that cannot be read; values are never shown, they
    may be secrets.
    """
    try:
        return Settings()
    except ValidationError as err:
        lines = [f"SLUICE_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in err.errors()]
        raise NeedsOperator("Settings cannot be read. " + "; ".join(lines)) from None


_INTRODUCTION = """# Settings

Made from the code by `make docs`.

Settings are environment variables, read once when a process starts. None is needed to begin. A
value that cannot be read stops the process with a message that names the variable; values of
secrets are never shown or logged.

| variable | meaning | default |
|---|---|---|
"""


def document() -> str:
    """docs/settings.md, in Markdown."""
    rows = []
    for name, field in Settings.model_fields.items():
        shown = "none" if field.default is None else f"`{field.default}`"
        if name == "home":
            shown = "`.sluice` in the checkout"
        rows.append(f"| `SLUICE_{name.upper()}` | {field.description} | {shown} |\n")
    return _INTRODUCTION + "".join(rows)


if __name__ == "__main__":
    sys.stdout.write(document())
