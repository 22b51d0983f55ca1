"""What Bybit says about a contract, read tolerantly."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from core.market.source import Instrument
from core.market.sources.bybit.stamps import instant

_log = logging.getLogger(__name__)

# Text a perpetual cannot be traded without: where Instrument has it, and where Bybit.
_NEEDED = {
    "tick_size": ("priceFilter", "tickSize"),
    "quantity_step": ("lotSizeFilter", "qtyStep"),
    "min_quantity": ("lotSizeFilter", "minOrderQty"),
}


def read_instrument(entry: Mapping[str, Any]) -> Instrument | None:
    """One entry of instruments-info; None for a dated future.

    Unknown fields are ignored, ``""`` is unknown. An entry that lacks what trading needs is left
    out with a warning, so that one odd contract does not cost the whole list.
    """
    if not isinstance(entry, Mapping) or entry.get("contractType") == "LinearFutures":
        return None
    symbol = entry.get("symbol")
    needed = {field: _text(entry.get(group), key) for field, (group, key) in _NEEDED.items()}
    if not symbol or not all(needed.values()):
        _log.warning("Bybit describes %s without %s: left out", symbol or "a contract", needed)
        return None
    listed = instant(entry.get("launchTime"))
    interval = entry.get("fundingInterval")
    return Instrument(
        symbol=str(symbol),
        base=_text(entry, "baseCoin") or "",
        quote=_text(entry, "quoteCoin") or "",
        status=_text(entry, "status") or "",
        tick_size=needed["tick_size"] or "",
        quantity_step=needed["quantity_step"] or "",
        min_quantity=needed["min_quantity"] or "",
        min_notional=_text(entry.get("lotSizeFilter"), "minNotionalValue"),
        max_leverage=_text(entry.get("leverageFilter"), "maxLeverage"),
        funding_interval_minutes=interval if isinstance(interval, int) and interval > 0 else None,
        listed=listed.date() if listed else None,
    )


def _text(group: object, key: str) -> str | None:
    """Text under ``key``; None where it is missing, null or empty."""
    value = group.get(key) if isinstance(group, Mapping) else None
    return str(value) if value not in (None, "") else None
