"""Alembic's entry: runs the migrations on the connection that ``core.db.schema`` hands over."""

from alembic import context

# Their tables belong to the schema.
import core.db.channel_tables
import core.db.live_tables  # noqa: F401
from core.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # All of them in the caller's one transaction: half a migration is none.
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
