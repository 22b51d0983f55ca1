"""The tables of live trading: accounts, deployments, windows, orders, the ledger, what was seen.

Quantities, prices and cash are NUMERIC without a scale: exact, however many decimals a broker
has. "Once" is a UNIQUE constraint here as everywhere: a window of an account and session, an order
of a window, symbol, side and leg, a ledger entry of a reference, a snapshot of a book and session.
"""

from __future__ import annotations

from sqlalchemy import (
    CHAR,
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from core.db.tables import metadata

_Instant = DateTime(timezone=True)
_Exact = Numeric(asdecimal=True)
_EMPTY = text("''")
_OBJECT = text("'{}'")


def _account() -> Column[object]:
    return Column("account_id", Uuid, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False)


def _deployment(*, nullable: bool = False) -> Column[object]:
    link = ForeignKey("deployments.id", ondelete="CASCADE")
    return Column("deployment_id", Uuid, link, nullable=nullable)


accounts = Table(
    "accounts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("broker", Text, nullable=False),
    Column("mode", Text, nullable=False),
    # The market data source that decides; and where the source 'files' reads.
    Column("source", Text, nullable=False),
    Column("path", Text),
    # Encrypted: see core/accounts/vault.py. NULL where the environment's keys are used, or none.
    Column("keys", LargeBinary),
    # Minutes before the close at which its windows open.
    Column("slots", ARRAY(SmallInteger), nullable=False),
    Column("limits", JSONB, nullable=False, server_default=_OBJECT),
    # What the built-in broker is told: slippage, commission, partial fills.
    Column("options", JSONB, nullable=False, server_default=_OBJECT),
    # The kill switch, read in the transaction that records an order.
    Column("state", Text, nullable=False, server_default=text("'active'")),
    Column("state_reason", Text, nullable=False, server_default=_EMPTY),
    Column("state_by", Text, nullable=False, server_default=_EMPTY),
    Column("state_at", _Instant),
    # When what is held was last found equal at the broker, and what was not.
    Column("reconciled_at", _Instant),
    Column("differences", JSONB, nullable=False, server_default=text("'[]'")),
    Column("activities_until", _Instant),
    Column("created_at", _Instant, nullable=False),
    UniqueConstraint("user_id", "name"),
    CheckConstraint("mode IN ('paper', 'live')", name="mode"),
    CheckConstraint("state IN ('active', 'reducing', 'halted')", name="state"),
)

deployments = Table(
    "deployments",
    metadata,
    Column("id", Uuid, primary_key=True),
    _account(),
    Column("name", Text, nullable=False),
    Column("strategy_id", Uuid, ForeignKey("strategies.id", ondelete="SET NULL")),
    Column("version", Integer),
    Column("flow_hash", CHAR(64), nullable=False),
    # The flow as it runs, its global variables and the strategies it refers to filled in: what
    # is edited in the library later does not reach it.
    Column("flow", JSON, nullable=False),
    Column("references", JSON, nullable=False, server_default=_OBJECT),
    Column("capital", _Exact, nullable=False),
    Column("state", Text, nullable=False),
    Column("state_reason", Text, nullable=False, server_default=_EMPTY),
    Column("state_at", _Instant, nullable=False),
    # Who paused it: 'user' or 'breaker'.
    Column("state_by", Text, nullable=False, server_default=_EMPTY),
    # Since it was paused by its breaker: what it would be worth had it gone on.
    Column("shadow", JSONB),
    Column("created_at", _Instant, nullable=False),
    Column("stopped_at", _Instant),
    CheckConstraint("state IN ('active', 'paused', 'liquidating', 'stopped')", name="state"),
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
    Column("id", Uuid, primary_key=True),
    _account(),
    Column("session", Date, nullable=False),
    # Minutes before the close; 0 and below number those a person asked for.
    Column("slot", SmallInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("due_at", _Instant, nullable=False),
    Column("closes_at", _Instant, nullable=False),
    Column("claimed_at", _Instant),
    Column("planned_at", _Instant),
    Column("finished_at", _Instant),
    Column("fence", BigInteger),
    Column("host", Text, nullable=False, server_default=_EMPTY),
    Column("error", Text, nullable=False, server_default=_EMPTY),
    # Steps with their instants, and what was read: quotes with age, bars' provenance.
    Column("timeline", JSONB, nullable=False, server_default=text("'[]'")),
    Column("reading", JSONB, nullable=False, server_default=_OBJECT),
    UniqueConstraint("account_id", "session", "slot"),
    CheckConstraint(
        "state IN ('requested', 'claimed', 'planned', 'done', 'missed', 'failed', 'expired')",
        name="state",
    ),
    Index(None, "due_at"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("window_id", Uuid, ForeignKey("windows.id", ondelete="CASCADE"), nullable=False),
    _deployment(),
    # decided, held (not due), aborted, failed
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=_EMPTY),
    Column("version", Integer),
    Column("flow_hash", CHAR(64), nullable=False),
    Column("equity", _Exact),
    Column("weights", JSONB),
    # Every node's inputs, choice and distance to another choice.
    Column("trace", JSONB),
    PrimaryKeyConstraint("window_id", "deployment_id"),
    Index(None, "deployment_id"),
)

orders = Table(
    "orders",
    metadata,
    Column("id", Uuid, primary_key=True),
    _account(),
    Column("window_id", Uuid, ForeignKey("windows.id", ondelete="CASCADE"), nullable=False),
    Column("session", Date, nullable=False),
    Column("slot", SmallInteger, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("leg", SmallInteger, nullable=False),
    Column("client_order_id", Text, nullable=False),
    Column("quantity", _Exact, nullable=False),
    Column("price", _Exact, nullable=False),
    Column("quoted_at", _Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("status", Text, nullable=False, server_default=_EMPTY),
    Column("reason", Text, nullable=False, server_default=_EMPTY),
    Column("broker_order_id", Text),
    Column("request_id", Text),
    Column("filled_quantity", _Exact, nullable=False, server_default=text("0")),
    Column("filled_cash", _Exact, nullable=False, server_default=text("0")),
    # How often the broker said it has no such order.
    Column("lookups", SmallInteger, nullable=False, server_default=text("0")),
    Column("fence", BigInteger, nullable=False),
    Column("created_at", _Instant, nullable=False),
    Column("sent_at", _Instant),
    Column("final_at", _Instant),
    Column("updated_at", _Instant, nullable=False),
    # When it was called off; the broker is asked to cancel it until it is final.
    Column("cancel_asked_at", _Instant),
    UniqueConstraint("account_id", "session", "slot", "symbol", "side", "leg"),
    UniqueConstraint("client_order_id"),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("side IN ('buy', 'sell')", name="side"),
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
    Column("order_id", Uuid, ForeignKey("orders.id", ondelete="CASCADE"), nullable=False),
    Column("line", SmallInteger, nullable=False),
    # A deployment's id, or 'reserve'.
    Column("book", Text, nullable=False),
    Column("quantity", _Exact, nullable=False),
    Column("booked_quantity", _Exact, nullable=False, server_default=text("0")),
    Column("booked_cash", _Exact, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("order_id", "line"),
    CheckConstraint("booked_quantity <= quantity", name="booked"),
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    _account(),
    Column("kind", Text, nullable=False),
    # Unique: the order and its cumulative quantity, the broker's activity id …
    Column("reference", Text, nullable=False),
    Column("at", _Instant, nullable=False),
    Column("session", Date),
    Column("text", Text, nullable=False, server_default=_EMPTY),
    UniqueConstraint("account_id", "reference"),
    Index(None, "account_id", "at"),
)

ledger_postings = Table(
    "ledger_postings",
    metadata,
    Column(
        "entry_id", BigInteger, ForeignKey("ledger_entries.id", ondelete="CASCADE"), nullable=False
    ),
    Column("line", SmallInteger, nullable=False),
    # A deployment's id, 'reserve', 'external', or the other side: 'market', 'owner'.
    Column("book", Text, nullable=False),
    # A symbol, or the currency.
    Column("asset", Text, nullable=False),
    Column("amount", _Exact, nullable=False),
    Column("price", _Exact),
    # What selling made over what the lots had cost.
    Column("realised", _Exact),
    PrimaryKeyConstraint("entry_id", "line"),
    CheckConstraint("amount <> 0", name="amount"),
    Index(None, "book"),
)

# The sums of the postings, kept in the transaction that writes them.
balances = Table(
    "balances",
    metadata,
    _account(),
    Column("book", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("amount", _Exact, nullable=False),
    PrimaryKeyConstraint("account_id", "book", "asset"),
)

# What is left of each acquisition, oldest sold first.
lots = Table(
    "lots",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    _account(),
    Column("book", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("quantity", _Exact, nullable=False),
    Column("price", _Exact, nullable=False),
    Column("opened_at", _Instant, nullable=False),
    Index(None, "account_id", "book", "asset"),
)

# Equity every few minutes: of the whole account (book 'total') and of each deployment.
equity_points = Table(
    "equity_points",
    metadata,
    _account(),
    Column("book", Text, nullable=False),
    Column("at", _Instant, nullable=False),
    Column("equity", _Exact, nullable=False),
    Column("cash", _Exact, nullable=False),
    # Where prices were older than allowed: the number is shown as such.
    Column("stale", Boolean, nullable=False, server_default=text("false")),
    PrimaryKeyConstraint("account_id", "book", "at"),
)

snapshots = Table(
    "snapshots",
    metadata,
    _account(),
    Column("book", Text, nullable=False),
    Column("session", Date, nullable=False),
    Column("at", _Instant, nullable=False),
    Column("equity", _Exact, nullable=False),
    Column("cash", _Exact, nullable=False),
    # Capital that came or went since the snapshot before: no result.
    Column("flow", _Exact, nullable=False),
    # Return on the snapshot before; NULL on the first.
    Column("return", Double),
    # Growth of one unit since the first, its peak, and how far below it.
    Column("growth", Double, nullable=False),
    Column("drawdown", Double, nullable=False),
    Column("metrics", JSONB, nullable=False, server_default=_OBJECT),
    Column("weights", JSONB, nullable=False, server_default=_OBJECT),
    PrimaryKeyConstraint("account_id", "book", "session"),
)

# Who may act: the fence grows with each holder, and what an older one writes is refused.
leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("fence", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("taken_at", _Instant, nullable=False),
)

# What happened, for people: shown on the pages and sent by the channels they chose.
events = Table(
    "events",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("account_id", Uuid, ForeignKey("accounts.id", ondelete="CASCADE")),
    _deployment(nullable=True),
    Column("window_id", Uuid, ForeignKey("windows.id", ondelete="CASCADE")),
    Column("at", _Instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("detail", JSONB, nullable=False, server_default=_OBJECT),
    CheckConstraint("severity IN ('info', 'warning', 'critical')", name="severity"),
    Index(None, "user_id", "at"),
    Index(None, "account_id", "at"),
)

# The live decision of a session, computed again on settled data.
parity = Table(
    "parity",
    metadata,
    Column("window_id", Uuid, ForeignKey("windows.id", ondelete="CASCADE"), nullable=False),
    _deployment(),
    Column("session", Date, nullable=False),
    # equal, different, not_comparable
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=_EMPTY),
    # Half the sum of absolute differences of weights.
    Column("difference", Double),
    Column("settled", JSONB),
    Column("at", _Instant, nullable=False),
    PrimaryKeyConstraint("window_id", "deployment_id"),
    Index(None, "deployment_id", "session"),
)

# -- the built-in broker's own books: what Sluice's ledger is compared with ------------------------

paper_accounts = Table(
    "paper_accounts",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("cash", _Exact, nullable=False),
    # Until when dividends and splits were paid.
    Column("actions_until", Date),
)

paper_positions = Table(
    "paper_positions",
    metadata,
    _account(),
    Column("symbol", Text, nullable=False),
    Column("quantity", _Exact, nullable=False),
    Column("average_price", _Exact, nullable=False),
    PrimaryKeyConstraint("account_id", "symbol"),
)

paper_orders = Table(
    "paper_orders",
    metadata,
    _account(),
    Column("number", BigInteger, Identity(), nullable=False, unique=True),
    Column("client_order_id", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("quantity", _Exact, nullable=False),
    Column("state", Text, nullable=False),
    Column("filled_quantity", _Exact, nullable=False),
    Column("filled_cash", _Exact, nullable=False),
    Column("submitted_at", _Instant, nullable=False),
    Column("updated_at", _Instant, nullable=False),
    Column("expires_at", _Instant),
    PrimaryKeyConstraint("account_id", "client_order_id"),
)

paper_activities = Table(
    "paper_activities",
    metadata,
    _account(),
    Column("id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", _Instant, nullable=False),
    Column("symbol", Text),
    Column("cash", _Exact),
    Column("quantity", _Exact),
    Column("ratio", _Exact),
    PrimaryKeyConstraint("account_id", "id"),
)
