"""The deliveries table: an outbox of events on their way to channels.

An event is recorded by whoever trades, in one transaction with what it tells of, and nothing else
happens there. Later, and elsewhere, ``deliver_due`` notes which channels want it (the key keeps
that to once), claims what is due, sends it outside any transaction and records how that went. A
delivery recorded as sent is never sent again. Between sending and recording lies a gap: a process
that dies in it leaves a claim that runs out, and the message is sent a second time.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from core.accounts.events import REPLAYED, SEVERITIES, Kind
from core.accounts.outbox import (
    BACK_OFF,
    BURST,
    MOST_TRIES,
    PAUSES,
    TOO_OLD,
    Bundle,
    Delivery,
    Message,
    bundles,
)
from core.accounts.vault import Vault
from core.clock import Clock
from core.db.channel_tables import channels, deliveries
from core.db.events import as_recorded
from core.db.live_tables import accounts, deployments, events
from core.db.session import transaction
from core.errors import SluiceError

log = logging.getLogger(__name__)

Send = Callable[[SecretStr, Message], None]
"""Sends a message to an address within seconds; raises Unavailable or BadInput."""

ADDRESS = "address"
"""Name of a channel's address in what is sealed."""
LEASE = timedelta(seconds=60)
"""A sender not heard of for so long is taken for dead; longer than it may take to send."""
_SENDING_SECONDS = 20.0
"""After this a sender begins no further message to a channel in one go."""
_MOST_CHANNELS, _MOST_EVENTS = 50, 500
_WAITING = deliveries.c.state.in_(("due", "sending"))


