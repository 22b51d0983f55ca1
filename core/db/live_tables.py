"""The tables of live trading: accounts, deployments, windows, orders, the ledger, what was seen.

Quantities, prices and cash are NUMERIC without a scale: exact, however many decimals a broker
has. "Once" is a UNIQUE constraint here as everywhere: a window of an account and session, an order
of a window, symbol, side and leg, a ledger entry of a reference, a snapshot of a book and session.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from core.db import columns
from core.db.columns import EMPTY, EMPTY_LIST, EMPTY_OBJECT, EXACT, FALSE, INSTANT, ZERO
from core.db.tables import metadata

accounts = Table(
    "accounts",
    metadata,
    columns.identity(),
    columns.user(),
    Column("name", Text, nullable=False),
    Column("broker", Text, nullable=False),
    Column("mode", Text, nullable=False),
    # The market data source that decides; and where the source 'files' reads.
    Column("source", Text, nullable=False),
    Column("path", Text),
    # Encrypted: see core/accounts/vault.py. NULL where the environment's keys are used, or none.
    Column("keys", LargeBinary),
    # The broker's own number of it: two accounts would each own all of it. NULL while it was never
    # asked, and for the built-in broker.
    Column("number", Text),
    # Minutes before the close at which its windows open.
    Column("slots", ARRAY(SmallInteger), nullable=False),
    Column("limits", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    # What the built-in broker is told: slippage, commission, partial fills.
    Column("options", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    # The kill switch, read in the transaction that records an order.
    Column("state", Text, nullable=False, server_default=text("'active'")),
    Column("state_reason", Text, nullable=False, server_default=EMPTY),
    Column("state_by", Text, nullable=False, server_default=EMPTY),
    Column("state_at", INSTANT),
    # When what is held was last found equal at the broker, and what was not.
    Column("reconciled_at", INSTANT),
    Column("differences", JSONB, nullable=False, server_default=EMPTY_LIST),
    Column("activities_until", INSTANT),
    Column("created_at", INSTANT, nullable=False),
    UniqueConstraint("user_id", "name"),
    UniqueConstraint("broker", "number"),
    columns.one_of("mode", "paper", "live"),
    columns.one_of("state", "active", "reducing", "halted"),
)

deployments = Table(
    "deployments",
    metadata,
    columns.identity(),
    columns.account(),
    Column("name", Text, nullable=False),
    Column("strategy_id", Uuid, ForeignKey("strategies.id", ondelete="SET NULL")),
    Column("version", Integer),
    columns.flow_hash(),
    # The flow as it runs, its global variables and the strategies it refers to filled in: what
    # is edited in the library later does not reach it.
    Column("flow", JSON, nullable=False),
    Column("references", JSON, nullable=False, server_default=EMPTY_OBJECT),
    Column("capital", EXACT, nullable=False),
    Column("state", Text, nullable=False),
    Column("state_reason", Text, nullable=False, server_default=EMPTY),
    Column("state_at", INSTANT, nullable=False),
    # Who paused it: 'user' or 'breaker'.
    Column("state_by", Text, nullable=False, server_default=EMPTY),
    # Since it was paused by its breaker: what it would be worth had it gone on.
    Column("shadow", JSONB),
    Column("created_at", INSTANT, nullable=False),
    Column("stopped_at", INSTANT),
    columns.one_of("state", "active", "paused", "liquidating", "stopped"),
    CheckConstraint("capital > 0", name="capital"),
    Index(
        "deployments_name_key",
        "account_id",
        "name",
        unique=True,
        postgresql_where=text("state <> 'stopped'"),
    ),
)

windows = Table(
    "windows",
    metadata,
    columns.identity(),
    columns.account(),
    Column("session", Date, nullable=False),
    # Minutes before the close; 0 and below number those a person asked for.
    Column("slot", SmallInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("due_at", INSTANT, nullable=False),
    Column("closes_at", INSTANT, nullable=False),
    Column("claimed_at", INSTANT),
    Column("planned_at", INSTANT),
    Column("finished_at", INSTANT),
    Column("fence", BigInteger),
    Column("host", Text, nullable=False, server_default=EMPTY),
    Column("error", Text, nullable=False, server_default=EMPTY),
    # Steps with their instants, and what was read: quotes with age, bars' provenance.
    Column("timeline", JSONB, nullable=False, server_default=EMPTY_LIST),
    Column("reading", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    UniqueConstraint("account_id", "session", "slot"),
    columns.one_of(
        "state", "requested", "claimed", "planned", "done", "missed", "failed", "expired"
    ),
    Index(None, "due_at"),
)

decisions = Table(
    "decisions",
    metadata,
    columns.window(),
    columns.deployment(),
    # decided, held (not due), aborted, failed
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=EMPTY),
    Column("version", Integer),
    columns.flow_hash(),
    Column("equity", EXACT),
    Column("weights", JSONB),
    # Every node's inputs, choice and distance to another choice.
    Column("trace", JSONB),
    PrimaryKeyConstraint("window_id", "deployment_id"),
    Index(None, "deployment_id"),
)

orders = Table(
    "orders",
    metadata,
    columns.identity(),
    columns.account(),
    columns.window(),
    Column("session", Date, nullable=False),
    Column("slot", SmallInteger, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("leg", SmallInteger, nullable=False),
    Column("client_order_id", Text, nullable=False),
    Column("quantity", EXACT, nullable=False),
    Column("price", EXACT, nullable=False),
    Column("quoted_at", INSTANT, nullable=False),
    Column("state", Text, nullable=False),
    Column("status", Text, nullable=False, server_default=EMPTY),
    Column("reason", Text, nullable=False, server_default=EMPTY),
    Column("broker_order_id", Text),
    Column("request_id", Text),
    Column("filled_quantity", EXACT, nullable=False, server_default=ZERO),
    Column("filled_cash", EXACT, nullable=False, server_default=ZERO),
    # How often the broker said it has no such order.
    Column("lookups", SmallInteger, nullable=False, server_default=ZERO),
    Column("fence", BigInteger, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("sent_at", INSTANT),
    Column("final_at", INSTANT),
    Column("updated_at", INSTANT, nullable=False),
    # When it was called off; the broker is asked to cancel it until it is final.
    Column("cancel_asked_at", INSTANT),
    UniqueConstraint("account_id", "session", "slot", "symbol", "side", "leg"),
    UniqueConstraint("client_order_id"),
    CheckConstraint("quantity > 0", name="quantity"),
    columns.one_of("side", "buy", "sell"),
    Index(None, "window_id"),
    Index(None, "account_id", "created_at"),
    Index(
        "orders_open_idx",
        "account_id",
        postgresql_where=text(
            "state IN ('planned', 'sending', 'unknown', 'accepted', 'partially_filled',"
            " 'pending_cancel', 'unrecognised')"
        ),
    ),
)

# Whose an order is: the parts of its quantity, and how much of each the ledger has booked.
order_parts = Table(
    "order_parts",
    metadata,
    columns.part_of("orders", "order_id"),
    Column("line", SmallInteger, nullable=False),
    # A deployment's id, or 'reserve'.
    Column("book", Text, nullable=False),
    Column("quantity", EXACT, nullable=False),
    Column("booked_quantity", EXACT, nullable=False, server_default=ZERO),
    Column("booked_cash", EXACT, nullable=False, server_default=ZERO),
    PrimaryKeyConstraint("order_id", "line"),
    CheckConstraint("booked_quantity <= quantity", name="booked"),
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    columns.account(),
    Column("kind", Text, nullable=False),
    # Unique: the order and its cumulative quantity, the broker's activity id …
    Column("reference", Text, nullable=False),
    Column("at", INSTANT, nullable=False),
    Column("session", Date),
    Column("text", Text, nullable=False, server_default=EMPTY),
    UniqueConstraint("account_id", "reference"),
    Index(None, "account_id", "at"),
)

ledger_postings = Table(
    "ledger_postings",
    metadata,
    columns.part_of("ledger_entries", "entry_id", BigInteger),
    Column("line", SmallInteger, nullable=False),
    # A deployment's id, 'reserve', 'external', or the other side: 'market', 'owner'.
    Column("book", Text, nullable=False),
    # A symbol, or the currency.
    Column("asset", Text, nullable=False),
    Column("amount", EXACT, nullable=False),
    Column("price", EXACT),
    # What selling made over what the lots had cost.
    Column("realised", EXACT),
    PrimaryKeyConstraint("entry_id", "line"),
    CheckConstraint("amount <> 0", name="amount"),
    Index(None, "book"),
)

# The sums of the postings, kept in the transaction that writes them.
balances = Table(
    "balances",
    metadata,
    columns.account(),
    Column("book", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("amount", EXACT, nullable=False),
    PrimaryKeyConstraint("account_id", "book", "asset"),
)

# What is left of each acquisition, oldest sold first.
lots = Table(
    "lots",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    columns.account(),
    Column("book", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("quantity", EXACT, nullable=False),
    Column("price", EXACT, nullable=False),
    Column("opened_at", INSTANT, nullable=False),
    Index(None, "account_id", "book", "asset"),
)

# Equity every few minutes: of the whole account (book 'total') and of each deployment.
equity_points = Table(
    "equity_points",
    metadata,
    columns.account(),
    Column("book", Text, nullable=False),
    Column("at", INSTANT, nullable=False),
    Column("equity", EXACT, nullable=False),
    Column("cash", EXACT, nullable=False),
    # Where prices were older than allowed: the number is shown as such.
    Column("stale", Boolean, nullable=False, server_default=FALSE),
    PrimaryKeyConstraint("account_id", "book", "at"),
)

snapshots = Table(
    "snapshots",
    metadata,
    columns.account(),
    Column("book", Text, nullable=False),
    Column("session", Date, nullable=False),
    Column("at", INSTANT, nullable=False),
    Column("equity", EXACT, nullable=False),
    Column("cash", EXACT, nullable=False),
    # Capital that came or went since the snapshot before: no result.
    Column("flow", EXACT, nullable=False),
    # Return on the snapshot before; NULL on the first.
    Column("return", Double),
    # Growth of one unit since the first, its peak, and how far below it.
    Column("growth", Double, nullable=False),
    Column("drawdown", Double, nullable=False),
    Column("metrics", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    Column("weights", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    PrimaryKeyConstraint("account_id", "book", "session"),
)

# Who may act: the fence grows with each holder, and what an older one writes is refused.
leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("fence", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("taken_at", INSTANT, nullable=False),
)

# What happened, for people: shown on the pages and sent by the channels they chose.
events = Table(
    "events",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    columns.user(),
    columns.account(nullable=True),
    columns.deployment(nullable=True),
    columns.window(nullable=True),
    Column("at", INSTANT, nullable=False),
    Column("kind", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("detail", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    columns.severity(),
    Index(None, "user_id", "at"),
    Index(None, "account_id", "at"),
)

# The live decision of a session, computed again on settled data.
parity = Table(
    "parity",
    metadata,
    columns.window(),
    columns.deployment(),
    Column("session", Date, nullable=False),
    # equal, different, not_comparable
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=EMPTY),
    # Half the sum of absolute differences of weights.
    Column("difference", Double),
    Column("settled", JSONB),
    Column("at", INSTANT, nullable=False),
    PrimaryKeyConstraint("window_id", "deployment_id"),
    Index(None, "deployment_id", "session"),
)

# -- the built-in broker's own books: what Sluice's ledger is compared with ------------------------

paper_accounts = Table(
    "paper_accounts",
    metadata,
    columns.account(primary_key=True),
    Column("cash", EXACT, nullable=False),
    # Until when dividends and splits were paid.
    Column("actions_until", Date),
)

paper_positions = Table(
    "paper_positions",
    metadata,
    columns.account(),
    Column("symbol", Text, nullable=False),
    Column("quantity", EXACT, nullable=False),
    Column("average_price", EXACT, nullable=False),
    PrimaryKeyConstraint("account_id", "symbol"),
)

paper_orders = Table(
    "paper_orders",
    metadata,
    columns.account(),
    Column("number", BigInteger, Identity(), nullable=False, unique=True),
    Column("client_order_id", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("quantity", EXACT, nullable=False),
    Column("state", Text, nullable=False),
    Column("filled_quantity", EXACT, nullable=False),
    Column("filled_cash", EXACT, nullable=False),
    Column("submitted_at", INSTANT, nullable=False),
    Column("updated_at", INSTANT, nullable=False),
    Column("expires_at", INSTANT),
    PrimaryKeyConstraint("account_id", "client_order_id"),
)

paper_activities = Table(
    "paper_activities",
    metadata,
    columns.account(),
    Column("id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", INSTANT, nullable=False),
    Column("symbol", Text),
    Column("cash", EXACT),
    Column("quantity", EXACT),
    Column("ratio", EXACT),
    PrimaryKeyConstraint("account_id", "id"),
)
