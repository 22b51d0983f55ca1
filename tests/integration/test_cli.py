"""The command line as scripts use it: results on standard output, words on standard error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet
import pytest

from app.cli import main
from core.flow.examples import example_flows
from core.flow.formats.native import content_hash, dump, parse

pytestmark = pytest.mark.slow  # most tests start a process or two

SPY = {"kind": "asset", "symbol": "SPY"}
GATE: dict[str, Any] = {
    "kind": "gate",
    "when": {
        "left": {"indicator": "rsi", "symbol": "SPY", "window": "$window"},
        "op": ">",
        "right": 60,
    },
    "then": {"kind": "asset", "symbol": "TLT"},
    "else": SPY,
}
FLOW = {"sluice": 1, "name": "Case", "variables": {"window": 5}, "benchmark": "SPY", "root": GATE}
KEYS = ["strategy", "source", "start", "end", "sessions", "metrics", "final_weights", "warnings"]


@pytest.fixture
def sluice(environment):
    """Run ``sluice`` with these arguments."""

    def run(*arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "app.cli", *map(str, arguments)],
            env=environment | more,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.fixture
def refused(environment, monkeypatch, capsys):
    """Run ``sluice`` in this process, for the long lists of what it refuses: a process each would
    take a hundred times as long. Beside each list are tests that start one."""
    for name in [name for name in os.environ if name.startswith("SLUICE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SLUICE_HOME", environment["SLUICE_HOME"])

    def run(*arguments: object) -> Refusal:
        capsys.readouterr()
        try:
            code = main([*map(str, arguments)])
        except SystemExit as err:  # argparse's own words
            code = int(err.code or 0)
        return Refusal(code, *capsys.readouterr())

    return run


class Refusal(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def flow(tmp_path) -> Path:
    return write(tmp_path / "case.json", FLOW)


def write(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document))
    return path


# -- backtest ------------------------------------------------------------------------------------


def test_json_is_one_object_with_the_contracts_keys(sluice, flow, bars):
    done = sluice("backtest", flow, "--data", bars, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert list(found) == KEYS
    assert found["strategy"] == "Case"
    assert found["source"] == "files"
    assert (found["start"], found["end"]) == ("2023-01-10", "2024-06-28")
    assert found["sessions"] == 369
    assert sum(found["final_weights"].values()) == pytest.approx(1)
    assert found["metrics"]["sharpe"] is not None
    assert len(found["metrics"]) > 50


def test_the_demo_market_needs_nothing(sluice, flow):
    found = json.loads(sluice("backtest", flow, "--start", "2020-01-02", "--json").stdout)
    assert found["source"] == "demo"
    assert any("synthetic" in warning for warning in found["warnings"])


def test_a_report_for_people_names_source_and_age(sluice, flow, bars):
    done = sluice("backtest", flow, "--data", bars)
    assert done.returncode == 0
    assert "Data: files (bars.csv, " in done.stdout
    assert " UTC" in done.stdout
    assert "Sharpe" in done.stdout


def test_csv_files_have_one_row_a_session(sluice, flow, bars, tmp_path):
    weights, equity = tmp_path / "weights.csv", tmp_path / "equity.csv"
    done = sluice(
        "backtest", flow, "--data", bars, "--allocations", weights, "--equity", equity, "--json"
    )
    sessions = json.loads(done.stdout)["sessions"]
    header, *rows = weights.read_text().splitlines()
    assert header == "date,TLT,SPY"
    assert len(rows) == sessions
    header, *rows = equity.read_text().splitlines()
    assert header == "date,equity,benchmark"
    assert len(rows) == sessions
    assert rows[0] == "2023-01-10,1.0,1.0"


def test_settings_stand_in_for_the_flows(sluice, flow, bars):
    plain = json.loads(sluice("backtest", flow, "--data", bars, "--json").stdout)
    given = json.loads(
        sluice(
            "backtest", flow, "--data", bars, "--json", "--set", "window=9", "--slippage-bps", "20",
            "--start", "2023-06-01", "--end", "2024-03-28", "--rebalance", "monthly",
        ).stdout
    )  # fmt: skip
    assert (given["start"], given["end"]) == ("2023-06-01", "2024-03-28")
    assert given["metrics"]["cost"] == pytest.approx(given["metrics"]["turnover"] * 0.002)
    assert given["metrics"]["turnover"] < plain["metrics"]["turnover"]


def test_the_same_command_gives_the_same_bits(sluice, flow, bars):
    first, second = (sluice("backtest", flow, "--data", bars, "--json").stdout for _ in range(2))
    assert first == second


def test_a_strategy_beside_the_flow_is_found(sluice, bars, tmp_path):
    write(tmp_path / "case.json", FLOW)
    outer = {"sluice": 1, "name": "Outer", "root": {"kind": "strategy", "strategy": "case"}}
    done = sluice("backtest", write(tmp_path / "outer.json", outer), "--data", bars, "--json")
    assert json.loads(done.stdout)["strategy"] == "Outer"


def test_a_strategy_of_the_library_is_found(sluice, services, bars, tmp_path):
    services.strategies.create(services.user.id, parse(json.dumps(FLOW)), slug="kept")
    outer = {"sluice": 1, "name": "Outer", "root": {"kind": "strategy", "strategy": "kept"}}
    done = sluice("backtest", write(tmp_path / "outer.json", outer), "--data", bars, "--json")
    assert done.returncode == 0, done.stderr


def test_a_saved_result_is_in_the_library(sluice, services, flow, bars):
    done = sluice("backtest", flow, "--data", bars, "--save", "--json")
    assert done.returncode == 0
    rows = services.backtests.recent(services.user.id)
    assert [row.flow_name for row in rows] == ["Case"]
    assert str(rows[0].id) in done.stderr


@pytest.mark.slow
def test_a_tear_sheet_is_a_web_page(sluice, flow, bars, tmp_path):
    page = tmp_path / "sheet.html"
    done = sluice("backtest", flow, "--data", bars, "--tearsheet", page, "--json")
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout)
    text = page.read_text()
    assert "<html" in text
    assert "Sharpe" in text
    assert "Case" in text


# -- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--start", "2020-13-01"], ["--start", "2020-13-01"]),
        (["--start", "1980-01-02"], ["start", "1980-01-02", "2023-01-03"]),
        (["--end", "2031-01-02"], ["end", "2031-01-02", "2024-06-28"]),
        (["--start", "2024-02-01", "--end", "2023-02-01"], ["--start", "not before end"]),
        (["--set", "windo=3"], ["--set", "windo", "'window'"]),
        (["--set", "window"], ["--set", "name=value"]),
        (["--set", "window=0"], ["window", "from 2 to"]),
        (["--slippage-bps", "-3"], ["--slippage-bps"]),
        (["--slippage-bps", "lots"], ["--slippage-bps", "number"]),
        (["--source", "fils"], ["--source", "'files'"]),
        (["--source", "files"], []),
        (["--benchmark", "NOSUCH"], ["NOSUCH"]),
        (["--rebalance", "hourly"], ["--rebalance", "weekly"]),
        (["--execution", "noon"], ["--execution", "close"]),
        (["--max-leverage", "0"], ["--max-leverage"]),
        (["--equity", "/nowhere/at/all.csv"], ["/nowhere/at/all.csv", "folder"]),
        (["--nonsense"], ["--nonsense"]),
    ],
)
def test_bad_input_is_named_with_how_to_mend_it(refused, flow, bars, arguments, said):
    done = refused("backtest", flow, "--data", bars, *arguments)
    if arguments == ["--source", "files"]:
        done = refused("backtest", flow, *arguments)
        said = ["--data", "Add --data PATH"]
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert all(word in done.stderr for word in said), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["flow.json", "the file is empty"]),
        ("{", ["not JSON", "line 1"]),
        ("[]", ["JSON object"]),
        ('{"sluice": 2, "name": "x", "root": {"kind": "cash"}}', ["sluice", "1"]),
        ('{"sluice": 1, "name": "x"}', ["root", "missing"]),
        ('{"sluice": 1, "name": "x", "root": {"kind": "aset"}}', ["root.kind", "'asset'"]),
        ('{"sluice": 1, "name": "x", "rot": 1, "root": {"kind": "cash"}}', ["rot", "'root'"]),
        ('{"sluice": 1, "name": "x", "root": {"kind": "strategy", "strategy": "flow"}}', ["flow"]),
        ('{"sluice": 1, "name": "x", "root": {"kind": "asset", "symbol": "NOSUCH"}}', ["NOSUCH"]),
    ],
)
def test_a_flow_that_cannot_be_is_refused_at_its_place(refused, bars, tmp_path, text, said):
    path = tmp_path / "flow.json"
    path.write_text(text)
    done = refused("backtest", path, "--data", bars)
    assert done.returncode == 2, done.stderr
    assert all(word in done.stderr for word in said), done.stderr
    assert "Traceback" not in done.stderr


def test_every_problem_of_a_flow_is_said(sluice, bars, tmp_path):
    root = GATE | {"then": {"kind": "aset"}, "else": {"kind": "asset"}}
    path = write(tmp_path / "flow.json", FLOW | {"root": root})
    done = sluice("backtest", path, "--data", bars, "--json")
    assert done.returncode == 2
    found = json.loads(done.stdout)["error"]
    assert [p["path"] for p in found["problems"]] == ["root.else.symbol", "root.then.kind"]
    assert "2 problems" in done.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("date,symbol,open\n2024-01-02,SPY,1\n", ["close"]),
        ("date,symbol,open,high,low,close,volume\n", ["bars.csv"]),
        ("date,symbol,open,high,low,close,volume\nsoon,SPY,1,1,1,1,1\n", ["date", "soon"]),
        (
            "date,symbol,open,high,low,close,volume\n2024-01-02,SPY,1,1,1,dear,1\n",
            ["close", "dear"],
        ),
    ],
)
def test_a_file_of_bars_that_cannot_be_read_is_said(refused, flow, tmp_path, content, said):
    path = tmp_path / "bars.csv"
    path.write_text(content)
    done = refused("backtest", flow, "--data", path)
    assert done.returncode == 2, done.stderr
    assert all(word in done.stderr for word in said), done.stderr


def test_files_that_are_not_there_are_said(sluice, flow, bars, tmp_path):
    missing = sluice("backtest", tmp_path / "nothing.json", "--data", bars)
    assert missing.returncode == 2
    assert "nothing.json" in missing.stderr
    nowhere = sluice("backtest", flow, "--data", tmp_path / "nothing.csv")
    assert nowhere.returncode == 2
    assert "nothing.csv" in nowhere.stderr


# -- import --------------------------------------------------------------------------------------


def test_import_to_a_file_loses_nothing(sluice, tmp_path):
    flow = example_flows()["storm-watch"]
    (tmp_path / "sector-momentum.json").write_text(dump(example_flows()["sector-momentum"]))
    source, target = tmp_path / "storm-watch.json", tmp_path / "out.json"
    source.write_text(dump(flow))
    done = sluice("import", source, "--out", target, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["hash"] == content_hash(flow) == content_hash(parse(target.read_text()))
    assert found["format"] == "native"


def test_import_puts_a_strategy_into_the_library(sluice, services, flow):
    done = sluice("import", flow)
    assert done.returncode == 0, done.stderr
    assert "'case'" in done.stdout
    assert services.strategies.get(services.user.id, "case").name == "Case"


def test_import_refuses_what_cannot_run(sluice, services, tmp_path):
    path = write(tmp_path / "flow.json", FLOW | {"variables": {"window": 0}})
    done = sluice("import", path)
    assert done.returncode == 2
    assert "root.when.left.window" in done.stderr
    assert services.strategies.count(services.user.id) == 0
    assert sluice("import", path, "--format", "composr").returncode == 2


SYMPHONY = """(defsymphony "Calm or storm"
 {:asset-class "EQUITIES", :rebalance-threshold 0.05}
 (weight-equal
  [(if (> (rsi "SPY" {:window 5}) 60) [(asset "TLT" "Long bonds")] [(asset "SPY" "Stocks")])]))
