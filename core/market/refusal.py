"""What a vendor's REST server says no with, and how often it may be asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.market.patience import Limited, Passing


class Refusal(Exception):
    """A status other than 2xx.

    ``said``  the vendor's own message without the keys; None when the body is not its JSON, so
              that somebody else may have answered (a proxy, a load balancer, a wrong address)
    ``code``  its number within the body, where it sent one
    """

    def __init__(
        self,
        status: int,
        *,
        said: str | None = None,
        code: int | None = None,
        request_id: str | None = None,
        reset: datetime | None = None,
    ) -> None:
        self.status = status
        self.said = said
        self.code = code
        self.request_id = request_id
        self.reset = reset
        super().__init__(f"HTTP {status}{self.colon_said}")

    @property
    def colon_said(self) -> str:
        """``: what it said``, or nothing."""
        return f": {self.said}" if self.said else ""

    def passing(self) -> Passing | Limited | None:
        """For a read: the failure to try again after, or None when asking again is no use."""
        if self.status == 429:
            return Limited(self.reset)
        if self.status >= 500 or self.status == 408 or (self.said is None and self.status != 401):
            return Passing(f"answered with HTTP {self.status}")
        return None


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many more requests are taken until ``resets_at``, by the headers of an answer."""

    limit: int
    remaining: int
    resets_at: datetime
