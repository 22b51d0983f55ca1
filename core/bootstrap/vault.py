"""The vault, and what it sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.bootstrap.database import DatabaseServices
from core.bootstrap.once import once

if TYPE_CHECKING:
    from core.accounts.vault import Vault
    from core.db.sealed import Sealed


class VaultServices(DatabaseServices):
    """Secrets that stand in the database, sealed by a key that does not."""

    @once
    def vault(self) -> Vault:
        """What seals secrets for the database."""
        from core.accounts.vault import Vault

        settings = self.settings
        return Vault(settings.home, settings.vault_key, sealed=lambda: self.sealed.count())

    @once
    def sealed(self) -> Sealed:
        """What is sealed there."""
        from core.db.sealed import Sealed

        return Sealed(self.database.engine)

    def renew_vault(self) -> int:
        """A new key for the vault, and everything sealed with it; how many values.

        If that fails half-way, old and new key are both there and everything opens.
        """
        self.vault.renew()
        return self.sealed.reseal(self.vault)
