"""A broker's totals beside a ledger, and what happens to both.

The broker is plain sums of shares and cash, told of fills, dividends, splits and transfers only.
The pure parts of trading run against it: wishes, netting, fills, activities, reconciling. After
each step the books must sum to it, to the last decimal.
"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from core.brokers.base import Activity, BrokerOrder
from core.db.orders import _after
from core.portfolio.ledger import (
    EXTERNAL,
    OTHER_SIDES,
    RESERVE,
    ZERO,
    Entry,
    applied,
    moved,
    owned,
    rounded_down,
)
from core.portfolio.netting import NetOrder, Part, cross_postings, net
from core.portfolio.rebalance import Lattice, wish, worth
from core.portfolio.records import OrderRecord, client_order_id
from core.trading.activities import entry_of
from core.trading.fills import entries_of_fill
from core.trading.reconcile import compare

STEP, CENT6, PRICE = Decimal("0.000000001"), Decimal("0.000001"), Decimal("0.0001")
USD = "USD"
BEGIN = datetime(2026, 1, 2, 20, 50, tzinfo=UTC)
ACCOUNT = UUID(int=1)


class World:
    """A broker's totals, the books beside them, and every entry that was made."""

    def __init__(self, draw: random.Random, strategies: int, symbols: int) -> None:
        self.draw = draw
        self.at = BEGIN
        self.symbols = [f"S{i}" for i in range(symbols)]
        self.whole = set(self.symbols[::5])  # trade in whole shares
        self.books = [f"b{i:03}" for i in range(strategies)]
        self.running = set(self.books)
        self.prices = {s: self.price(1, 900) for s in self.symbols}
        self.cash, self.shares = Decimal(10_000_000), dict.fromkeys(self.symbols, ZERO)
        self.balances: dict[str, dict[str, Decimal]] = {}
        self.entries: dict[str, Entry] = {}
        self.number = 0
        self.settle()
        for book in self.books:
            self.allocate(book)

    # -- what happens ---------------------------------------------------------------------------

    def price(self, low: float, high: float) -> Decimal:
        return Decimal(str(self.draw.uniform(low, high))).quantize(PRICE)

    def name(self) -> str:
        self.number += 1
        return f"n{self.number}"

    def post(self, *entries: Entry) -> None:
        """As the ledger's table: an entry whose reference is there is skipped."""
        for entry in entries:
            if entry.postings and entry.reference not in self.entries:
                self.entries[entry.reference] = entry
                self.balances = applied(self.balances, [entry])

    def lattice(self, symbol: str) -> Lattice:
        return Lattice(Decimal(1) if symbol in self.whole else STEP, Decimal(1))

    def allocate(self, book: str) -> None:
        amount = Decimal(self.draw.randint(1, 5_000_000)) / 100
        self.post(Entry("allocation", self.name(), self.at, moved(RESERVE, book, USD, amount)))

    def take_back(self, book: str) -> None:
        cash = self.balances.get(book, {}).get(USD, ZERO)
        amount = rounded_down(cash * Decimal(str(round(self.draw.random(), 2))), Decimal("0.01"))
        if amount > 0:
            self.post(Entry("allocation", self.name(), self.at, moved(book, RESERVE, USD, amount)))

    def stop(self, book: str) -> None:
        """Positions to external, cash to the reserve."""
        held = dict(self.balances.get(book, {}))
        cash = held.pop(USD, ZERO)
        positions = [p for s, q in sorted(held.items()) for p in moved(book, EXTERNAL, s, q)]
        self.post(
            Entry("handover", self.name(), self.at, tuple(positions)),
            Entry("allocation", self.name(), self.at, moved(book, RESERVE, USD, cash)),
        )
        self.running.discard(book)

    def transfer(self) -> None:
        """Somebody pays in or out, or buys by hand; it is seen when the two are compared."""
        if self.draw.random() < 0.5:
            self.cash += Decimal(self.draw.randint(1, 100_000)) / 100
        else:
            symbol = self.draw.choice(self.symbols)
            quantity = Decimal(self.draw.randint(1, 50))
            self.shares[symbol] += quantity
            self.cash -= quantity * self.prices[symbol]
        self.settle()

    def dividend(self) -> None:
        symbol = self.draw.choice(self.symbols)
        cash = (self.shares[symbol] * self.price(0, 3)).quantize(CENT6)
        self.cash += cash
        activity = Activity(id=self.name(), kind="dividend", at=self.at, symbol=symbol, cash=cash)
        self.hear(activity)

    def fee(self) -> None:
        cash = -Decimal(self.draw.randint(1, 300)) / 100
        symbol = self.draw.choice([None, *self.symbols])
        self.cash += cash
        self.hear(Activity(id=self.name(), kind="fee", at=self.at, symbol=symbol, cash=cash))

    def split(self) -> None:
        symbol = self.draw.choice(self.symbols)
        ratio = Decimal(self.draw.choice(["2", "3", "20", "1.5", "0.1", "0.125", "0.5", "0.05"]))
        before = self.shares[symbol]
        after = rounded_down(before * ratio, self.lattice(symbol).step)
        self.shares[symbol] = after
        self.prices[symbol] = max((self.prices[symbol] / ratio).quantize(PRICE), PRICE)
        self.hear(
            Activity(
                id=self.name(), kind="split", at=self.at, symbol=symbol, quantity=after - before,
                ratio=ratio,
            )
        )  # fmt: skip

    def rename(self) -> None:
        old = self.draw.choice(self.symbols)
        new = f"{old}x"
        self.symbols[self.symbols.index(old)] = new
        self.shares[new], self.prices[new] = self.shares.pop(old), self.prices.pop(old)
        self.whole = {new if s == old else s for s in self.whole}
        self.hear(Activity(id=self.name(), kind="rename", at=self.at, symbol=old, new_symbol=new))

    def hear(self, activity: Activity) -> None:
        entry = entry_of(activity, self.balances, USD)
        if entry is not None:
            self.post(entry)
            self.post(entry)  # heard of twice
            self.post(*[e for e in [entry_of(activity, self.balances, USD)] if e is not None])

    def settle(self, in_flight: frozenset[str] = frozenset()) -> None:
        found = compare(
            self.balances, self.cash, {s: q for s, q in self.shares.items() if q}, currency=USD,
            in_flight=in_flight, at=self.at, prices=self.prices, first=not self.balances,
        )  # fmt: skip
        assert not found.differences, found.differences
        self.post(*found.entries)
        self.at += timedelta(seconds=1)

    # -- a window -------------------------------------------------------------------------------

    def window(self) -> None:
        for symbol in self.symbols:
            moved_to = self.prices[symbol] * self.price(0.9, 1.1)
            self.prices[symbol] = max(moved_to.quantize(PRICE), PRICE)
        lattices = {s: self.lattice(s) for s in self.symbols}
        wishes = []
        for book in sorted(self.running):
            held = dict(self.balances.get(book, {}))
            cash = held.pop(USD, ZERO)
            equity = worth(held, self.prices, cash)
            if equity <= 0:
                continue
            chosen = self.draw.sample(self.symbols, self.draw.randint(0, min(4, len(self.symbols))))
            total = self.draw.choice([1.0, 0.97, 0.5]) / max(len(chosen), 1)
            weights = dict.fromkeys(chosen, total)
            made = wish(
                book, weights, equity, held, self.prices, lattices, allowance=Decimal("0.001")
            )
            bought = sum((q * self.prices[s] for s, q in made.changes.items()), ZERO)
            assert bought <= max(cash, ZERO), "it spends what it has and no more"
            wishes.append(made)
        netted = net(wishes, self.prices, lattices)
        for one in wishes:
            for symbol, change in one.changes.items():
                got = self.inside(netted.crosses, one.book, symbol) + self.outside(
                    (*netted.orders, *netted.too_small), one.book, symbol
                )
                assert got == change, "what is crossed and what is ordered is what was wished"
        if netted.crosses:
            self.post(Entry("cross", self.name(), self.at, cross_postings(netted.crosses, USD)))
        self.check()
        for order in netted.orders:
            self.fill(order)

    @staticmethod
    def inside(crosses, book: str, symbol: str) -> Decimal:
        return sum((c.quantity for c in crosses if (c.book, c.symbol) == (book, symbol)), ZERO)

    @staticmethod
    def outside(orders, book: str, symbol: str) -> Decimal:
        return sum(
            (
                o.parts.get(book, ZERO) * (1 if o.side == "buy" else -1)
                for o in orders
                if o.symbol == symbol
            ),
            ZERO,
        )

    def fill(self, order: NetOrder) -> None:
        """In random pieces, some never; the broker's views come twice and out of order."""
        step = self.lattice(order.symbol).step
        name = client_order_id(ACCOUNT, date(2026, 1, 2), self.number, order.symbol, order.side, 0)
        self.number += 1
        record = OrderRecord(
            id=UUID(int=self.number), account_id=ACCOUNT, window_id=ACCOUNT, session=date(2026, 1, 2),
            slot=10, symbol=order.symbol, side=order.side, leg=0, client_order_id=name,
            quantity=order.quantity, price=order.mark, quoted_at=self.at, state="accepted",
            created_at=self.at, updated_at=self.at,
        )  # fmt: skip
        parts = tuple(Part(book, q, ZERO, ZERO) for book, q in order.parts.items())
        filled, cash = ZERO, ZERO
        views = []
        for _ in range(self.draw.randint(0, 4)):
            left = order.quantity - filled
            piece = rounded_down(left * Decimal(str(round(self.draw.random(), 3))), step)
            piece = left if self.draw.random() < 0.5 else piece
            filled += piece
            cash += piece * self.price(0.99, 1.01) * order.mark
            views.append(
                (filled, cash, "filled" if filled == order.quantity else "partially_filled")
            )
        if filled < order.quantity and self.draw.random() < 0.7:
            views.append((filled, cash, "canceled"))
        signed = filled if order.side == "buy" else -filled
        self.shares[order.symbol] += signed
        self.cash -= cash if order.side == "buy" else -cash
        seen = views + [self.draw.choice(views) for _ in views]
        self.draw.shuffle(seen)
        for quantity, total, state in [*seen, *views[-1:]]:
            view = BrokerOrder(
                client_order_id=name, broker_order_id="b", symbol=order.symbol, side=order.side,
                quantity=order.quantity, state=state, status=state, filled_quantity=quantity,
                filled_price=(total / quantity).quantize(PRICE) if quantity else None,
                filled_total=total, submitted_at=self.at, updated_at=self.at,
            )  # fmt: skip
            after = _after(record, view, self.at)
            if after.filled_quantity != record.filled_quantity:
                parts, entries = entries_of_fill(record, view, parts, step=STEP, currency=USD)
                self.post(*entries)
            record = after
            assert all(part.booked_quantity <= part.quantity for part in parts)
            assert sum(part.booked_quantity for part in parts) == record.filled_quantity
        self.check()

    # -- what must hold -------------------------------------------------------------------------

    def check(self) -> None:
        has = {asset: q for asset, q in {**self.shares, USD: self.cash}.items() if q}
        assert owned(self.balances) == has
        for asset in has:
            everything = sum((held.get(asset, ZERO) for held in self.balances.values()), ZERO)
            assert everything == 0, "what is owned came from the other sides"
        for book, held in self.balances.items():
            if book not in OTHER_SIDES:
                assert all(q > 0 for asset, q in held.items() if asset != USD), (book, held)

    def step(self) -> None:
        running = sorted(self.running)
        happens = self.draw.choices(
            [self.window, self.dividend, self.split, self.transfer, self.fee, self.rename,
             lambda: self.allocate(self.draw.choice(running)),
             lambda: self.take_back(self.draw.choice(running)),
             lambda: self.stop(self.draw.choice(running))],
            [4, 3, 3, 1, 1, 1, 1, 1, 1],
        )[0]  # fmt: skip
        if running:
            happens()
        self.check()
