"""The library on a real Postgres: its list, tabs, versions and global variables."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from core.accounts.users import User
from core.backtest.run import run_backtest
from core.backtest.settings import parse_settings
from core.errors import BadInput, UnknownName
from core.flow.examples import example_flows
from core.flow.formats.native import content_hash, from_json, to_json
from core.flow.nodes import Flow
from core.library.backtests import BacktestSummary, SavedBacktest
from core.library.catalogue import Query
from core.library.results import from_saved, to_saved
from core.library.strategies import VersionConflict
from core.library.variables import draft_of

FLOW = example_flows()["risk-on-risk-off"]


def named(name: str, **more) -> Flow:
    return FLOW.model_copy(update={"name": name, **more})


def using(*names: str, declares: dict | None = None, name: str = "Uses") -> Flow:
    """A flow that holds, in equal parts, the symbols of these variables."""
    return from_json(
        {
            "sluice": 1,
            "name": name,
            "variables": declares or {},
            "root": {
                "kind": "weight",
                "name": "$not_a_variable",
                "children": [{"kind": "asset", "symbol": f"${n}"} for n in names],
            },
        }
    )


def names(services, query: Query, *, limit: int = 20, offset: int = 0) -> list[str]:
    found = services.catalogue.page(services.user.id, query, limit=limit, offset=offset)
    return [entry.strategy.name for entry in found]


def keep_backtest(services, strategy, *, days: int = 0, **metrics: float) -> None:
    """A saved result of that many days ago, with these metrics."""
    finished = datetime(2024, 7, 1, tzinfo=UTC) - timedelta(days=days)
    summary = BacktestSummary(
        user_id=services.user.id, flow_hash="0" * 64, flow_name=strategy.name, settings={},
        provenance={"source": "demo"}, engine_version="test", data_digest="", metrics=metrics,
        started_at=finished, finished_at=finished, strategy_id=strategy.id, version=1,
    )  # fmt: skip
    services.backtests.add(SavedBacktest(summary, {}, {}, {}))


# -- the list ------------------------------------------------------------------------------------


def test_the_list_is_searched_in_names_folders_and_tags(services):
    user = services.user.id
    services.strategies.create(user, named("Alpha", description="First of all"))
    services.strategies.create(user, named("Beta"), folder="Momentum/US")
    services.strategies.create(user, named("100% gold"), tags=("hedge",))
    assert names(services, Query()) == ["100% gold", "Alpha", "Beta"]
    assert services.catalogue.count(user, Query()) == 3
    assert services.catalogue.page(user, Query(), limit=3)[1].description == "First of all"
    for search, wanted in {"BET": "Beta", "momentum": "Beta", "hedge": "100% gold", "0%": "100% gold"}.items():  # fmt: skip
        assert names(services, Query(search=search)) == [wanted]
    assert services.catalogue.count(user, Query(search="_")) == 0
    stranger = services.users.ensure(User(uuid4(), "stranger"))
    assert services.catalogue.count(stranger.id, Query()) == 0
    assert services.catalogue.page(stranger.id, Query(), limit=3) == []


def test_the_list_has_pages(services):
    user = services.user.id
    for i in range(7):
        services.strategies.create(user, named(f"S{i}"))
    pages = [names(services, Query(), limit=3, offset=o) for o in (0, 3, 6)]
    assert pages == [["S0", "S1", "S2"], ["S3", "S4", "S5"], ["S6"]]
    assert services.catalogue.count(user, Query()) == 7
    assert len(services.catalogue.slugs(user, Query(search="S"))) == 7


def test_the_list_is_sorted_by_any_metric_of_the_last_backtest(services):
    user = services.user.id
    a, b, c, d = (services.strategies.create(user, named(n)) for n in "ABCD")
    keep_backtest(services, a, days=3, sharpe=9.0, cagr=0.1)
    keep_backtest(services, a, days=1, sharpe=0.5, cagr=0.3)
    keep_backtest(services, b, sharpe=1.5, cagr=0.2)
    keep_backtest(services, c, sharpe=float("nan"), cagr=-0.1)
    assert d.head == 1  # no backtest at all
    by = lambda sort, down: names(services, Query(sort=sort, descending=down))  # noqa: E731
    assert by("sharpe", True) == ["B", "A", "C", "D"]
    assert by("sharpe", False) == ["A", "B", "C", "D"]
    assert by("cagr", True) == ["A", "B", "C", "D"]
    assert by("name", True) == ["D", "C", "B", "A"]
    services.strategies.save(user, b.slug, named("B", description="x"), expected=1)
    assert by("updated", True)[0] == "B"
    with pytest.raises(UnknownName, match="'shrape'"):
        by("shrape", True)


def test_many_are_archived_moved_and_tagged_at_once(services):
    user, catalogue = services.user.id, services.catalogue
    slugs = [services.strategies.create(user, named(n)).slug for n in ("A", "B", "C")]
    assert catalogue.tag(user, slugs, add=["Daily", "us  equities"]) == 3
    assert catalogue.tag(user, slugs[:1], add=["hedge"], remove=["daily"]) == 1
    assert services.strategies.get(user, "a").tags == ("hedge", "us equities")
    assert catalogue.tags(user) == {"daily": 2, "hedge": 1, "us equities": 3}
    assert names(services, Query(tags=("daily", "us equities"))) == ["B", "C"]
    assert catalogue.move(user, slugs[:2], " Momentum / US//") == 2
    catalogue.move(user, slugs[2:], "Momentum two")
    assert catalogue.folders(user) == {"Momentum two": 1, "Momentum/US": 2}
    assert names(services, Query(folder="Momentum")) == ["A", "B"]
    assert catalogue.count(user, Query(folder="")) == 0
    assert catalogue.archive(user, slugs[:2]) == 2
    assert names(services, Query()) == ["C"]
    assert names(services, Query(archived=True)) == ["A", "B"]
    assert catalogue.archive(user, slugs, archived=False) == 3
    assert catalogue.count(user, Query()) == 3
    assert catalogue.archive(uuid4(), slugs) == 0
    for bad in ("", "x" * 41):
        with pytest.raises(BadInput, match="tags"):
            catalogue.tag(user, slugs, add=[bad])


def test_text_that_cannot_be_stored_is_refused_before_the_database_sees_it(services):
    user = services.user.id
    slug = services.strategies.create(user, named("Fine")).slug
    assert services.catalogue.count(user, Query(search="Fi\x00ne")) == 1
    works = {
        "description": lambda: services.strategies.create(user, named("x", description="a\x00b")),
        "label": lambda: services.strategies.label(user, slug, 1, "a\x00b"),
        "folder": lambda: services.catalogue.move(user, [slug], "a\x00b"),
        "tags": lambda: services.catalogue.tag(user, [slug], add=["a\ud800b"]),
        "note": lambda: draft_of("x", "number", "1", "", "a\x00b"),
    }
    for field, work in works.items():
        with pytest.raises(BadInput, match=f"{field}: it has characters"):
            work()
    assert names(services, Query()) == ["Fine"]


# -- tabs ----------------------------------------------------------------------------------------


def test_tabs_keep_their_order_and_follow_their_strategies(services):
    user, tabs = services.user.id, services.tabs
    for name in ("A", "B", "C"):
        tabs.open(user, services.strategies.create(user, named(name)).slug)
    tabs.open(user, "a")
    assert tabs.titles(user) == {"a": "A", "b": "B", "c": "C"}
    services.strategies.save(user, "a", named("Renamed"), expected=1)
    services.strategies.delete(user, "b")
    assert list(tabs.titles(user).items()) == [("a", "Renamed"), ("c", "C")]
    tabs.close(user, "a")
    tabs.open(user, "a")
    assert list(tabs.titles(user)) == ["c", "a"]
    with pytest.raises(UnknownName):
        tabs.open(user, "nobody")
    stranger = services.users.ensure(User(uuid4(), "stranger"))
    assert tabs.titles(stranger.id) == {}
    tabs.close(stranger.id)
    assert len(tabs.titles(user)) == 2
    tabs.close(user)
    assert tabs.titles(user) == {}


# -- versions ------------------------------------------------------------------------------------


def test_a_version_knows_what_it_was_made_from(services):
    user, store = services.user.id, services.strategies
    slug = store.create(user, FLOW, label="First").slug
    store.save(user, slug, named("Two"), expected=1)
    store.save(user, slug, FLOW, expected=2)
    store.save(user, slug, named("Three"), expected=1)
    found = store.versions(user, slug)
    assert [(v.number, v.parent) for v in found] == [(3, 1), (2, 1), (1, None)]
    assert [v.number for v in store.versions(user, slug, limit=1, offset=1)] == [2]
    store.label(user, slug, 2, "Tried")
    assert store.labels(user, slug) == {3: "", 2: "Tried", 1: "First"}
    with pytest.raises(UnknownName):
        store.label(user, slug, 9, "x")
    with pytest.raises(BadInput, match="201 characters"):
        store.label(user, slug, 2, "x" * 201)


def test_equal_content_is_found(services):
    user = services.user.id
    made = services.strategies.create(user, FLOW)
    assert services.strategies.with_head(user, content_hash(FLOW)).slug == made.slug
    services.strategies.save(user, made.slug, named("Other"), expected=1)
    assert services.strategies.with_head(user, content_hash(FLOW)) is None


# -- variables -----------------------------------------------------------------------------------


def test_a_head_s_variables_are_kept_beside_it(services):
    user = services.user.id
    slug = services.strategies.create(user, using("safe", "own", declares={"own": "SPY"})).slug
    found = services.strategies.get(user, slug)
    assert (found.uses, found.declares) == (("safe",), ("own",))
    services.strategies.save(user, slug, using("risky"), expected=1)
    found = services.strategies.get(user, slug)
    assert (found.uses, found.declares) == (("risky",), ())


def test_a_variable_is_added_changed_and_deleted(services):
    user, store = services.user.id, services.variables
    store.add(user, draft_of("safe", "symbol", "TLT", "TLT,GLD", "Where to hide"))
    with pytest.raises(BadInput, match="already"):
        store.add(user, draft_of("safe", "symbol", "GLD"))
    assert store.change(user, "safe", draft_of("safe", "symbol", "GLD")) == 0
    (found,) = store.all(user)
    assert (found.name, found.default, found.sweep, found.note) == ("safe", "GLD", "", "")
    assert store.all(services.users.ensure(User(uuid4(), "stranger")).id) == []
    with pytest.raises(UnknownName, match="sfe"):
        store.delete(user, "sfe")
    store.delete(user, "safe")
    assert store.values(user) == {}


def test_numbers_come_back_as_they_were(services):
    user, store = services.user.id, services.variables
    for name, value in (("whole", "14"), ("part", "0.1"), ("large", "1e17")):
        store.add(user, draft_of(name, "number", value))
    assert store.values(user) == {"whole": 14, "part": 0.1, "large": 1e17}
    assert isinstance(store.values(user)["whole"], int)


def test_a_flow_runs_with_the_globals_it_uses_and_its_own_come_first(services):
    user = services.user.id
    for name, symbol in (("safe", "TLT"), ("own", "GLD"), ("other", "IEF")):
        services.variables.add(user, draft_of(name, "symbol", symbol))
    written = using("safe", "own", declares={"own": "SPY"})
    slug = services.strategies.create(user, written).slug
    assert services.flows.find(slug).variables == {"own": "SPY", "safe": "TLT"}
    assert from_json(services.strategies.version(user, slug).flow) == written
    assert services.flows.filled(FLOW) == FLOW


def test_a_saved_result_holds_the_values_of_the_globals_it_ran_with(services):
    user = services.user.id
    services.variables.add(user, draft_of("safe", "symbol", "TLT"))
    inner = services.strategies.create(user, using("safe", name="Inner")).slug
    outer = from_json(
        {"name": "Outer", "root": {"kind": "weight", "children": [{"kind": "strategy", "strategy": inner}, {"kind": "asset", "symbol": "$safe"}]}}
    )  # fmt: skip
    flow = services.flows.filled(outer)
    settings = parse_settings(start=date(2023, 1, 3), end=date(2023, 6, 30))
    result = run_backtest(flow, services.source("demo"), settings, find=services.flows.find).result
    assert result.symbols == ("TLT",)
    at = datetime(2024, 7, 1, tzinfo=UTC)
    row = to_saved(result, user_id=user, engine_version="t", started_at=at, finished_at=at)
    services.backtests.add(row)
    services.variables.change(user, "safe", draft_of("safe", "symbol", "GLD"))
    kept = from_saved(services.backtests.get(user, row.summary.id))
    assert kept.flow.variables == {"safe": "TLT"}
    assert services.flows.filled(outer).variables == {"safe": "GLD"}


def test_renaming_a_variable_renames_its_uses_in_one_step(services):
    user, store = services.user.id, services.strategies
    services.variables.add(user, draft_of("safe", "symbol", "TLT"))
    a = store.create(user, using("safe", name="A")).slug
    b = store.create(user, using("safe", "x", declares={"x": "SPY"}, name="B")).slug
    shadowing = store.create(user, using("safe", declares={"safe": "GLD"}, name="C")).slug
    services.catalogue.archive(user, [a])
    assert services.variables.change(user, "safe", draft_of("haven", "symbol", "TLT")) == 2
    for slug in (a, b):
        head = store.version(user, slug)
        assert (head.number, head.label) == (2, "Renamed $safe to $haven")
        assert store.get(user, slug).uses == ("haven",)
        assert head.flow["root"]["children"][0]["symbol"] == "$haven"
    assert store.version(user, a).flow["root"]["name"] == "$not_a_variable"
    assert store.get(user, shadowing).head == 1
    uses = services.variables.uses(user)
    assert [(use.slug, use.shadows, use.archived) for use in uses["haven"]] == [("a", False, True), ("b", False, False)]  # fmt: skip
    assert list(uses) == ["haven"]
    services.variables.add(user, draft_of("safe", "symbol", "TLT"))
    uses = services.variables.uses(user)
    assert [(use.slug, use.shadows) for use in uses["safe"]] == [("c", True)]
    assert services.flows.find(b).variables == {"x": "SPY", "haven": "TLT"}


def test_a_rename_that_would_be_caught_by_a_strategy_s_own_variable_is_refused(services):
    user = services.user.id
    services.variables.add(user, draft_of("safe", "symbol", "TLT"))
    services.variables.add(user, draft_of("taken", "symbol", "TLT"))
    services.strategies.create(user, using("safe", name="Fine"))
    services.strategies.create(user, using("safe", "mine", declares={"mine": "SPY"}, name="Holder"))
    with pytest.raises(BadInput, match="'Holder' has a variable 'mine'"):
        services.variables.change(user, "safe", draft_of("mine", "symbol", "TLT"))
    with pytest.raises(BadInput, match="already"):
        services.variables.change(user, "safe", draft_of("taken", "symbol", "TLT"))
    assert services.strategies.get(user, "fine").head == 1  # nothing was half done
    assert set(services.variables.values(user)) == {"safe", "taken"}


def test_a_variable_in_use_is_not_deleted_and_it_is_said_where(services):
    user = services.user.id
    services.variables.add(user, draft_of("safe", "symbol", "TLT"))
    for name in "ABCDEFG":
        services.strategies.create(user, using("safe", name=name))
    with pytest.raises(BadInput, match=r"used by 'A', 'B', 'C', 'D', 'E' and 2 more"):
        services.variables.delete(user, "safe")
    assert services.variables.values(user) == {"safe": "TLT"}


def test_an_editor_that_was_open_during_a_rename_is_told(services):
    user = services.user.id
    services.variables.add(user, draft_of("safe", "symbol", "TLT"))
    slug = services.strategies.create(user, using("safe")).slug
    services.variables.change(user, "safe", draft_of("haven", "symbol", "TLT"))
    answer = services.strategies.save(user, slug, using("safe", "safe"), expected=1)
    assert isinstance(answer, VersionConflict)


def test_renames_and_saves_at_the_same_time_lose_nothing(services):
    user = services.user.id
    services.variables.add(user, draft_of("safe", "symbol", "TLT"))
    slugs = [services.strategies.create(user, using("safe", name=f"S{i}")).slug for i in range(5)]

    def rename() -> None:
        services.variables.change(user, "safe", draft_of("haven", "symbol", "TLT"))

    def save() -> None:
        for slug in slugs:
            services.strategies.save(user, slug, using("safe", "safe", name=slug), expected=1)

    threads = [threading.Thread(target=work) for work in (rename, save)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for slug in slugs:
        # Saved before the rename: both happened. Saved after: the saver was told of a conflict.
        assert services.strategies.get(user, slug).uses == ("haven",)


# -- the migration -------------------------------------------------------------------------------


def test_the_migration_fills_in_what_older_rows_lack(services):
    """Schema 0002's rows, made by hand in a schema of their own, then migrated."""
    import importlib

    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    first, second, third = (
        importlib.import_module(f"core.db.migrations.versions.{name}")
        for name in ("0001_first_tables", "0002_sweeps", "0003_library")
    )
    with services.database.engine.connect() as db, db.begin() as work:
        db.execute(text("CREATE SCHEMA older"))
        db.execute(text("SET LOCAL search_path = older"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(first, "apply_queue_migrations", lambda *a, **k: None)
            with Operations.context(MigrationContext.configure(db)):
                first.upgrade()
                db.execute(text("DROP SCHEMA IF EXISTS runs CASCADE"))
                second.upgrade()
                now = datetime(2024, 1, 1, tzinfo=UTC)
                a, b = uuid4(), uuid4()
                db.execute(text("INSERT INTO users VALUES (:id, 'u', :now)"), {"id": a, "now": now})
                db.execute(
                    text("INSERT INTO strategies VALUES (:b, :a, 's', 'S', 2, :now, :now)"),
                    {"a": a, "b": b, "now": now},
                )
                import json

                for number in (1, 2):
                    db.execute(
                        text("INSERT INTO strategy_versions VALUES (:b, :n, :h, :f, '', :now)"),
                        {"b": b, "n": number, "h": str(number) * 64, "now": now,
                         "f": json.dumps(to_json(FLOW))},
                    )  # fmt: skip
                third.upgrade()
        declares = db.execute(text("SELECT declares FROM strategies")).scalar_one()
        parents = db.execute(text("SELECT parent FROM strategy_versions ORDER BY number"))
        assert sorted(declares) == sorted(FLOW.variables)
        assert list(parents.scalars()) == [None, 1]
        work.rollback()


# -- templates -----------------------------------------------------------------------------------


def test_a_template_brings_along_what_it_refers_to(services):
    from core.flow.templates import templates
    from core.flow.validate import validate
    from core.library.templates import start_blank, start_from

    user = services.user.id
    template = next(t for t in templates() if t.slug == "strategy")
    made = start_from(template, services.strategies, user)
    again = start_from(template, services.strategies, user)
    assert (made.slug, again.slug) == ("block-strategy", "block-strategy-2")
    assert services.strategies.count(user) == 3  # sector momentum once
    assert validate(services.flows.find(made.slug), services.flows.find) == ()
    blank = start_blank("Mine", services.strategies, user)
    assert validate(services.flows.find(blank.slug), services.flows.find) == ()


# -- files ---------------------------------------------------------------------------------------


def test_a_flow_in_a_file_gets_its_globals_from_the_library_if_that_runs(services, tmp_path):
    from app.flow_files import FlowFiles
    from core.bootstrap import Services
    from core.flow.formats.native import dump
    from core.settings import Settings

    services.variables.add(services.user.id, draft_of("safe", "symbol", "TLT"))
    flow = using("safe", name="File")
    (tmp_path / "beside.json").write_text(dump(flow))
    files = FlowFiles(tmp_path, services)
    assert files.filled(flow).variables == {"safe": "TLT"}
    assert files.find("beside").variables == {"safe": "TLT"}
    without = Services(Settings(home=tmp_path / "nowhere"), start=False)
    assert FlowFiles(tmp_path, without).filled(flow) == flow
    assert FlowFiles(tmp_path, without).filled(FLOW) == FLOW
