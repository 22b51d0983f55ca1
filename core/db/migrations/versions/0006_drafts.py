"""Drafts: unsaved changes to strategies."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("""
CREATE TABLE drafts (
    user_id UUID NOT NULL,
    strategy_id UUID NOT NULL,
    base INTEGER NOT NULL,
    flow TEXT NOT NULL,
    kept_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT drafts_pkey PRIMARY KEY (user_id, strategy_id),
    CONSTRAINT drafts_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT drafts_strategy_id_fkey FOREIGN KEY(strategy_id, base)
        REFERENCES strategy_versions (strategy_id, number) ON DELETE CASCADE
)
""")
    # For the cascade of a strategy that is deleted, and for nothing else.
    op.execute("CREATE INDEX drafts_strategy_id_base_idx ON drafts (strategy_id, base)")
