"""The ledger's tables: entries are added, never changed; balances and lots follow them.

Whoever posts holds the account's ledger lock until the transaction ends, so that balances are read
and written by one at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Select, case, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from core.db.live_tables import balances, ledger_entries, ledger_postings, lots
from core.db.session import joined, transaction
from core.portfolio.ledger import OTHER_SIDES, Entry, Posting
from core.portfolio.lots import Lot, after_split, after_trade


@dataclass(frozen=True, slots=True)
class Movement:
    """One posting with its entry, as the pages show it."""

    at: datetime
    kind: str
    book: str
    asset: str
    amount: Decimal
    price: Decimal | None
    realised: Decimal | None
    text: str
    session: date | None
    reference: str


_Held = dict[str, dict[str, Decimal]]


class Ledger:
    """The ledger of every account."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # -- reading -------------------------------------------------------------------------------

    def balances(self, account_id: UUID, db: Connection | None = None) -> _Held:
        """What each book holds now."""
        query = select(balances.c.book, balances.c.asset, balances.c.amount).where(
            balances.c.account_id == account_id
        )
        with joined(self._engine, db) as here:
            return _by_book(here.execute(query).all())

    def lots(self, account_id: UUID) -> dict[tuple[str, str], tuple[Lot, ...]]:
        """Open lots by book and symbol, oldest first."""
        query = select(lots).where(lots.c.account_id == account_id).order_by(lots.c.id)
        found: dict[tuple[str, str], list[Lot]] = defaultdict(list)
        with transaction(self._engine) as db:
            for row in db.execute(query):
                found[row.book, row.asset].append(Lot(row.quantity, row.price, row.opened_at))
        return {key: tuple(held) for key, held in found.items()}

    def movements(
        self,
        account_id: UUID,
        *,
        books: Sequence[str] | None = None,
        kinds: Sequence[str] | None = None,
        since: datetime | None = None,
        priced: bool = False,
        limit: int = 1000,
    ) -> tuple[Movement, ...]:
        """What books gained and lost, newest first; the other sides left out.

        ``priced``: only shares that changed hands at a price, without the cash they cost.
        """
        query = _movements(account_id).where(ledger_postings.c.book.not_in(OTHER_SIDES))
        if books is not None:
            query = query.where(ledger_postings.c.book.in_(list(books)))
        if kinds is not None:
            query = query.where(ledger_entries.c.kind.in_(list(kinds)))
        if since is not None:
            query = query.where(ledger_entries.c.at >= since)
        if priced:
            query = query.where(ledger_postings.c.price.is_not(None))
        order = (ledger_entries.c.id.desc(), ledger_postings.c.line)
        with transaction(self._engine) as db:
            rows = db.execute(query.order_by(*order).limit(limit)).mappings()
            return tuple(Movement(**row) for row in rows)

    def realised(self, account_id: UUID, book: str) -> tuple[Decimal, ...]:
        """What each trade that closed something made, oldest first."""
        posting, entry = ledger_postings.c, ledger_entries.c
        query = (
            select(posting.realised)
            .join(ledger_entries, entry.id == posting.entry_id)
            .where(
                entry.account_id == account_id,
                posting.book == book,
                posting.realised.is_not(None),
            )
            .order_by(entry.id, posting.line)
        )
        with transaction(self._engine) as db:
            return tuple(db.execute(query).scalars())

    def recomputed(self, account_id: UUID) -> _Held:
        """The balances as the sum of all postings: what ``balances`` must equal."""
        amount = func.sum(ledger_postings.c.amount)
        query = (
            select(ledger_postings.c.book, ledger_postings.c.asset, amount)
            .join(ledger_entries, ledger_entries.c.id == ledger_postings.c.entry_id)
            .where(ledger_entries.c.account_id == account_id)
            .group_by(ledger_postings.c.book, ledger_postings.c.asset)
            .having(amount != 0)
        )
        with transaction(self._engine) as db:
            return _by_book(db.execute(query).all())

    def capital_moved(
        self, account_id: UUID, currency: str, since: datetime | None
    ) -> dict[str, Decimal]:
        """The worth of what came into each book (went, when negative) after ``since`` without
        being a result: capital, and shares taken up at a price."""
        posting, entry = ledger_postings.c, ledger_entries.c
        worth = case(
            (posting.asset == currency, posting.amount),
            else_=posting.amount * func.coalesce(posting.price, 0),
        )
        query = (
            select(posting.book, func.sum(worth))
            .join(ledger_entries, entry.id == posting.entry_id)
            .where(
                entry.account_id == account_id,
                entry.kind.in_(("opening", "transfer", "allocation", "adoption")),
            )
            .group_by(posting.book)
        )
        if since is not None:
            query = query.where(entry.at > since)
        with transaction(self._engine) as db:
            return {row[0]: row[1] for row in db.execute(query)}

    # -- writing -------------------------------------------------------------------------------

    def post(self, account_id: UUID, entries: Iterable[Entry]) -> int:
        """Add what is not there yet, in one transaction; how many were added."""
        with transaction(self._engine) as db:
            return self.post_in(db, account_id, entries)

    def post_in(self, db: Connection, account_id: UUID, entries: Iterable[Entry]) -> int:
        """The same in the caller's transaction. An entry whose reference is there is skipped."""
        by_reference: dict[str, Entry] = {}
        for entry in entries:
            if entry.postings:
                by_reference.setdefault(entry.reference, entry)
        entries = list(by_reference.values())
        if not entries:
            return 0
        self.lock(db, account_id)
        rows = [
            {
                "account_id": account_id,
                "kind": entry.kind,
                "reference": entry.reference,
                "at": entry.at,
                "session": entry.session,
                "text": entry.text,
            }
            for entry in entries
        ]
        query = insert(ledger_entries).values(rows).on_conflict_do_nothing()
        returned = query.returning(ledger_entries.c.reference, ledger_entries.c.id)
        numbers: dict[str, int] = {row.reference: row.id for row in db.execute(returned)}
        fresh = [entry for entry in entries if entry.reference in numbers]
        if fresh:
            _write_postings(db, account_id, fresh, numbers)
        return len(fresh)

    def lock(self, db: Connection, account_id: UUID) -> None:
        """Be the only one who posts to this account until the transaction ends."""
        key = account_id.int & 0x7FFF_FFFF_FFFF_FFFF
        db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def _movements(account_id: UUID) -> Select[Any]:
    entry, posting = ledger_entries.c, ledger_postings.c
    return (
        select(
            entry.at, entry.kind, posting.book, posting.asset, posting.amount, posting.price,
            posting.realised, entry.text, entry.session, entry.reference,
        )
        .join(ledger_postings, posting.entry_id == entry.id)
        .where(entry.account_id == account_id)
    )  # fmt: skip


