"""The channels table: where users are told of events. Every method is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from pydantic import SecretStr
from sqlalchemy import ColumnElement, Connection, Engine, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from core.accounts.channels import Channel, Choice, Destination
from core.accounts.outbox import Message
from core.accounts.vault import Vault
from core.clock import Clock
from core.db.channel_tables import channels, deliveries
from core.db.deliveries import ADDRESS, Send, queue_events, retry_now
from core.db.session import transaction
from core.errors import BadInput, SluiceError, UnknownName

TEST = Message("Sluice: Test", "This is a test: messages of Sluice arrive in this channel.", "info")
_OVERLAP = timedelta(minutes=2)
"""Events may be committed this long after they happened: a changed channel still gets them."""


class Channels:
    """A user's channels; a user never sees another's, and nobody an address.

    ``destination`` says what may be shown of an address, or raises BadInput.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        vault: Vault,
        destination: Callable[[SecretStr], Destination],
    ) -> None:
        self._engine, self._clock, self._vault = engine, clock, vault
        self._destination = destination

    def all(self, user_id: UUID) -> list[Channel]:
        """The user's channels by name."""
        waiting = (
            select(func.count())
            .where(
                deliveries.c.channel_id == channels.c.id, deliveries.c.state.in_(("due", "sending"))
            )
            .scalar_subquery()
            .label("waiting")
        )
        query = select(channels, waiting).where(channels.c.user_id == user_id)
        with transaction(self._engine) as db:
            rows = db.execute(query.order_by(func.lower(channels.c.name))).mappings()
            return [_channel(row) for row in rows]

    def add(self, user_id: UUID, choice: Choice, address: SecretStr) -> UUID:
        """A new channel's id; it gets what happens from now on.

        Raises BadInput for a name that is taken or an address no service answers to.
        """
        now, channel_id = self._clock(), uuid4()
        row = {
            **_chosen(choice), **self._address(address),
            "id": channel_id, "user_id": user_id, "since": now, "created_at": now,
        }  # fmt: skip
        query = insert(channels).values(row).on_conflict_do_nothing().returning(channels.c.id)
        with transaction(self._engine) as db:
            if db.execute(query).one_or_none() is None:
                raise _taken(choice.name)
        return channel_id

    def change(
        self, user_id: UUID, channel_id: UUID, choice: Choice, address: SecretStr | None = None
    ) -> None:
        """Another name, other events from now on, and if given another address.

        Raises UnknownName, or BadInput like ``add``.
        """
        now, mine = self._clock(), _one(user_id, channel_id)
        values = _chosen(choice)
        if address is not None:
            values |= self._address(address)
        other = (channels.c.user_id == user_id) & (channels.c.name == choice.name)
        with transaction(self._engine) as db:
            self._lock(db, user_id, channel_id)
            if db.execute(select(channels.c.id).where(other, channels.c.id != channel_id)).all():
                raise _taken(choice.name)
            queue_events(db, now, channel_id)
            since = func.greatest(channels.c.since, now - _OVERLAP)
            db.execute(update(channels).where(mine).values(values | {"since": since}))
            if address is not None:
                retry_now(db, channel_id, now)

    def enable(self, user_id: UUID, channel_id: UUID, *, enabled: bool) -> None:
        """Switch a channel on, for what happens from now on; or off, with what waits for it."""
        now = self._clock()
        with transaction(self._engine) as db:
            self._lock(db, user_id, channel_id)
            if enabled:
                values = {"enabled": True, "since": now, "failures": 0, "rests_until": None}
            else:
                values = {"enabled": False}
                waits = (deliveries.c.channel_id == channel_id) & (deliveries.c.state == "due")
                dropped = {"state": "dropped", "error": "The channel was switched off."}
                db.execute(update(deliveries).where(waits).values(dropped))
            db.execute(update(channels).where(channels.c.id == channel_id).values(values))

    def delete(self, user_id: UUID, channel_id: UUID) -> None:
        """Delete a channel and its address; raises UnknownName."""
        with transaction(self._engine) as db:
            self._lock(db, user_id, channel_id)
            db.execute(delete(channels).where(_one(user_id, channel_id)))

    def test(self, user_id: UUID, channel_id: UUID, send: Send) -> str:
        """Send a test message outside any transaction; why it failed, or an empty string.

        When it arrives, what waits for the channel is sent at once. Raises UnknownName, or
        NeedsOperator when the address cannot be opened.
        """
        with transaction(self._engine) as db:
            sealed = self._lock(db, user_id, channel_id)
        address = self._vault.open(sealed)[ADDRESS]
        try:
            send(address, TEST)
        except SluiceError as err:
            error = str(err)
        else:
            error = ""
        now = self._clock()
        told = {"last_error": error, "last_error_at": now} if error else {"last_sent_at": now}
        with transaction(self._engine) as db:
            db.execute(update(channels).where(_one(user_id, channel_id)).values(told))
            if not error:
                retry_now(db, channel_id, now)
        return error

    def _address(self, address: SecretStr) -> dict[str, Any]:
        found = self._destination(address)
        sealed = self._vault.seal({ADDRESS: address})
        return {ADDRESS: sealed, "service": found.service, "tail": found.tail}

    def _lock(self, db: Connection, user_id: UUID, channel_id: UUID) -> bytes:
        """Its sealed address, the row locked; raises UnknownName."""
        query = select(channels.c.address).where(_one(user_id, channel_id))
        # No key update: noting an event for the channel need not wait.
        sealed = db.execute(query.with_for_update(key_share=True)).scalar_one_or_none()
        if sealed is None:
            raise UnknownName(
                "channel", "channel", str(channel_id), fix="It was deleted. Load the page again."
            )
        return bytes(sealed)


def _one(user_id: UUID, channel_id: UUID) -> ColumnElement[bool]:
    return (channels.c.user_id == user_id) & (channels.c.id == channel_id)


def _chosen(choice: Choice) -> dict[str, Any]:
    return {"name": choice.name, "kinds": list(choice.kinds), "severity": choice.severity}


def _channel(row: Mapping[Any, Any]) -> Channel:
    kept = ("id", "user_id", "enabled", "created_at", "last_sent_at", "last_error", "last_error_at",
            "waiting")  # fmt: skip
    return Channel(
        choice=Choice(row["name"], tuple(row["kinds"]), row["severity"]),
        destination=Destination(row["service"], row["tail"]),
        **{name: row[name] for name in kept},
    )


def _taken(name: str) -> BadInput:
    return BadInput("name", f"there is a channel '{name}' already.", "Choose another name.")
