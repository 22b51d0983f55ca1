"""The broker's own number of an account: no two accounts own the same money."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"

_STATEMENTS = """
ALTER TABLE accounts ADD COLUMN number TEXT;

ALTER TABLE accounts ADD CONSTRAINT accounts_broker_number_key UNIQUE (broker, number)
"""


def upgrade() -> None:
    for statement in _STATEMENTS.split(";\n\n"):
        op.execute(statement)