def _by_book(rows: Iterable[Any]) -> _Held:
    found: _Held = {}
    for book, asset, amount in rows:
        found.setdefault(book, {})[asset] = amount
    return found


def _write_postings(
    db: Connection, account_id: UUID, entries: Sequence[Entry], numbers: Mapping[str, int]
) -> None:
    priced = {
        (posting.book, posting.asset)
        for entry in entries
        for posting in entry.postings
        if posting.book not in OTHER_SIDES and (posting.price is not None or entry.kind == "split")
    }
    held = _read_lots(db, account_id, priced)
    rows, sums = [], defaultdict[tuple[str, str], Decimal](Decimal)
    for entry in entries:
        for line, posting in enumerate(entry.postings):
            realised = None
            key = (posting.book, posting.asset)
            if key in held:
                held[key], realised = _lots_after(held[key], entry, posting)
            sums[key] += posting.amount
            rows.append(
                {
                    "entry_id": numbers[entry.reference],
                    "line": line,
                    "book": posting.book,
                    "asset": posting.asset,
                    "amount": posting.amount,
                    "price": posting.price,
                    "realised": realised,
                }
            )
    db.execute(insert(ledger_postings), rows)
    _write_balances(db, account_id, sums)
    _write_lots(db, account_id, held)
    for entry in entries:
        if entry.kind in ("rename", "handover"):
            _move_lots(db, account_id, entry)


def _lots_after(
    held: tuple[Lot, ...], entry: Entry, posting: Posting
) -> tuple[tuple[Lot, ...], Decimal | None]:
    if entry.kind == "split":
        return after_split(held, posting.amount), None
    if posting.price is None:
        return held, None
    change = after_trade(held, posting.amount, posting.price, entry.at)
    return change.lots, change.realised


def _write_balances(
    db: Connection, account_id: UUID, sums: Mapping[tuple[str, str], Decimal]
) -> None:
    rows = [
        {"account_id": account_id, "book": book, "asset": asset, "amount": amount}
        for (book, asset), amount in sums.items()
        if amount
    ]
    if not rows:
        return
    query = insert(balances).values(rows)
    total = balances.c.amount + query.excluded.amount
    db.execute(
        query.on_conflict_do_update(index_elements=balances.primary_key, set_={"amount": total})
    )
    db.execute(delete(balances).where(balances.c.account_id == account_id, balances.c.amount == 0))


def _move_lots(db: Connection, account_id: UUID, entry: Entry) -> None:
    """Whole holdings that changed their name or their book take their lots with them."""
    gone = [posting for posting in entry.postings if posting.amount < 0]
    come = [posting for posting in entry.postings if posting.amount > 0]
    if entry.kind == "rename":
        gone = [posting for posting in gone if posting.book not in OTHER_SIDES]
        come = [posting for posting in come if posting.book not in OTHER_SIDES]
    for old, new in zip(gone, come, strict=True):
        here = (lots.c.account_id == account_id) & (lots.c.book == old.book)
        db.execute(
            update(lots)
            .where(here, lots.c.asset == old.asset)
            .values(book=new.book, asset=new.asset)
        )


def _read_lots(
    db: Connection, account_id: UUID, keys: set[tuple[str, str]]
) -> dict[tuple[str, str], tuple[Lot, ...]]:
    held: dict[tuple[str, str], list[Lot]] = {key: [] for key in keys}
    if keys:
        query = (
            select(lots)
            .where(
                lots.c.account_id == account_id,
                lots.c.book.in_({book for book, _ in keys}),
                lots.c.asset.in_({asset for _, asset in keys}),
            )
            .order_by(lots.c.id)
        )
        for row in db.execute(query):
            if (row.book, row.asset) in held:
                held[row.book, row.asset].append(Lot(row.quantity, row.price, row.opened_at))
    return {key: tuple(found) for key, found in held.items()}


def _write_lots(
    db: Connection, account_id: UUID, held: Mapping[tuple[str, str], tuple[Lot, ...]]
) -> None:
    if not held:
        return
    key = [{"a": account_id, "b": book, "s": asset} for book, asset in held]
    db.execute(text("DELETE FROM lots WHERE account_id = :a AND book = :b AND asset = :s"), key)
    rows = [
        {
            "account_id": account_id,
            "book": book,
            "asset": asset,
            "quantity": lot.quantity,
            "price": lot.price,
            "opened_at": lot.opened_at,
        }
        for (book, asset), kept in held.items()
        for lot in kept
    ]
    if rows:
        db.execute(insert(lots), rows)
