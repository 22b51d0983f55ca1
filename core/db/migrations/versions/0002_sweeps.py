"""Sweeps and their blocks; each sweep's runs are a table of their own in the schema ``runs``."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("CREATE SCHEMA runs")
    op.create_table(
        "sweeps",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("number", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("key", sa.CHAR(64), nullable=False),
        sa.Column("base", sa.CHAR(64), nullable=False),
        sa.Column("strategy_id", sa.Uuid),
        sa.Column("version", sa.Integer),
        sa.Column("flow_hash", sa.CHAR(64), nullable=False),
        sa.Column("flow_name", sa.Text, nullable=False),
        sa.Column("flow", sa.JSON, nullable=False),
        sa.Column("references", sa.JSON, nullable=False),
        sa.Column("settings", JSONB, nullable=False),
        sa.Column("grid", sa.JSON, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("path", sa.Text),
        sa.Column("engine_version", sa.Text, nullable=False),
        sa.Column("data_digest", sa.Text, nullable=False),
        sa.Column("detail", JSONB, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("done", sa.BigInteger, nullable=False),
        sa.Column("failed", sa.BigInteger, nullable=False),
        sa.Column("reused", sa.BigInteger, nullable=False),
        sa.Column("origin", sa.JSON),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("started_at", _INSTANT),
        sa.Column("finished_at", _INSTANT),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.UniqueConstraint("number", name="sweeps_number_key"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="sweeps_user_id_fkey", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["strategy_id", "version"],
            ["strategy_versions.strategy_id", "strategy_versions.number"],
            name="sweeps_strategy_id_version_fkey",
            ondelete="SET NULL",
        ),
    )
    op.create_index("sweeps_user_id_created_at_idx", "sweeps", ["user_id", "created_at"])
    op.create_index("sweeps_strategy_id_version_idx", "sweeps", ["strategy_id", "version"])
    op.create_table(
        "sweep_blocks",
        sa.Column("sweep", sa.BigInteger, nullable=False),
        sa.Column("block", sa.Integer, nullable=False),
        sa.Column("finished_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("sweep", "block", name="sweep_blocks_pkey"),
        sa.ForeignKeyConstraint(
            ["sweep"], ["sweeps.number"], name="sweep_blocks_sweep_fkey", ondelete="CASCADE"
        ),
    )
