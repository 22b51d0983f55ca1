"""Embedded Postgres after everything that may happen to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.bootstrap import Services
from core.db.embedded import EmbeddedPostgres
from core.errors import NeedsOperator
from core.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path) -> Iterator[Path]:
    """A folder that root's Postgres may enter; whatever still runs in it is ended."""
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    yield tmp_path
    server = EmbeddedPostgres(tmp_path).server()
    if server is not None:
        server.kill()


def opened(home: Path, said: list[str] | None = None) -> Services:
    services = Services(Settings(home=home), say=(said if said is not None else []).append)
    services.migrate()
    return services


def gone(server: psutil.Process) -> bool:
    return not psutil.wait_procs([server], timeout=15)[1]


def test_it_starts_serves_and_ends_with_its_last_user(home):
    first, second = opened(home), opened(home)
    server = EmbeddedPostgres(home).server()
    assert server is not None
    first.close()
    time.sleep(0.5)
    assert second.ping() < 1000
    second.close(wait_seconds=15)
    assert gone(server)


def test_what_was_stored_is_there_after_a_kill(home):
    services = opened(home)
    services.seed()
    server = EmbeddedPostgres(home).server()
    server.kill()
    assert gone(server)
    services.close()
    again = opened(home)
    assert again.strategies.count(again.user.id) == 5
    again.close(wait_seconds=15)


def test_its_users_go_on_after_it_was_killed_and_started_again(home):
    said: list[str] = []
    services = opened(home, said)
    server = EmbeddedPostgres(home).server()
    server.kill()
    assert gone(server)
    assert not services.database_runs()
    services.recover_database()
    assert services.database_runs()
    assert services.ping() < 1000
    services.close(wait_seconds=15)


def test_a_pid_file_that_names_somebody_elses_process_is_not_believed(home):
    opened(home).close(wait_seconds=15)
    pid_file = home / "postgres" / "data" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{home}/postgres/data\n0\n5432\n\n\n0 0\nready\n")
    services = opened(home)
    assert services.ping() < 1000
    services.close(wait_seconds=15)


@pytest.mark.parametrize("content", ["", "garbage", "99999999999999999999\n"])
def test_a_broken_pid_file_is_no_obstacle(home, content):
    opened(home).close(wait_seconds=15)
    (home / "postgres" / "data" / "postmaster.pid").write_text(content)
    services = opened(home)
    assert services.ping() < 1000
    services.close(wait_seconds=15)


def test_a_start_that_was_interrupted_begins_again(home):
    half = home / "postgres" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    said: list[str] = []
    services = opened(home, said)
    assert any("interrupted" in text for text in said)
    services.close(wait_seconds=15)


def test_a_data_folder_that_is_none_is_moved_aside_and_kept(home):
    data = home / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "precious.txt").write_text("mine")
    said: list[str] = []
    services = opened(home, said)
    kept = list((home / "postgres").glob("data.unusable-*/precious.txt"))
    assert [file.read_text() for file in kept] == ["mine"]
    assert any("moved to" in text for text in said)
    services.close(wait_seconds=15)


def test_a_cluster_of_another_postgres_is_refused(home):
    opened(home).close(wait_seconds=15)
    (home / "postgres" / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(NeedsOperator, match="made by Postgres 17"):
        opened(home)


def test_a_home_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "home").write_text("")
    with pytest.raises(NeedsOperator, match="SLUICE_HOME"):
        opened(tmp_path / "home")


def test_a_user_that_is_killed_keeps_nobody_and_nothing(home):
    code = (
        "import sys, time; from pathlib import Path; from core.bootstrap import Services; "
        "from core.settings import Settings; "
        "s = Services(Settings(home=Path(sys.argv[1]))); s.migrate(); print('ready', flush=True); "
        "time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, text=True
    ) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == "ready\n"
        server = EmbeddedPostgres(home).server()
        assert server is not None
        user.send_signal(signal.SIGKILL)
    assert gone(server), "the server outlived its last user"


def test_two_that_start_at_once_share_one_server(home):
    code = (
        "import sys; from pathlib import Path; from core.bootstrap import Services; "
        "from core.settings import Settings; "
        "s = Services(Settings(home=Path(sys.argv[1]))); s.migrate(); s.seed(); "
        "print(s.strategies.count(s.user.id), flush=True); sys.stdin.read(); s.close()"
    )
    start = [sys.executable, "-c", code, str(home)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    users = [subprocess.Popen(start, **pipes) for _ in range(3)]  # type: ignore[call-overload]
    try:
        counts = [user.stdout.readline().strip() for user in users]
        assert counts == ["5"] * 3
        servers = [p for p in psutil.process_iter(["name", "cwd"]) if _is_main(p, home)]
        assert len(servers) == 1
    finally:
        for user in users:
            user.communicate(timeout=30)


def _is_main(process: psutil.Process, home: Path) -> bool:
    """A Postgres in this home whose parent is no Postgres."""
    data = str(home / "postgres" / "data")
    if process.info["name"] != "postgres" or process.info["cwd"] != data:
        return False
    parent = process.parent()
    return parent is None or parent.name() != "postgres"