@dataclass(frozen=True, slots=True)
class _Claim:
    """What one sender has to send to one channel, in that order."""

    channel_id: UUID
    sealed: bytes = field(repr=False)
    bundles: Sequence[Bundle]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How sending a bundle went; without a bundle, that of a whole claim."""

    claim: _Claim
    bundle: Bundle | None
    error: BaseException | None = None


class Deliveries:
    """Any number of senders may work at once: a channel is served by one at a time, in order."""

    def __init__(self, engine: Engine, clock: Clock, vault: Vault) -> None:
        self._engine, self._clock, self._vault = engine, clock, vault

    def deliver_due(self, now: datetime, send: Send) -> int:
        """Send what is due at ``now``; returns how many events channels were told of.

        Channels are served side by side, each at most half a minute: one that is silent keeps no
        other waiting. After a failure a channel rests, and what it was to be told is tried again
        later. Uses one connection, and none while it waits for a service.
        """
        self._queue(now)
        claims = self._claims(now)
        outcomes: queue.SimpleQueue[_Outcome | None] = queue.SimpleQueue()
        for claim in claims:
            work = (claim, send, outcomes)
            threading.Thread(target=self._serve, args=work, name="notify", daemon=True).start()
        told, busy, unexpected = 0, len(claims), None
        while busy:
            outcome = outcomes.get()
            if outcome is None:
                busy -= 1
            elif outcome.error is None or isinstance(outcome.error, SluiceError):
                told += self._record(outcome)
            else:
                unexpected = outcome.error
        if unexpected is not None:
            raise unexpected
        return told

    def forget_older(self, than: datetime) -> int:
        """Remove what was settled before that instant; returns how many deliveries."""
        settled = deliveries.c.state.in_(("sent", "failed", "dropped"))
        old = and_(settled, deliveries.c.next_try_at < than)
        with transaction(self._engine) as db:
            return db.execute(delete(deliveries).where(old)).rowcount

    # -- claiming ------------------------------------------------------------------------------

    def _queue(self, now: datetime) -> None:
        try:
            with transaction(self._engine) as db:
                queue_events(db, now)
        except IntegrityError:
            # An account or channel was deleted this moment: what is left is noted next time.
            log.info("deleted meanwhile", extra={"action": "notify"})

    def _claims(self, now: datetime) -> list[_Claim]:
        due = and_(_WAITING, deliveries.c.next_try_at <= now)
        table = channels.c
        mine = deliveries.c.channel_id == table.id
        sending = and_(
            mine, deliveries.c.state == "sending", deliveries.c.next_try_at > now
        )  # by another sender that lives
        ready = (
            select(table.id, table.address)
            .where(
                table.enabled,
                or_(table.rests_until.is_(None), table.rests_until <= now),
                exists().where(mine, due),
                ~exists().where(sending),
            )
            .limit(_MOST_CHANNELS)
            # No key update: it does not wait for those who refer to the row, nor they for it.
            .with_for_update(key_share=True, skip_locked=True)
        )
        with transaction(self._engine) as db:
            _give_up_old(db, now)
            return [
                _Claim(row.id, row.address, bundles(found, _told(db, row.id, now)))
                for row in db.execute(ready).all()
                if (found := _claim(db, row.id, due, now))
            ]

    # -- sending -------------------------------------------------------------------------------

    def _serve(
        self, claim: _Claim, send: Send, outcomes: queue.SimpleQueue[_Outcome | None]
    ) -> None:
        """Send a claim's messages up to the first failure; runs in a thread of its own."""
        begun, bundle = time.monotonic(), None
        try:
            address = self._vault.open(claim.sealed)[ADDRESS]
            for bundle in claim.bundles:
                if time.monotonic() - begun > _SENDING_SECONDS:
                    break
                send(address, bundle.message())
                outcomes.put(_Outcome(claim, bundle))
            outcomes.put(_Outcome(claim, None))
        except BaseException as err:  # noqa: BLE001 - told to the thread that waits
            outcomes.put(_Outcome(claim, bundle, err))
        finally:
            outcomes.put(None)

    def _record(self, outcome: _Outcome) -> int:
        """Store how it went; returns how many events were told."""
        now, claim, bundle = self._clock(), outcome.claim, outcome.bundle
        with transaction(self._engine) as db:
            if outcome.error is None and bundle is not None:
                _sent(db, claim.channel_id, bundle, now)
                return len(bundle.deliveries)
            if outcome.error is not None:
                _failed(db, claim.channel_id, bundle, str(outcome.error), now)
            _release(db, claim, now)
        if outcome.error is not None:
            log.warning(
                "not sent: %s", outcome.error,
                extra={"action": "notify", "channel": claim.channel_id},
            )  # fmt: skip
        return 0


def queue_events(db: Connection, now: datetime, channel: UUID | None = None) -> None:
    """Note which recent events are to be sent to which enabled channels; of one, or of all."""
    table, told = channels.c, events.c
    rank = {severity: rank for rank, severity in enumerate(SEVERITIES)}
    noted = exists().where(deliveries.c.event_id == told.id, deliveries.c.channel_id == table.id)
    wanted = (
        select(told.id, table.id, literal("due"), literal(now, deliveries.c.next_try_at.type))
        .join_from(channels, events, told.user_id == table.user_id)
        .where(
            table.enabled,
            told.at >= func.greatest(table.since, now - TOO_OLD),
            or_(table.kinds == [], told.kind == table.kinds.any_()),
            case(rank, value=told.severity) >= case(rank, value=table.severity),
            ~told.detail.contains({REPLAYED: True}),
            ~noted,
        )
    )
    if channel is not None:
        wanted = wanted.where(table.id == channel)
    columns = ("event_id", "channel_id", "state", "next_try_at")
    db.execute(insert(deliveries).from_select(columns, wanted).on_conflict_do_nothing())


def retry_now(db: Connection, channel: UUID, now: datetime) -> None:
    """Let a channel that works again have at once what waits for it."""
    table = channels.c
    db.execute(update(channels).where(table.id == channel).values(failures=0, rests_until=None))
    due = and_(deliveries.c.channel_id == channel, deliveries.c.state == "due")
    db.execute(update(deliveries).where(due).values(next_try_at=now))


