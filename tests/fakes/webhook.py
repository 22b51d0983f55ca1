"""A webhook as a chat service gives one: takes JSON by POST, and keeps it in the journal."""

from __future__ import annotations

import json
from typing import Any

from pydantic import SecretStr

from tests.fakes.clock import VirtualClock
from tests.fakes.server import Call, FakeServer, Reply

TOKEN = "T0kenThatNobodySees"


class Webhook(FakeServer):
    """Answers every POST with 200; tests script failures with ``misbehave``."""

    def __init__(self) -> None:
        super().__init__(VirtualClock("2024-07-01T12:00:00"))

    def answer(self, call: Call) -> Reply:
        return Reply.of({"ok": True})

    def address(self, name: str = "hook") -> SecretStr:
        """A channel's address of this server, with a secret in it; ``name`` is in the path."""
        return SecretStr(f"{self.url.replace('http', 'json')}/{name}/{TOKEN}")

    def bodies(self, name: str = "") -> list[dict[str, Any]]:
        """What was posted to the address of that name, in the order it came."""
        return [json.loads(call.body) for call in self.calls(f"/{name}")]
