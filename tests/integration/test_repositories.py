"""What is stored comes back, once, and only to its owner."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import core.db.channel_tables
import core.db.live_tables  # noqa: F401  its tables belong to the schema
from core.accounts.users import User
from core.backtest.run import run_backtest
from core.backtest.settings import parse_settings
from core.db.schema import HEAD
from core.db.tables import metadata
from core.errors import BadInput, NeedsOperator, UnknownName
from core.flow.examples import example_flows
from core.flow.formats.native import content_hash, from_json
from core.library.results import from_saved, to_saved
from core.library.strategies import VersionConflict
from core.market.sources.demo import DemoSource
from tests.fakes.clock import VirtualClock

FLOWS = example_flows()
FLOW = FLOWS["risk-on-risk-off"]


def renamed(name: str):
    return FLOW.model_copy(update={"name": name})


# -- schema --------------------------------------------------------------------------------------


def test_migrations_make_exactly_the_tables_of_the_code(services):
    with services.database.engine.connect() as db:
        context = MigrationContext.configure(
            db,
            opts={
                "include_name": lambda name, kind, _: (
                    kind != "table" or not name.startswith("procrastinate_")
                )
            },
        )
        assert compare_metadata(context, metadata) == []


def test_migrating_again_changes_nothing(services):
    before, after = services.migrate()
    assert before == after
    assert after.revision == HEAD


def test_a_newer_schema_is_refused(services):
    from sqlalchemy import text

    with services.database.engine.begin() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        with pytest.raises(NeedsOperator, match="newer Sluice"):
            services.migrate()
    finally:
        with services.database.engine.begin() as db:
            db.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": HEAD})


# -- strategies ----------------------------------------------------------------------------------


def test_a_strategy_is_created_found_and_read_back(services):
    user = services.user.id
    made = services.strategies.create(user, FLOW, label="First")
    assert made.slug == "risk-on-risk-off"
    version = services.strategies.version(user, made.slug)
    assert (version.number, version.label, version.hash) == (1, "First", content_hash(FLOW))
    assert from_json(version.flow) == FLOW
    assert list(version.flow["variables"]) == list(FLOW.variables)
    assert services.strategies.names(user) == {made.slug: FLOW.name}
    assert services.strategies.slug(user, made.id) == made.slug


def test_names_may_repeat_and_short_names_do_not(services):
    user = services.user.id
    slugs = [services.strategies.create(user, FLOW).slug for _ in range(3)]
    assert slugs == ["risk-on-risk-off", "risk-on-risk-off-2", "risk-on-risk-off-3"]
    with pytest.raises(BadInput, match="taken"):
        services.strategies.create(user, FLOW, slug="risk-on-risk-off")


def test_a_save_is_a_new_version_and_an_old_flow_is_its_old_version(services):
    user, store = services.user.id, services.strategies
    slug = store.create(user, FLOW).slug
    second = store.save(user, slug, renamed("Other"), expected=1)
    assert second.number == 2
    assert store.get(user, slug).name == "Other"
    back = store.save(user, slug, FLOW, expected=2)
    assert back.number == 1
    assert store.get(user, slug).head == 1
    assert [v.number for v in store.versions(user, slug)] == [2, 1]


def test_who_saves_second_is_told_and_nothing_is_lost(services):
    user, store = services.user.id, services.strategies
    slug = store.create(user, FLOW).slug
    answers = []

    def save(name: str) -> None:
        answers.append(store.save(user, slug, renamed(name), expected=1))

    threads = [threading.Thread(target=save, args=(name,)) for name in ("Mine", "Yours")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    conflicts = [a for a in answers if isinstance(a, VersionConflict)]
    assert len(conflicts) == 1
    assert (conflicts[0].expected, conflicts[0].found) == (1, 2)
    assert len(store.versions(user, slug)) == 2


def test_archived_strategies_leave_the_list_and_deleted_ones_the_library(services):
    user, store = services.user.id, services.strategies
    slug = store.create(user, FLOW).slug
    services.catalogue.archive(user, [slug])
    assert (store.names(user), store.count(user)) == ({}, 0)
    assert store.get(user, slug).archived_at is not None
    services.catalogue.archive(user, [slug], archived=False)
    assert store.count(user) == 1
    store.delete(user, slug)
    with pytest.raises(UnknownName):
        store.get(user, slug)


def test_nobody_sees_anothers(services):
    stranger = services.users.ensure(User(uuid4(), "stranger"))
    slug = services.strategies.create(services.user.id, FLOW).slug
    assert services.strategies.names(stranger.id) == {}
    with pytest.raises(UnknownName):
        services.strategies.get(stranger.id, slug)
    with pytest.raises(UnknownName):
        services.strategies.delete(stranger.id, slug)


def test_examples_are_put_there_once(services):
    assert services.seed() == len(FLOWS)
    services.strategies.delete(services.user.id, "storm-watch")
    assert services.seed() == 0
    assert services.strategies.count(services.user.id) == len(FLOWS) - 1


# -- backtests -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def result():
    settings = parse_settings(start=date(2022, 1, 3))
    source = DemoSource(VirtualClock("2024-07-01T12:00:00"))
    return run_backtest(FLOW, source, settings).result


def saved(services, result, *, age=timedelta(0), strategy=None):
    finished = datetime(2024, 7, 1, tzinfo=UTC) - age
    return to_saved(
        result, user_id=services.user.id, engine_version="test", started_at=finished,
        finished_at=finished, strategy=strategy,
    )  # fmt: skip


def test_a_result_comes_back_as_it_was(services, result):
    row = saved(services, result)
    services.backtests.add(row)
    found = from_saved(services.backtests.get(services.user.id, row.summary.id))
    assert found.equity.tobytes() == result.equity.tobytes()
    assert found.weights.tobytes() == result.weights.tobytes()
    assert found.flow == result.flow
    assert repr(found.metrics) == repr(result.metrics)
    assert found.provenance == result.provenance


def test_results_are_listed_newest_first_and_latest_by_strategy(services, result):
    made = services.strategies.create(services.user.id, FLOW)
    old = saved(services, result, age=timedelta(days=2), strategy=(made.id, 1))
    new = saved(services, result, age=timedelta(days=1), strategy=(made.id, 1))
    free = saved(services, result)
    for row in (old, new, free):
        services.backtests.add(row)
    user = services.user.id
    assert [r.id for r in services.backtests.recent(user)] == [
        free.summary.id, new.summary.id, old.summary.id,
    ]  # fmt: skip
    assert services.backtests.latest(user, [made.id])[made.id].id == new.summary.id
    assert services.backtests.count(user) == 3
    services.strategies.delete(user, made.slug)
    assert services.backtests.count(user) == 3
    assert services.backtests.get(user, new.summary.id).summary.strategy_id is None


def test_pinned_results_outlive_their_time(services, result):
    old, pinned = (saved(services, result, age=timedelta(days=100)) for _ in range(2))
    for row in (old, pinned, saved(services, result)):
        services.backtests.add(row)
    services.backtests.pin(services.user.id, pinned.summary.id)
    assert services.backtests.delete_older(datetime(2024, 6, 1, tzinfo=UTC)) == 1
    assert services.backtests.count(services.user.id) == 2
    services.backtests.delete(services.user.id, pinned.summary.id)
    assert services.backtests.count(services.user.id) == 1


# -- heartbeats ----------------------------------------------------------------------------------


def test_a_heartbeat_has_an_age_and_is_forgotten(services):
    beats, now = services.heartbeats, services.clock()
    for _ in range(2):
        beats.beat("worker", host="here", pid=7, started_at=now)
    beats.beat("web", host="here", pid=8, started_at=now)
    assert [b.component for b in beats.all()] == ["web", "worker"]
    assert not any(b.silent for b in beats.all())
    assert all(0 <= b.age_seconds < 60 for b in beats.all())
    beats.forget("web", host="here", pid=8)
    assert beats.forget_older(timedelta(0)) == 1
    assert beats.all() == []
