"""Every setting: meaning, unit, default. Each is the environment variable ``SLUICE_<NAME>``."""

from __future__ import annotations

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
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    clock: AwareDatetime | None = Field(
        None,
        description="Instant at which this process's clock starts; refused with a live account.",
    )

    database_url: SecretStr | None = Field(
        None, description="A Postgres server, postgresql://…; embedded Postgres when absent."
    )
    redis_url: SecretStr | None = Field(
        None, description="A Redis server, redis://…, as a bar cache shared between hosts."
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

    alpaca_key_id: SecretStr | None = None
    alpaca_secret_key: SecretStr | None = None
    alpaca_trading_url: str | None = None
    alpaca_data_url: str | None = None
    alpaca_feed: Literal["iex", "sip"] = Field(
        "iex", description="Alpaca's data feed; sip needs a paid plan for recent bars."
    )
    bybit_key: SecretStr | None = None
    bybit_secret: SecretStr | None = None
    bybit_url: str | None = None
    bybit_public_ws_url: str | None = None
    bybit_private_ws_url: str | None = None

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
