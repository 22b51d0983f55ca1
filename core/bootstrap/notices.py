"""What people are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.bootstrap.once import once
from core.bootstrap.vault import VaultServices

if TYPE_CHECKING:
    from core.db.channels import Channels
    from core.db.deliveries import Deliveries
    from core.db.events import Events
    from core.notify import Notifier


class NoticeServices(VaultServices):
    """Events, the channels they go to, and what sends them."""

    @once
    def events(self) -> Events:
        """What happened in live trading."""
        from core.db.events import Events

        return Events(self.database.engine)

    @once
    def channels(self) -> Channels:
        """Where users are told of it."""
        from core.db.channels import Channels
        from core.notify import destination

        return Channels(self.database.engine, self.clock, self.vault, destination)

    @once
    def deliveries(self) -> Deliveries:
        """What is still to be sent to channels."""
        from core.db.deliveries import Deliveries

        return Deliveries(self.database.engine, self.clock, self.vault)

    @once
    def notifier(self) -> Notifier:
        """What sends it."""
        from core.notify import Notifier

        return Notifier()
