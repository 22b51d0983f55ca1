"""What Alpaca's trading and data servers have in common: keys, the rate limit, request ids."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from core.clock import Clock
from tests.fakes.server import Act, Call, Exchange, FakeServer, Reply

KEY_ID = "PKFAKE5KEYID7EXAMPLE"
SECRET_KEY = "fAkeSecret0Alpaca1Key2Never3Shown4Anywhere"


class Refused(Exception):
    """A status other than 200 and its body."""

    def __init__(self, code: int, content: dict[str, Any]) -> None:
        self.code = code
        self.content = content
        super().__init__(code, content)


class AlpacaServer(FakeServer):
    """Counts requests by its own clock's minutes; 429 begins above ``requests_per_minute``."""

    wrong_keys = Refused(403, {"message": "forbidden."})

    def __init__(
        self,
        clock: Clock,
        *,
        requests_per_minute: int = 200,
        keys: tuple[str, str] = (KEY_ID, SECRET_KEY),
    ) -> None:
        super().__init__(clock)
        self.requests_per_minute = requests_per_minute
        self.keys = keys
        self._window, self._used = clock(), 0

    def content(self, call: Call) -> Any:
        """What is answered with 200, or a whole ``Reply``; raises ``Refused``."""
        raise NotImplementedError

    def answer(self, call: Call) -> Reply:
        headers = self._count(call)
        try:
            self._allow(call)
            content: Any = self.content(call)
        except Refused as refused:
            content = Reply.of(refused.content, refused.code)
        reply = content if isinstance(content, Reply) else Reply.of(content)
        reply.headers |= headers
        return reply

    def _count(self, call: Call) -> dict[str, str]:
        with self._lock:
            if call.at >= self._window + timedelta(minutes=1):
                self._window, self._used = call.at, 0
            self._used += 1
            used, window = self._used, self._window
        return {
            "X-RateLimit-Limit": str(self.requests_per_minute),
            "X-RateLimit-Remaining": str(max(0, self.requests_per_minute - used)),
            "X-RateLimit-Reset": str(int(window.timestamp()) + 60),
            "X-Request-ID": f"{len(self.journal):032x}",
        }

    def _allow(self, call: Call) -> None:
        keys = call.headers.get("APCA-API-KEY-ID"), call.headers.get("APCA-API-SECRET-KEY")
        if keys != self.keys:
            raise self.wrong_keys
        if self._used > self.requests_per_minute:
            raise Refused(429, {"message": "too many requests."})


def rate_limited(seconds: float) -> Act:
    """429 with a reset ``seconds`` ahead of the fake's clock (behind it when negative)."""

    def act(exchange: Exchange) -> Reply:
        reset = int(exchange.server.clock().timestamp() + seconds)
        return Reply.of({"message": "too many requests."}, 429, X_RateLimit_Reset=str(reset))

    return act
