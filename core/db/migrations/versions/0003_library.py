"""Folders, tags, parents of versions, open tabs and global variables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0003"
down_revision = "0002"

_INSTANT = sa.DateTime(timezone=True)


def _names(column: str) -> sa.Column[list[str]]:
    return sa.Column(column, ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'"))


def upgrade() -> None:
    op.add_column("strategies", sa.Column("folder", sa.Text, nullable=False, server_default=""))
    for column in ("tags", "uses", "declares"):
        op.add_column("strategies", _names(column))
    # 'uses' stays empty: so far a flow had to declare every variable it used.
    op.execute(
        """
        UPDATE strategies s SET declares = ARRAY(SELECT json_object_keys(v.flow -> 'variables'))
        FROM strategy_versions v
        WHERE v.strategy_id = s.id AND v.number = s.head
          AND json_typeof(v.flow -> 'variables') = 'object'
        """
    )
    op.add_column("strategy_versions", sa.Column("parent", sa.Integer))
    # Which version was edited was not kept; it was nearly always the one before.
    op.execute("UPDATE strategy_versions SET parent = number - 1 WHERE number > 1")
    op.create_table(
        "open_tabs",
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("strategy_id", sa.Uuid, nullable=False),
        sa.Column("position", sa.BigInteger, sa.Identity(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "strategy_id", name="open_tabs_pkey"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="open_tabs_user_id_fkey", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["strategy_id"],
            ["strategies.id"],
            name="open_tabs_strategy_id_fkey",
            ondelete="CASCADE",
        ),
    )
    op.create_table(
        "variables",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("default", JSONB, nullable=False),
        sa.Column("sweep", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="variables_user_id_fkey", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("user_id", "name", name="variables_user_id_name_key"),
        sa.CheckConstraint(
            "kind IN ('number', 'symbol', 'indicator')", name="variables_kind_check"
        ),
    )
    op.create_index(
        "backtests_strategy_id_finished_at_idx", "backtests", ["strategy_id", "finished_at"]
    )
    op.create_index("strategy_versions_hash_idx", "strategy_versions", ["hash"])