def _give_up_old(db: Connection, now: datetime) -> None:
    old = and_(
        _WAITING,
        deliveries.c.next_try_at <= now,
        deliveries.c.event_id == events.c.id,
        events.c.at < now - TOO_OLD,
    )
    error = func.concat("Not sent within a day. ", deliveries.c.error)
    db.execute(update(deliveries).where(old).values(state="failed", error=error))


def _claim(
    db: Connection, channel: UUID, due: ColumnElement[bool], now: datetime
) -> list[Delivery]:
    table = deliveries.c
    query = (
        select(
            events,
            accounts.c.name.label("account"),
            deployments.c.name.label("deployment"),
            table.tries,
        )
        .join_from(deliveries, events, events.c.id == table.event_id)
        .outerjoin(accounts, accounts.c.id == events.c.account_id)
        .outerjoin(deployments, deployments.c.id == events.c.deployment_id)
        .where(table.channel_id == channel, due)
        .order_by(table.tries, table.event_id)
        .limit(_MOST_EVENTS)
        .with_for_update(of=deliveries, skip_locked=True)
    )
    found = [Delivery(as_recorded(row), row["tries"]) for row in db.execute(query).mappings()]
    ids = [delivery.recorded.id for delivery in found]
    db.execute(
        update(deliveries)
        .where(table.channel_id == channel, table.event_id.in_(ids))
        .values(state="sending", next_try_at=now + LEASE)
    )
    return found


def _told(db: Connection, channel: UUID, now: datetime) -> dict[Kind, int]:
    """Events of each kind the channel was told of in the last minute."""
    query = (
        select(events.c.kind, func.count().label("told"))
        .join_from(deliveries, events, events.c.id == deliveries.c.event_id)
        .where(deliveries.c.channel_id == channel, deliveries.c.sent_at > now - BURST)
        .group_by(events.c.kind)
    )
    return {row.kind: row.told for row in db.execute(query)}


def _sent(db: Connection, channel: UUID, bundle: Bundle, now: datetime) -> None:
    values = {"state": "sent", "sent_at": now, "next_try_at": now, "error": ""}
    db.execute(update(deliveries).where(_of(channel, bundle)).values(values))
    well = {"last_sent_at": now, "failures": 0, "rests_until": None}
    db.execute(update(channels).where(channels.c.id == channel).values(well))


def _failed(
    db: Connection, channel: UUID, bundle: Bundle | None, error: str, now: datetime
) -> None:
    by_tries: dict[int, list[Delivery]] = defaultdict(list)
    for delivery in bundle.deliveries if bundle else ():
        by_tries[delivery.tries + 1].append(delivery)
    for tries, some in by_tries.items():
        given_up = tries >= MOST_TRIES
        values = {
            "state": "failed" if given_up else "due",
            "tries": tries,
            "next_try_at": now if given_up else now + BACK_OFF[tries - 1],
            "error": error,
        }
        these = _of(channel, Bundle(tuple(some)))
        db.execute(update(deliveries).where(these, deliveries.c.state != "sent").values(values))
    table = channels.c
    pause = case((table.failures == 0, PAUSES[0]), else_=PAUSES[1])
    db.execute(
        update(channels)
        .where(table.id == channel)
        .values(
            last_error=error,
            last_error_at=now,
            failures=table.failures + 1,
            rests_until=literal(now, table.rests_until.type) + pause,
        )
    )


def _release(db: Connection, claim: _Claim, now: datetime) -> None:
    """Let go what was claimed and not tried."""
    ids = [event_id for bundle in claim.bundles for event_id in bundle.event_ids]
    table = deliveries.c
    mine = and_(
        table.channel_id == claim.channel_id, table.event_id.in_(ids), table.state == "sending"
    )
    db.execute(update(deliveries).where(mine).values(state="due", next_try_at=now))


def _of(channel: UUID, bundle: Bundle) -> ColumnElement[bool]:
    return and_(deliveries.c.channel_id == channel, deliveries.c.event_id.in_(bundle.event_ids))
