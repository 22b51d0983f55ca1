"""Which account at Alpaca: keys, mode and addresses that must agree, checked before any request.

Alpaca's key ids say what they are for: PK… paper, AK… live. A key of one kind with the address of
the other is refused here, because the cheapest way to lose money is a live key in a paper setting.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from core.brokers.base import Mode
from core.errors import KeysRefused, NeedsOperator

HOSTS: dict[str, Mode] = {"paper-api.alpaca.markets": "paper", "api.alpaca.markets": "live"}
TRADING_URLS: dict[Mode, str] = {mode: f"https://{host}" for host, mode in HOSTS.items()}
PREFIXES: dict[str, Mode] = {"PK": "paper", "AK": "live"}

TRADING_SETTING = "SLUICE_ALPACA_TRADING_URL"
DATA_SETTING = "SLUICE_ALPACA_DATA_URL"
STREAM_SETTING = "SLUICE_ALPACA_STREAM_URL"

_NAMES = {"key_id": "key id", "secret_key": "secret key"}


@dataclass(frozen=True, slots=True)
class Login:
    """Keys that fit their mode and addresses.

    ``trading_url`` and ``stream_url`` are whole; ``data_url`` is None for Alpaca's own.
    """

    key_id: str = field(repr=False)
    secret_key: str = field(repr=False)
    mode: Mode
    trading_url: str
    data_url: str | None
    stream_url: str

    @property
    def secrets(self) -> tuple[str, str]:
        return self.key_id, self.secret_key


def check_login(
    key_id: str | None,
    secret_key: str | None,
    *,
    mode: Mode,
    trading_url: str | None = None,
    data_url: str | None = None,
    stream_url: str | None = None,
) -> Login:
    """The login, addresses filled in; NeedsOperator when keys lack or something contradicts."""
    key_id, secret_key = _written("key_id", key_id), _written("secret_key", secret_key)
    of = PREFIXES.get(key_id[:2].upper())
    if of is not None and of != mode:
        raise KeysRefused(
            "key_id",
            f"This is a key of a {of} account (it begins with {key_id[:2].upper()}), but the "
            f"account is set to {mode}.",
            f"Use the {mode} account's keys, or change the mode.",
        )
    if PREFIXES.get(secret_key[:2].upper()) and len(secret_key) <= len(key_id):
        raise KeysRefused(
            "secret_key",
            f"This looks like a key id (it begins with {secret_key[:2].upper()}).",
            "The secret is the longer of the two, shown once when Alpaca makes the pair.",
        )
    trading = _address(trading_url or TRADING_URLS[mode], TRADING_SETTING, ("http", "https"), mode)
    stream_default = trading.replace("http", "ws", 1) + "/stream"
    stream = _address(stream_url or stream_default, STREAM_SETTING, ("ws", "wss"), mode)
    data = _address(data_url, DATA_SETTING, ("http", "https"), mode) if data_url else None
    return Login(key_id, secret_key, mode, trading, data, stream)


def _written(field: str, value: str | None) -> str:
    """A key as it may be sent: letters and digits without blanks around or in it."""
    name = _NAMES[field]
    if not value or not value.strip():
        raise KeysRefused(
            field,
            f"An Alpaca account needs a key id and its secret key; the {name} is missing.",
            "Alpaca's dashboard makes both; paper and live accounts have different ones.",
        )
    value = value.strip()
    if not value.isascii() or not value.isprintable() or " " in value:
        raise KeysRefused(
            field,
            f"The {name} has blanks or signs in it that no key of Alpaca's has.",
            "Copy it again, without what stands around it.",
        )
    return value


def _address(url: str, setting: str, schemes: tuple[str, ...], mode: Mode) -> str:
    """``url`` without its last slash and version, of this mode and safe to send keys to."""
    parts = urlsplit(url.strip())
    if parts.scheme not in schemes or not parts.hostname:
        raise NeedsOperator(f"{setting} is not an address. Write {schemes[-1]}://….")
    meant = HOSTS.get(parts.hostname)
    if meant is not None and meant != mode:
        raise NeedsOperator(
            f"{setting} is Alpaca's {meant} address, but the account is set to {mode}. "
            "Leave it unset, or change the mode."
        )
    if parts.scheme in ("http", "ws") and not _is_loopback(parts):
        raise NeedsOperator(
            f"{setting} begins with {parts.scheme}://, which would send the keys unprotected. "
            f"Write {schemes[-1]}://…."
        )
    return url.strip().rstrip("/").removesuffix("/v2").rstrip("/")


def _is_loopback(parts: SplitResult) -> bool:
    if parts.hostname == "localhost":
        return True
    try:
        return ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
