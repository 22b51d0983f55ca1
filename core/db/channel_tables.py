"""The tables of notifications: users' channels, and which event is still to be sent to which."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from core.db import columns
from core.db.columns import EMPTY, INSTANT, NONE_OF_THEM, ZERO
from core.db.live_tables import events
from core.db.tables import metadata

__all__ = ["channels", "deliveries", "metadata"]


channels = Table(
    "channels",
    metadata,
    columns.identity(),
    columns.user(),
    Column("name", Text, nullable=False),
    # Sealed: see core/accounts/vault.py. What may be shown of it follows.
    Column("address", LargeBinary, nullable=False),
    Column("service", Text, nullable=False),
    Column("tail", Text, nullable=False),
    # Empty: of every kind.
    Column("kinds", ARRAY(Text), nullable=False, server_default=NONE_OF_THEM),
    Column("severity", Text, nullable=False),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    # Events from this instant on: what happened before it was made, changed or enabled is not sent.
    Column("since", INSTANT, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("last_sent_at", INSTANT),
    Column("last_error", Text, nullable=False, server_default=EMPTY),
    Column("last_error_at", INSTANT),
    # Failures in a row, and until when the channel rests for them.
    Column("failures", SmallInteger, nullable=False, server_default=ZERO),
    Column("rests_until", INSTANT),
    UniqueConstraint("user_id", "name"),
    columns.severity(),
)

# An event is sent to a channel once: the key.
deliveries = Table(
    "deliveries",
    metadata,
    columns.part_of(events.name, "event_id", BigInteger),
    columns.part_of(channels.name, "channel_id"),
    # due, sending, sent, failed (given up), dropped (its channel was switched off)
    Column("state", Text, nullable=False),
    # How often it was sent and not taken.
    Column("tries", SmallInteger, nullable=False, server_default=ZERO),
    # When it is due; while it is being sent, when its sender is taken for dead.
    Column("next_try_at", INSTANT, nullable=False),
    Column("error", Text, nullable=False, server_default=EMPTY),
    Column("sent_at", INSTANT),
    PrimaryKeyConstraint("event_id", "channel_id"),
    columns.one_of("state", "due", "sending", "sent", "failed", "dropped"),
    Index(
        "deliveries_waiting_idx",
        "channel_id",
        "next_try_at",
        postgresql_where=text("state IN ('due', 'sending')"),
    ),
    Index(None, "channel_id", "sent_at"),
)
