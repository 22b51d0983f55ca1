"""Adapters by name: which source and which broker is real. Only core.bootstrap asks here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from core.errors import BadInput, NeedsOperator, UnknownName

if TYPE_CHECKING:
    from core.accounts.account import Account
    from core.bootstrap.live import LiveServices
    from core.bootstrap.market import MarketServices
    from core.brokers.base import Broker, Mode, OrderStream
    from core.market.source import MarketSource


def _demo(services: MarketServices, _path: Path | None) -> MarketSource:
    from core.market.sources.demo import DemoSource

    return DemoSource(services.clock)


def _files(services: MarketServices, path: Path | None) -> MarketSource:
    if path is None:
        raise BadInput("--data", "the source 'files' needs a file or folder.", "Add --data PATH.")
    from core.market.sources.files import FilesSource

    return FilesSource(path, cache=services.settings.home / "cache" / "files")


def _yahoo(services: MarketServices, _path: Path | None) -> MarketSource:
    from core.market.sources.yahoo import YahooSource

    settings = services.settings
    vendor = YahooSource(
        settings.home / "cache" / "yahoo",
        clock=services.clock,
        timeout_seconds=settings.vendor_timeout_seconds,
    )
    return services.cached(vendor, "chart")


def _alpaca(services: MarketServices, _path: Path | None) -> MarketSource:
    return _alpaca_data(services, *_environment(services))


def _alpaca_data(
    services: MarketServices, key_id: str | None, secret_key: str | None
) -> MarketSource:
    from core.market.sources.alpaca import AlpacaSource

    settings = services.settings
    vendor = AlpacaSource(
        key_id,
        secret_key,
        clock=services.clock,
        url=settings.alpaca_data_url,
        feed=settings.alpaca_feed,
        timeout_seconds=settings.vendor_timeout_seconds,
    )
    return services.cached(vendor, settings.alpaca_feed)


def _bybit(services: MarketServices, _path: Path | None) -> MarketSource:
    from core.market.sources.bybit import BybitSource

    settings = services.settings
    vendor = BybitSource(
        clock=services.clock,
        url=settings.bybit_url,
        timeout_seconds=settings.vendor_timeout_seconds,
    )
    return services.cached(vendor, "linear")


_SOURCES: dict[str, Callable[[MarketServices, Path | None], MarketSource]] = {
    "demo": _demo,
    "files": _files,
    "yahoo": _yahoo,
    "alpaca": _alpaca,
    "bybit": _bybit,
}
SOURCE_NAMES = tuple(_SOURCES)


def make_source(services: MarketServices, name: str, path: Path | None) -> MarketSource:
    """Raises UnknownName, or BadInput for ``files`` without a path."""
    make = _SOURCES.get(name)
    if make is None:
        raise UnknownName("--source", "source", name, _SOURCES)
    return make(services, path)


def make_own_source(services: LiveServices, account: Account) -> MarketSource:
    """The data of the account's own broker, read with the account's keys."""
    return _alpaca_data(services, *_keys(services, account))


# -- brokers -------------------------------------------------------------------------------------


def _paper(services: LiveServices, account: Account, source: MarketSource | None) -> Broker:
    from core.brokers.paper import PaperBroker, PaperOptions
    from core.db.paper_books import PaperBooks

    market = source or services.source_of(account)
    options = PaperOptions(**account.options)
    books = PaperBooks(services.database.engine)
    return PaperBroker(account.id, books, market, services.clock, options)


def _alpaca_broker(
    services: LiveServices,
    mode: Mode,
    key_id: str | None,
    secret_key: str | None,
    hasty: bool = False,
) -> Broker:
    from core.brokers.alpaca import AlpacaBroker

    settings = services.settings
    patience: dict[str, Any] = {"tries": 1, "longest_wait_seconds": 10.0} if hasty else {}
    return AlpacaBroker(
        key_id,
        secret_key,
        clock=services.clock,
        mode=mode,
        trading_url=settings.alpaca_trading_url,
        data_url=settings.alpaca_data_url,
        feed=settings.alpaca_feed,
        timeout_seconds=settings.vendor_timeout_seconds,
        **patience,
    )


def make_broker(
    services: LiveServices, account: Account, source: MarketSource | None, *, hasty: bool = False
) -> Broker:
    """Raises NeedsOperator for keys that are missing or contradict the account's mode. A ``hasty``
    one reads once and waits little: for a person who looks on."""
    if account.broker == "paper":
        return _paper(services, account, source)
    return _alpaca_broker(services, account.mode, *_keys(services, account), hasty)


def make_keyed_broker(services: LiveServices, mode: Mode, keys: Mapping[str, str] | None) -> Broker:
    """A hasty one for keys that are not stored; None: those of the environment."""
    if keys is None:
        return _alpaca_broker(services, mode, *_environment(services), hasty=True)
    return _alpaca_broker(services, mode, keys.get("key_id"), keys.get("secret_key"), hasty=True)


def make_order_stream(services: LiveServices, account: Account) -> OrderStream | None:
    """It listens from now until it is closed."""
    if account.broker != "alpaca":
        return None
    from core.brokers.alpaca import AlpacaOrderStream

    settings = services.settings
    key_id, secret_key = _keys(services, account)
    return AlpacaOrderStream(
        key_id,
        secret_key,
        mode=account.mode,
        trading_url=settings.alpaca_trading_url,
        stream_url=settings.alpaca_stream_url,
    )


def _keys(services: LiveServices, account: Account) -> tuple[str | None, str | None]:
    """The account's own keys, opened here and nowhere else; the environment's where it has none."""
    if account.sealed is None:
        return _environment(services)
    opened = services.vault.open(account.sealed)
    try:
        return opened["key_id"].get_secret_value(), opened["secret_key"].get_secret_value()
    except KeyError:
        reason = f"The keys of {account.name} are incomplete: enter them again."
        raise NeedsOperator(reason) from None


def _environment(services: MarketServices) -> tuple[str | None, str | None]:
    settings = services.settings
    return _secret(settings.alpaca_key_id), _secret(settings.alpaca_secret_key)


def _secret(value: SecretStr | None) -> str | None:
    return None if value is None else value.get_secret_value()
