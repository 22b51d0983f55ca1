"""The vault: seals secrets (brokers' keys, channels' addresses) for the database.

A dump of the database alone opens nothing: the key is in a file of its own, or in the environment.
Fernet seals (AES-128-CBC with an HMAC), so that a changed byte is noticed. There may be several
keys, the newest first: it seals, and every one of them opens.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from core.errors import NeedsOperator
from core.logs import hide

FILE = "vault.key"
VARIABLE = "SLUICE_VAULT_KEY"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MAKE = "openssl rand -base64 32 | tr '+/' '-_'"


class Vault:
    """Seals and opens with the keys of ``SLUICE_VAULT_KEY``, or of ``vault.key`` in the home.

    The file is made when something is sealed for the first time. ``sealed`` counts what is sealed
    in the database: while there is something, a missing file is a loss and no beginning.
    Every value that passes through is hidden from this process's logs.
    """

    def __init__(self, home: Path, key: SecretStr | None, *, sealed: Callable[[], int]) -> None:
        self._path, self._key, self._sealed = home / FILE, key, sealed

    def seal(self, values: Mapping[str, str | SecretStr]) -> bytes:
        """The values, readable only with the vault's key; raises NeedsOperator without one."""
        plain = {name: _reveal(value) for name, value in values.items()}
        for value in plain.values():
            hide(value)
        return self._fernet(make=True).encrypt(json.dumps(plain).encode())

    def open(self, sealed: bytes) -> dict[str, SecretStr]:
        """The values again; raises NeedsOperator if no key of the vault opens them."""
        try:
            plain = json.loads(self._fernet().decrypt(bytes(sealed)))
        except InvalidToken:
            raise NeedsOperator(
                f"What is stored in the vault was sealed with another key than {self._where()} "
                "has. Put the key it was sealed with there, on a line of its own below the "
                "others; or, if it is lost, enter the broker's keys and the channels again."
            ) from None
        for value in plain.values():
            hide(value)
        return {name: SecretStr(value) for name, value in plain.items()}

    def reseal(self, sealed: bytes) -> bytes:
        """The same values sealed with the newest key; raises NeedsOperator like ``open``."""
        return self.seal(self.open(sealed))

    def renew(self) -> None:
        """Put a new key before those in the file; what is sealed still opens.

        Keys of the environment stay as they are: NeedsOperator while there is only one of them.
        """
        if self._key is None:
            _write_new(self._path, [_new_key(), *self._file_keys(make=True)], replace=True)
        elif len(_split(self._key.get_secret_value())) < 2:
            raise NeedsOperator(
                f"The vault's key is in {VARIABLE}. Put a new one first, before a comma and the "
                f"old one, and do this again: {_MAKE}"
            )

    def check(self) -> str:
        """Where its keys are, in words; raises NeedsOperator if something is wrong with them."""
        if self._key is None and not self._path.exists() and not self._sealed():
            return "no key yet; it is made when the first secret is stored"
        self._fernet()
        return f"keys are in {self._where()}"

    def __repr__(self) -> str:
        return f"Vault({self._where()})"

    def _where(self) -> str:
        return VARIABLE if self._key is not None else str(self._path)

    def _fernet(self, *, make: bool = False) -> MultiFernet:
        if self._key is not None:
            keys = _split(self._key.get_secret_value())
        else:
            keys = self._file_keys(make=make)
        try:
            return MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise NeedsOperator(
                f"{self._where()} has no key of a vault, or one that cannot be read: 32 bytes in "
                f"URL-safe base64, a new one is made by: {_MAKE}"
            ) from None

    def _file_keys(self, *, make: bool) -> list[str]:
        """The file's keys, newest first; a new file's only key where there is none yet."""
        try:
            mode = self._path.stat().st_mode
            text = self._path.read_text("ascii")
        except FileNotFoundError:
            if not make or self._sealed():
                raise self._lost() from None
            _write_new(self._path, [_new_key()])
            return self._file_keys(make=False)
        except UnicodeDecodeError:
            text = ""  # no key: the caller says so
        except OSError as err:
            raise NeedsOperator(f"{self._path} cannot be read: {err.strerror}.") from err
        if os.name == "posix" and mode & _OTHERS:
            raise NeedsOperator(
                f"{self._path} can be read by other users of this machine "
                f"(its mode is {stat.S_IMODE(mode):04o}), and opens every stored secret. "
                f"Run: chmod 600 {self._path}"
            )
        return _split(text)

    def _lost(self) -> NeedsOperator:
        return NeedsOperator(
            f"{self._path} is missing, and secrets stored in the database need it. Put it back "
            f"from a backup, or set {VARIABLE}. If it is lost, delete the stored channels and "
            "accounts' keys and enter them again."
        )


def _split(keys: str) -> list[str]:
    return keys.replace(",", " ").split()


def _new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def _write_new(path: Path, keys: list[str], *, replace: bool = False) -> None:
    """Write the file whole or not at all, for its owner alone.

    Without ``replace``, whoever comes second leaves the first one's file as it is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write("".join(f"{key}\n" for key in keys))
            file.flush()
            os.fsync(file.fileno())
        if replace:
            part.replace(path)
            return
        with contextlib.suppress(FileExistsError):  # another process was first: its key counts
            os.link(part, path)
        part.unlink()
    except OSError as err:
        part.unlink(missing_ok=True)
        raise NeedsOperator(
            f"The vault's key cannot be written to {path}: {err.strerror}. Set SLUICE_HOME to a "
            f"folder this user may write, or set {VARIABLE}."
        ) from err


def _reveal(value: str | SecretStr) -> str:
    return value if isinstance(value, str) else value.get_secret_value()
