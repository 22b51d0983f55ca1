"""The tables of notifications: users' channels, and which event is still to be sent to which."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from core.db.live_tables import events
from core.db.tables import metadata

__all__ = ["channels", "deliveries", "metadata"]

_Instant = DateTime(timezone=True)
_EMPTY = text("''")
_NONE = text("0")

channels = Table(
    "channels",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    # Sealed: see core/accounts/vault.py. What may be shown of it follows.
    Column("address", LargeBinary, nullable=False),
    Column("service", Text, nullable=False),
    Column("tail", Text, nullable=False),
    # Empty: of every kind.
    Column("kinds", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("severity", Text, nullable=False),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    # Events from this instant on: what happened before it was made, changed or enabled is not sent.
    Column("since", _Instant, nullable=False),
    Column("created_at", _Instant, nullable=False),
    Column("last_sent_at", _Instant),
    Column("last_error", Text, nullable=False, server_default=_EMPTY),
    Column("last_error_at", _Instant),
    # Failures in a row, and until when the channel rests for them.
    Column("failures", SmallInteger, nullable=False, server_default=_NONE),
    Column("rests_until", _Instant),
    UniqueConstraint("user_id", "name"),
    CheckConstraint("severity IN ('info', 'warning', 'critical')", name="severity"),
)

# An event is sent to a channel once: the key.
deliveries = Table(
    "deliveries",
    metadata,
    Column(
        "event_id",
        BigInteger,
        ForeignKey(events.c.id, ondelete="CASCADE"),
        nullable=False,
    ),
    Column("channel_id", Uuid, ForeignKey("channels.id", ondelete="CASCADE"), nullable=False),
    # due, sending, sent, failed (given up), dropped (its channel was switched off)
    Column("state", Text, nullable=False),
    # How often it was sent and not taken.
    Column("tries", SmallInteger, nullable=False, server_default=_NONE),
    # When it is due; while it is being sent, when its sender is taken for dead.
    Column("next_try_at", _Instant, nullable=False),
    Column("error", Text, nullable=False, server_default=_EMPTY),
    Column("sent_at", _Instant),
    PrimaryKeyConstraint("event_id", "channel_id"),
    CheckConstraint("state IN ('due', 'sending', 'sent', 'failed', 'dropped')", name="state"),
    Index(
        "deliveries_waiting_idx",
        "channel_id",
        "next_try_at",
        postgresql_where=text("state IN ('due', 'sending')"),
    ),
    Index(None, "channel_id", "sent_at"),
)
