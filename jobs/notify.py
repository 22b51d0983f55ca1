"""Notifications: sends what channels are to be told of."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from core.errors import SluiceError

if TYPE_CHECKING:
    from core.bootstrap import Services

log = logging.getLogger(__name__)

EVERY_SECONDS = 10
"""How often the scheduler calls ``deliver``."""


def deliver(services: Services) -> int:
    """Send what is due; returns how many events channels were told of.

    Takes up to half a minute where services are slow, and may run beside itself. What is wrong
    with a service is recorded at its channel; what is wrong with the database is logged, and
    tried again at the next call.
    """
    try:
        told = services.deliveries.deliver_due(services.clock(), services.notifier.send)
    except SluiceError as err:
        log.warning("nothing sent: %s", err, extra={"action": "notify"})
        return 0
    if told:
        log.info("sent", extra={"action": "notify", "events": told})
    return told
