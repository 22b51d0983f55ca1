"""What Alpaca's refusal of an order means. Only an answer in its own words is one."""

from __future__ import annotations

from core.brokers.base import Exists, RefusalKind, Refused, SendOutcome, Unknown
from core.market.refusal import Refusal

# Read in this order; each is a part of what Alpaca writes, in small letters.
_WORDS: tuple[tuple[str, RefusalKind], ...] = (
    ("wash trade", "wash_trade"),
    ("opposite side", "wash_trade"),
    ("while a short sell order is open", "wash_trade"),
    ("while a long buy order is open", "wash_trade"),
    ("insufficient", "funds"),
    ("buying power", "funds"),
    ("rejected by user request", "account"),
    ("account is", "account"),
    ("account has been", "account"),
    ("not authorized", "account"),
    ("unauthorized", "account"),
    ("forbidden", "account"),
    ("trading is", "account"),
    ("not fractionable", "invalid"),
    ("not tradable", "invalid"),
    ("not active", "invalid"),
    ("not found", "invalid"),
    ("cannot be sold short", "invalid"),
    ("not allowed to short", "invalid"),
)


def outcome(refusal: Refusal, wait_seconds: float | None) -> SendOutcome:
    """The outcome of a POST that was answered with a status other than 2xx.

    429 and 5xx leave open whether the order is there; so does any answer that is not Alpaca's own,
    because nobody knows what happened behind whoever wrote it.
    """
    status, said = refusal.status, (refusal.said or "").lower()
    if status == 429:
        return Unknown("Alpaca limits how often it may be asked.", wait_seconds)
    if status == 401:
        return Refused("account", _reason(refusal), refusal.request_id)
    if not 400 <= status < 500 or status in (408, 409) or refusal.said is None:
        return Unknown(f"Alpaca answered with HTTP {status}.")
    if "client_order_id" in said and ("unique" in said or "already" in said):
        return Exists()
    for part, kind in _WORDS:
        if part in said:
            return Refused(kind, _reason(refusal), refusal.request_id)
    fallback: RefusalKind = "invalid" if status in (400, 404, 422) else "other"
    return Refused(fallback, _reason(refusal), refusal.request_id)


def _reason(refusal: Refusal) -> str:
    return f"Alpaca refused the order (HTTP {refusal.status}{refusal.colon_said})."
