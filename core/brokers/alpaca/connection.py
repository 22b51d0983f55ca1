"""The two servers of one Alpaca account, opened at first use: alpaca-py takes a second to load."""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from core.brokers.alpaca.login import DATA_SETTING, TRADING_SETTING, TRADING_URLS, Login
from core.brokers.alpaca.pace import Pace
from core.clock import Clock
from core.errors import KeysRefused, NeedsOperator, SluiceError, Unavailable
from core.market.patience import Limited, Passing, Patience, Sleep
from core.market.refusal import Refusal

if TYPE_CHECKING:
    from core.market.alpaca_rest import AlpacaRest

Answer = TypeVar("Answer")
Params = Mapping[str, Any]

_log = logging.getLogger(__name__)


def as_is(answer: Any) -> Any:
    return answer


class Connection:
    """Patient reads of both servers, and the trading server's bare ``trading`` for writes.

    A read's ``then`` makes something of the answer and may raise ``Passing`` where it cannot, so
    that half an answer is asked for again.
    """

    def __init__(
        self,
        login: Login,
        clock: Clock,
        *,
        timeout_seconds: float = 20.0,
        sleep: Sleep = time.sleep,
        tries: int = 3,
        longest_wait_seconds: float = 90.0,
    ) -> None:
        self._login = login
        self._timeout_seconds = timeout_seconds
        self._patience = Patience(
            vendor="Alpaca",
            clock=clock,
            sleep=sleep,
            tries=tries,
            longest_wait_seconds=longest_wait_seconds,
        )
        self._trading_pace, self._data_pace = Pace(clock), Pace(clock)
        self._opening = threading.Lock()
        self._opened: dict[str, AlpacaRest] = {}

    def read(self, path: str, params: Params, then: Callable[[Any], Answer]) -> Answer:
        """From the trading server; Unavailable or NeedsOperator when there is none."""
        found = self.find(path, params, then)
        if found is None:
            raise _wrong_address(TRADING_SETTING, "trading API", TRADING_URLS[self._login.mode])
        return found

    def find(self, path: str, params: Params, then: Callable[[Any], Answer]) -> Answer | None:
        """The same, None for Alpaca's own 404. Anybody else's 404 is no answer."""
        return self._ask(lambda: self.trading, self._trading_pace, path, params, then)

    def read_data(self, path: str, params: Params) -> Any:
        """From the data server."""
        found = self._ask(self._data, self._data_pace, path, params, as_is)
        if found is None:
            raise _wrong_address(DATA_SETTING, "data API", "https://data.alpaca.markets")
        return found

    @property
    def trading(self) -> AlpacaRest:
        """The trading server without patience, for writes."""
        return self._open("trading", self._make_trading)

    def close(self) -> None:
        with self._opening:
            for rest in self._opened.values():
                rest.close()
            self._opened.clear()

    def _ask(
        self,
        server: Callable[[], AlpacaRest],
        pace: Pace,
        path: str,
        params: Params,
        then: Callable[[Any], Answer],
    ) -> Answer | None:
        def once() -> Answer | None:
            pace.before_read()
            try:
                return then(server().get(path, params))
            except Refusal as refusal:
                if refusal.status == 404 and refusal.said is not None:
                    return None
                raise _translated(refusal) from refusal

        return self._patience.read(once, _tell)

    def _data(self) -> AlpacaRest:
        return self._open("data", self._make_data)

    def _open(self, name: str, make: Callable[[], AlpacaRest]) -> AlpacaRest:
        with self._opening:
            if name not in self._opened:
                self._opened[name] = make()
            return self._opened[name]

    def _make_trading(self) -> AlpacaRest:
        with warnings.catch_warnings():
            # alpaca-py imports websockets.legacy, which warns; nothing of it is used here.
            warnings.simplefilter("ignore", DeprecationWarning)
            from alpaca.trading.client import TradingClient
        client = TradingClient(
            *self._login.secrets,
            paper=self._login.mode == "paper",
            raw_data=True,
            url_override=self._login.trading_url,
        )
        return self._rest(client, TRADING_SETTING, self._trading_pace)

    def _make_data(self) -> AlpacaRest:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            from alpaca.data.historical.stock import StockHistoricalDataClient
        client = StockHistoricalDataClient(
            *self._login.secrets, raw_data=True, url_override=self._login.data_url
        )
        return self._rest(client, DATA_SETTING, self._data_pace)

    def _rest(self, client: Any, url_setting: str, pace: Pace) -> AlpacaRest:
        from core.market.alpaca_rest import AlpacaRest

        return AlpacaRest(
            client,
            secrets=self._login.secrets,
            url_setting=url_setting,
            timeout_seconds=self._timeout_seconds,
            heard=pace.hear,
        )


def _translated(refusal: Refusal) -> SluiceError | Passing | Limited:
    """What a refused read means."""
    if refusal.status == 401 or (refusal.status == 403 and refusal.said is not None):
        return KeysRefused(
            "keys",
            f"Alpaca refuses the keys (HTTP {refusal.status}{refusal.colon_said}).",
            "Enter key id and secret again, both of one pair. Alpaca shows a secret only once, "
            "when it makes the pair; resetting a paper account makes its old keys invalid.",
        )
    return refusal.passing() or Unavailable(
        f"Alpaca answered with HTTP {refusal.status}{refusal.colon_said}. Try again later."
    )


def _wrong_address(setting: str, what: str, own: str) -> NeedsOperator:
    return NeedsOperator(
        f"{setting} is not Alpaca's {what} (HTTP 404). Leave it unset, or write {own}."
    )


def _tell(doing: str) -> None:
    _log.debug(doing, extra={"action": "wait"})
