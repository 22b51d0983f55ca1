"""Alpaca's account activities: what changed the account without an order of ours.

Corporate actions come as two entries, the old shares out and the new shares in (``SPLIT``,
``NC``). Where both are there they become one activity with its ratio or its new symbol; a lone one
is passed on without, so that whoever books it knows that something is missing. Its id is made of
the ids of its entries, so it is the same each time it is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, time
from decimal import Decimal

from core.brokers.alpaca.values import NEW_YORK, Row, day, instant, number, say_once, text
from core.brokers.base import Activity, ActivityKind
from core.market.patience import Passing

_KINDS: dict[str, ActivityKind] = {
    **dict.fromkeys(
        (
            *("DIV", "DIVCGL", "DIVCGS", "DIVFEE", "DIVFT", "DIVNRA", "DIVROC", "DIVTW"),
            *("DIVTXEX", "CGD"),
        ),
        "dividend",
    ),
    **dict.fromkeys(("SPLIT", "SSP"), "split"),
    **dict.fromkeys(("FEE", "CFEE", "PTC", "PTR"), "fee"),
    **dict.fromkeys(("INT", "INTNRA", "INTTW"), "interest"),
    **dict.fromkeys(
        ("CSD", "CSW", "CSR", "TRANS", "JNL", "JNLC", "JNLS", "ACATC", "ACATS"), "transfer"
    ),
    "NC": "rename",
    **dict.fromkeys(
        (
            *("MA", "REO", "REORG", "SC", "SPIN", "SSO", "VOF", "MISC", "FIMAT"),
            *("OPASN", "OPEXP", "OPEXC", "OPXRC", "OPTRD", "OPCA"),
        ),
        "other",
    ),
}
_CHANGED: dict[str, ActivityKind] = {
    "trade_bust": "bust",
    "trade_correct": "correction",
    "canceled": "bust",
    "correct": "correction",
}


def activities(entries: Iterable[Row]) -> tuple[Activity, ...]:
    """Oldest first, those of one instant in Alpaca's order; fills are left out, as orders tell of
    them."""
    groups: dict[tuple[object, ...], list[Activity]] = defaultdict(list)
    for entry in entries:
        activity = _activity(entry)
        if activity is not None:
            groups[_belongs(entry, activity)].append(activity)
    found = [activity for group in groups.values() for activity in _joined(group)]
    return tuple(sorted(found, key=lambda activity: activity.at))


def _activity(entry: Row) -> Activity | None:
    word = text(entry.get("activity_type")) or ""
    kind = _CHANGED.get(text(entry.get("type")) or "") or _CHANGED.get(
        text(entry.get("status")) or ""
    )
    if kind is None and word in ("FILL", "TRD"):
        return None
    if kind is None:
        kind = _KINDS.get(word)
    if kind is None:
        say_once("activity", word)
        kind = "other"
    quantity = number(entry.get("qty"))
    if kind == "dividend":
        if text(entry.get("activity_subtype")) == "SDIV":
            kind = "split"  # paid in shares, at a ratio that is not said
        else:
            quantity = None  # the shares that earned it: no change of shares
    own_id, at = text(entry.get("id")), _at(entry)
    if own_id is None or at is None:
        raise Passing("sent an activity without id or date")
    return Activity(
        id=own_id,
        kind=kind,
        at=at,
        symbol=text(entry.get("symbol")),
        cash=number(entry.get("net_amount")),
        quantity=quantity,
        text=" ".join(filter(None, (word, text(entry.get("description"))))),
    )


def _at(entry: Row) -> datetime | None:
    """When it happened; an activity with a date alone is of that day's first instant, New York."""
    exact = instant(entry.get("transaction_time"))
    if exact is not None:
        return exact
    on = day(entry.get("date"))
    return None if on is None else datetime.combine(on, time(), NEW_YORK).astimezone(UTC)


def _belongs(entry: Row, activity: Activity) -> tuple[object, ...]:
    """What the two entries of one corporate action have in common; any other stands alone."""
    if activity.kind not in ("split", "rename") or activity.quantity is None:
        return (activity.id,)
    group = text(entry.get("group_id"))
    if group is not None:
        return (activity.kind, group)
    same = activity.symbol if activity.kind == "split" else abs(activity.quantity or 0)
    return (activity.kind, activity.at, same)


def _joined(legs: list[Activity]) -> list[Activity]:
    """One activity of an entry out and an entry in; anything else as it is."""
    out = [leg for leg in legs if leg.quantity is not None and leg.quantity < 0]
    into = [leg for leg in legs if leg.quantity is not None and leg.quantity > 0]
    if len(legs) != 2 or len(out) != 1 or len(into) != 1:
        return legs
    old, new = out[0], into[0]
    before, after = -(old.quantity or Decimal(0)), new.quantity or Decimal(0)
    return [
        Activity(
            id="+".join(sorted((old.id, new.id))),
            kind=old.kind,
            at=max(old.at, new.at),
            symbol=old.symbol,
            cash=_sum(old.cash, new.cash),
            quantity=after - before,
            ratio=after / before if old.kind == "split" else None,
            new_symbol=new.symbol if new.symbol != old.symbol else None,
            text=old.text,
        )
    ]


def _sum(*amounts: Decimal | None) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None
