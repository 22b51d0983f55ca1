"""Users, strategies with their versions, backtests, heartbeats, and procrastinate's queue."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from core.db.queue_schema import apply_queue_migrations

revision = "0001"
down_revision = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("seeded_at", _INSTANT),
        sa.UniqueConstraint("name", name="users_name_key"),
    )
    op.create_table(
        "strategies",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("slug", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("head", sa.Integer, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.Column("archived_at", _INSTANT),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="strategies_user_id_fkey", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("user_id", "slug", name="strategies_user_id_slug_key"),
    )
    op.create_table(
        "strategy_versions",
        sa.Column("strategy_id", sa.Uuid, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("hash", sa.CHAR(64), nullable=False),
        sa.Column("flow", sa.JSON, nullable=False),
        sa.Column("label", sa.Text, nullable=False, server_default=""),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("strategy_id", "number", name="strategy_versions_pkey"),
        sa.ForeignKeyConstraint(
            ["strategy_id"],
            ["strategies.id"],
            name="strategy_versions_strategy_id_fkey",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("strategy_id", "hash", name="strategy_versions_strategy_id_hash_key"),
        sa.CheckConstraint("number > 0", name="strategy_versions_number_check"),
    )
    op.create_table(
        "backtests",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("strategy_id", sa.Uuid),
        sa.Column("version", sa.Integer),
        sa.Column("flow_hash", sa.CHAR(64), nullable=False),
        sa.Column("flow_name", sa.Text, nullable=False),
        sa.Column("flow", sa.JSON, nullable=False),
        sa.Column("settings", JSONB, nullable=False),
        sa.Column("provenance", JSONB, nullable=False),
        sa.Column("engine_version", sa.Text, nullable=False),
        sa.Column("data_digest", sa.Text, nullable=False),
        sa.Column("metrics", JSONB, nullable=False),
        sa.Column("detail", JSONB, nullable=False),
        sa.Column("series_format", sa.SmallInteger, nullable=False),
        sa.Column("series", sa.LargeBinary, nullable=False),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("finished_at", _INSTANT, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="backtests_user_id_fkey", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["strategy_id", "version"],
            ["strategy_versions.strategy_id", "strategy_versions.number"],
            name="backtests_strategy_id_version_fkey",
            ondelete="SET NULL",
        ),
        sa.CheckConstraint(
            "(strategy_id IS NULL) = (version IS NULL)", name="backtests_version_check"
        ),
    )
    op.create_index("backtests_user_id_finished_at_idx", "backtests", ["user_id", "finished_at"])
    op.create_index("backtests_strategy_id_version_idx", "backtests", ["strategy_id", "version"])
    op.create_table(
        "heartbeats",
        sa.Column("component", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("pid", sa.BigInteger, nullable=False),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("beat_at", _INSTANT, nullable=False),
        sa.Column("detail", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("component", "host", "pid", name="heartbeats_pkey"),
    )
    apply_queue_migrations(op.get_bind(), first="00.00.00_01", last="03.04.00_50")
