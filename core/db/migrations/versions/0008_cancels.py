"""Orders that were called off: since when the broker is asked to cancel them."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("ALTER TABLE orders ADD COLUMN cancel_asked_at TIMESTAMP WITH TIME ZONE")