"""


def test_import_of_a_symphony_reports_and_backtests(sluice, services, tmp_path):
    source, target = tmp_path / "symphony.txt", tmp_path / "flow.json"
    source.write_text(SYMPHONY)
    done = sluice("import", source, "--out", target, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["format"] == "Composer defsymphony"
    assert found["strategy"] == "Calm or storm"
    assert found["report"]["counts"] == {"exact": 7, "approximated": 1, "not supported": 0}
    assert found["hash"] == content_hash(parse(target.read_text()))
    lines = [f["line"] for f in found["report"]["findings"] if f["construct"] == "asset"]
    assert lines == [4, 4]
    ran = sluice("backtest", target, "--start", "2024-01-02", "--end", "2024-03-28", "--json")
    assert ran.returncode == 0, ran.stderr

    told = sluice("import", source, "--format", "composer")
    assert "7 exact, 1 approximated" in told.stdout
    assert "rebalance by corridor" in told.stdout
    assert services.strategies.get(services.user.id, "calm-or-storm").name == "Calm or storm"


def test_import_names_what_is_not_supported_and_takes_nothing_in(sluice, services, tmp_path):
    source, target = tmp_path / "symphony.edn", tmp_path / "flow.json"
    source.write_text(SYMPHONY.replace("(> (rsi", "(= (rsi"))
    done = sluice("import", source, "--out", target)
    assert done.returncode == 2
    assert "Not supported: eq (1×)" in done.stdout
    assert "line 4" in done.stdout
    assert "1 construct not supported" in done.stderr
    done = sluice("import", source, "--json")
    assert done.returncode == 2
    found = json.loads(done.stdout)
    assert found["report"]["status"] == "not supported"
    assert "not supported" in found["error"]["message"]
    assert not target.exists()
    assert services.strategies.count(services.user.id) == 0


def test_import_takes_a_folder_in_and_says_what_became_of_each_file(sluice, services, tmp_path):
    folder = tmp_path / "mine"
    (folder / "deep").mkdir(parents=True)
    first = {"kind": "group", "name": "Inner", "child": {"kind": "strategy", "strategy": "inner"}}
    (folder / "a-outer.json").write_text(
        json.dumps({"sluice": 1, "name": "Outer of a folder", "root": first})
    )
    inner = {"sluice": 1, "name": "Inner of a folder", "root": {"kind": "asset", "symbol": "GLD"}}
    (folder / "deep" / "inner.json").write_text(json.dumps(inner))
    (folder / "notes.md").write_text("no strategy")
    done = sluice("import", folder, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["imported"], answer["there"], answer["refused"]) == (2, 0, 0)
    slugs = {file["file"]: file["slug"] for file in answer["files"]}
    assert slugs == {"a-outer.json": "a-outer", "deep/inner.json": "inner"}
    assert "a-outer" in services.strategies.names(services.user.id)

    (folder / "broken.txt").write_text("{")
    again = sluice("import", folder)
    assert again.returncode == 2
    assert "broken.txt: not imported." in again.stdout
    assert "0 imported, 2 there already, 1 refused." in again.stdout
    assert sluice("import", folder, "--out", tmp_path / "x.json").returncode == 2
    assert sluice("import", folder / "deep" / "nowhere").returncode == 2


def test_import_refuses_a_file_that_is_far_too_large_or_no_strategy(sluice, tmp_path):
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(100_000_000)
    done = sluice("import", large, "--json")
    assert done.returncode == 2
    assert "100,000,000 bytes" in json.loads(done.stdout)["error"]["message"]
    page = tmp_path / "page.json"
    page.write_text("<html><script>alert(1)</script></html>")
    assert sluice("import", page).returncode == 2


# -- the rest ------------------------------------------------------------------------------------


def test_status_tells_what_there_is(sluice, services):
    services.seed()
    services.heartbeats.beat("worker", host="here", pid=1, started_at=services.clock())
    done = sluice("status", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["strategies"] == 5
    assert found["components"][0]["component"] == "worker"
    assert found["components"][0]["state"] == "alive"
    assert "5 strategies" in sluice("status").stdout


def test_status_without_a_database_fails_and_says_what_to_do(sluice, tmp_path):
    done = sluice("status", SLUICE_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "sluice up" in done.stderr


def test_doctor_checks_every_part(sluice, services):
    done = sluice("doctor", "--json")
    found = json.loads(done.stdout)
    assert found["healthy"] is (done.returncode == 0)
    states = {check["name"]: check["state"] for check in found["checks"]}
    assert states["database"] == states["schema"] == states["home"] == "ok"


def test_the_vaults_key_is_renewed_and_everything_opens(sluice, services):
    from pydantic import SecretStr
    from sqlalchemy import text

    from core.accounts.channels import choice_of
    from core.db.deliveries import ADDRESS

    services.channels.add(
        services.user.id, choice_of("team"), SecretStr("json://host/psst-a-token")
    )
    said = sluice("vault")
    assert "1 stored secret." in said.stdout
    key = services.settings.home / "vault.key"
    old = key.read_text()
    done = sluice("vault", "--renew", "--json")
    assert json.loads(done.stdout)["resealed"] == 1
    assert key.read_text() != old
    assert key.read_text().endswith(old)
    with services.database.engine.connect() as db:
        sealed = db.execute(text("SELECT address FROM channels")).scalar_one()
    assert services.vault.open(sealed)[ADDRESS].get_secret_value() == "json://host/psst-a-token"
    assert not any(k.strip() in done.stdout + done.stderr for k in key.read_text().split())
    lost = sluice("vault", SLUICE_VAULT_KEY="no key")
    assert lost.returncode == 1
    assert "no key" not in lost.stderr.replace("has no key of a vault", "")


def test_doctor_says_how_to_mend_a_server_that_is_away(sluice):
    url = "postgresql://me:secret-word@127.0.0.1:9/none"
    done = sluice("doctor", SLUICE_DATABASE_URL=url)
    assert done.returncode == 1
    assert "FAIL  database" in done.stdout
    assert "secret-word" not in done.stdout + done.stderr


def test_a_setting_that_cannot_be_read_is_named(sluice):
    done = sluice("status", SLUICE_PORT="many")
    assert done.returncode == 1
    assert "SLUICE_PORT" in done.stderr


def test_migrate_says_that_there_is_nothing_to_do(sluice):
    done = sluice("migrate")
    assert done.returncode == 0
    assert "already" in done.stdout


def test_a_server_by_url_is_migrated_on_demand_only(sluice, server, tmp_path):
    """The embedded server stands in for one of your own; a new database on it has no tables."""
    from sqlalchemy import text

    with server.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text("CREATE DATABASE other"))
    url = server.database.conninfo.replace("/postgres?", "/other?")
    elsewhere = {"SLUICE_DATABASE_URL": url, "SLUICE_HOME": str(tmp_path)}
    refused = sluice("status", **elsewhere)
    assert refused.returncode == 1
    assert "sluice migrate" in refused.stderr
    assert sluice("migrate", "--seed", **elsewhere).returncode == 0
    assert json.loads(sluice("status", "--json", **elsewhere).stdout)["strategies"] == 5


# -- sweep ---------------------------------------------------------------------------------------

GRID = ("--grid", "window=3:6", "--start", "2020-01-02", "--end", "2022-12-30")


def test_a_sweep_names_its_best_runs(sluice, flow, tmp_path):
    out = tmp_path / "runs.parquet"
    done = sluice("sweep", flow, *GRID, "--json", "--by", "cagr", "--top", "2", "--out", out)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["runs"], found["failed"], found["by"]) == (4, 0, "cagr")
    values = [run["variables"]["window"] for run in found["best"]]
    runs = {
        window: json.loads(
            sluice("backtest", flow, "--set", f"window={window}", *GRID[2:], "--json").stdout
        )
        for window in values
    }
    for run in found["best"]:
        expected = runs[run["variables"]["window"]]["metrics"]
        for name, value in run["metrics"].items():
            assert value == pytest.approx(expected[name], rel=1e-12), name
    cagrs = [run["metrics"]["cagr"] for run in found["best"]]
    assert cagrs == sorted(cagrs, reverse=True)
    rows = pyarrow.parquet.read_table(out).to_pylist()
    assert [row["window"] for row in rows] == [3, 4, 5, 6]
    assert max(row["cagr"] for row in rows) == cagrs[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--grid", "windw=3:6"), "--grid"),
        (("--grid", "window=6:3"), "--grid"),
        (("--grid", "window=3:6", "--where", "window <"), "constraints[0]"),
        (("--grid", "window=3:6", "--by", "luck"), "--by"),
        (("--grid", "window=3:6", "--top", "0"), "--top"),
        (("--grid", "window=3:6", "--sample", "0"), "--sample"),
        (("--grid", "window=3:6", "--source", "moon"), "--source"),
        (("--grid", "window=3:6", "--out", "/nowhere/x.parquet"), "/nowhere/x.parquet"),
    ],
)
def test_a_sweep_refuses_bad_input(refused, flow, arguments, said):
    done = refused("sweep", flow, *arguments, "--json")
    assert done.returncode == 2, done.stderr
    assert json.loads(done.stdout)["error"]["field"] == said


# -- broker accounts -----------------------------------------------------------------------------


def test_an_account_at_alpaca_from_its_keys_to_its_end(sluice, services):
    from core.clock import system_clock
    from tests.fakes.alpaca_trading import KEY_ID, SECRET_KEY, AlpacaTrading

    with AlpacaTrading(system_clock, requests_per_minute=10_000) as fake:
        more = {
            "SLUICE_ALPACA_TRADING_URL": fake.url,
            "SLUICE_ALPACA_KEY_ID": KEY_ID,
            "SLUICE_ALPACA_SECRET_KEY": SECRET_KEY,
        }
        wrong = sluice(
            "account", "add", "Mine", "--broker", "alpaca", "--json",
            **more | {"SLUICE_ALPACA_SECRET_KEY": "wrong0Secret"},
        )  # fmt: skip
        assert wrong.returncode == 2
        error = json.loads(wrong.stdout)["error"]
        assert (error["field"], "HTTP 401" in error["message"]) == ("keys", True)
        assert "wrong0Secret" not in wrong.stdout + wrong.stderr
        assert sluice("account", "add", "Mine", "--broker", "alpaca", **more).returncode == 0
        second = sluice("account", "add", "Second", "--broker", "alpaca", **more)
        assert second.returncode == 2
        assert "is 'Mine' already" in second.stderr
        checked = sluice("account", "check", "Mine", SLUICE_ALPACA_TRADING_URL=fake.url)
        assert checked.stdout.startswith("Alpaca paper account …0001 answers: equity 100,000.00")
        sealed = services.accounts.all()[0].sealed
        changed = json.loads(sluice("account", "keys", "Mine", "--json", **more).stdout)
        assert (changed["number"], changed["equity"]) == ("…0001", "100000")
        assert services.accounts.all()[0].sealed != sealed
        assert sluice("account", "remove", "Mine").stdout == "Removed Mine\n"
        assert services.accounts.all() == ()
        assert fake.sent == []
