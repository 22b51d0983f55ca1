"""Leadership: of several schedulers one trades, the others stand by and say so."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from core.accounts.account import LEADER
from core.errors import SluiceError

if TYPE_CHECKING:
    from core.bootstrap import Services

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
"""How often a stand-by tries, and a leader makes sure: a dead leader is replaced within 30 s."""


class Leader:
    """Whether this process leads; asked again every few seconds by ``look``."""

    def __init__(self, services: Services) -> None:
        self._lease = services.lease(LEADER)
        self._leads = threading.Event()
        self._stands_by = False

    @property
    def leads(self) -> bool:
        return self._leads.is_set()

    def look(self) -> bool:
        """Take the lead if nobody has it, let go if it was lost; True when it was taken now."""
        try:
            leads = self._lease.take()
        except SluiceError as err:
            log.warning("no leader: %s", err, extra={"action": "lead"})
            leads = False
        was, taken = self.leads, False
        if not leads and not was and not self._stands_by:
            log.info("standing by: another process leads", extra={"action": "lead"})
        self._stands_by = not leads
        if leads and not was:
            self._leads.set()
            taken = True
            log.info("leading", extra={"action": "lead", "fence": self._lease.fence})
        elif was and not leads:
            self._leads.clear()
            log.warning("no longer leading", extra={"action": "lead"})
        return taken

    def step_down(self) -> None:
        self._leads.clear()
        self._lease.give_back()
