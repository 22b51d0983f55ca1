"""What the vault has sealed in the database, in every table."""

from __future__ import annotations

from sqlalchemy import Engine, func, select, update

from core.accounts.vault import Vault
from core.db.channel_tables import channels
from core.db.live_tables import accounts
from core.db.session import transaction

_COLUMNS = (channels.c.address, accounts.c["keys"])
"""A new column that holds sealed bytes belongs here; its table has an ``id``."""


class Sealed:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def count(self) -> int:
        """How many sealed values there are."""
        with transaction(self._engine) as db:
            return sum(db.execute(select(func.count(column))).scalar_one() for column in _COLUMNS)

    def reseal(self, vault: Vault) -> int:
        """Seal everything with the vault's newest key, in one transaction; how many values.

        Raises NeedsOperator, nothing changed, if one of them cannot be opened.
        """
        done = 0
        with transaction(self._engine) as db:
            for column in _COLUMNS:
                table = column.table
                query = select(table.c.id, column).where(column.is_not(None)).with_for_update()
                for row_id, sealed in db.execute(query).all():
                    new = {column.name: vault.reseal(sealed)}
                    db.execute(update(table).where(table.c.id == row_id).values(new))
                    done += 1
        return done
