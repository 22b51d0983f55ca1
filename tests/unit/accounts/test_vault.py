"""What is sealed opens again with its key, and is seen nowhere else."""

from __future__ import annotations

import logging
import os
import threading
import traceback

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from core.accounts.vault import FILE, Vault
from core.errors import NeedsOperator
from core.logs import LineFormatter, Redaction
from core.settings import Settings

SECRET = "PKLIVE-0123456789"
KEYS = {"key_id": SECRET, "secret": SecretStr("s/e:c=r&e?t")}


def vault(home, *keys: str, sealed: int = 0) -> Vault:
    return Vault(home, SecretStr(",".join(keys)) if keys else None, sealed=lambda: sealed)


def key() -> str:
    return Fernet.generate_key().decode()


def opened(vault: Vault, sealed: bytes) -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in vault.open(sealed).items()}


def test_what_is_sealed_opens_again_in_another_process(tmp_path):
    sealed = vault(tmp_path).seal(KEYS)
    assert opened(vault(tmp_path, sealed=1), sealed) == {"key_id": SECRET, "secret": "s/e:c=r&e?t"}
    assert SECRET.encode() not in sealed


def test_the_key_is_made_at_first_use_for_its_owner_alone(tmp_path):
    one = vault(tmp_path / "new")
    assert one.check() == "no key yet; it is made when the first secret is stored"
    assert not (tmp_path / "new" / FILE).exists()
    one.seal(KEYS)
    file = tmp_path / "new" / FILE
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == [FILE]
    assert str(file) in one.check()


def test_processes_that_begin_at_once_agree_on_one_key(tmp_path):
    gate, sealed = threading.Barrier(8), []

    def work() -> None:
        own = vault(tmp_path)
        gate.wait()
        sealed.append(own.seal(KEYS))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(opened(vault(tmp_path), one)["key_id"] == SECRET for one in sealed)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660])
def test_a_key_others_can_read_is_refused_with_the_command_that_mends_it(tmp_path, mode):
    sealed = vault(tmp_path).seal(KEYS)
    (tmp_path / FILE).chmod(mode)
    for use in (lambda: vault(tmp_path).open(sealed), lambda: vault(tmp_path).seal(KEYS)):
        with pytest.raises(NeedsOperator, match=f"chmod 600 {tmp_path / FILE}"):
            use()


def test_a_lost_key_is_no_beginning_while_something_is_sealed(tmp_path):
    sealed = vault(tmp_path).seal(KEYS)
    (tmp_path / FILE).unlink()
    again = vault(tmp_path, sealed=1)
    for use in (lambda: again.seal(KEYS), lambda: again.open(sealed), again.check, again.renew):
        with pytest.raises(NeedsOperator, match="is missing"):
            use()
    assert not (tmp_path / FILE).exists()


def test_another_key_says_how_to_mend_it(tmp_path):
    sealed = vault(tmp_path, key()).seal(KEYS)
    with pytest.raises(NeedsOperator, match=r"another key than SLUICE_VAULT_KEY has\. Put the key"):
        vault(tmp_path, key()).open(sealed)


def test_a_changed_byte_is_noticed(tmp_path):
    one = vault(tmp_path)
    sealed = bytearray(one.seal(KEYS))
    sealed[40] = sealed[40] ^ 1 or 2
    with pytest.raises(NeedsOperator):
        one.open(bytes(sealed))


@pytest.mark.parametrize("written", ["", "no key", "ké"])
def test_a_file_without_a_key_says_what_a_key_is(tmp_path, written):
    (tmp_path / FILE).write_text(written)
    (tmp_path / FILE).chmod(0o600)
    with pytest.raises(NeedsOperator, match="32 bytes"):
        vault(tmp_path).seal(KEYS)


def test_a_new_key_seals_and_the_old_one_opens_until_everything_is_sealed_anew(tmp_path):
    one = vault(tmp_path)
    sealed = one.seal(KEYS)
    old = (tmp_path / FILE).read_text().strip()
    one.renew()
    new, kept = (tmp_path / FILE).read_text().split()
    assert (kept, (tmp_path / FILE).stat().st_mode & 0o777) == (old, 0o600)
    assert opened(one, sealed)["key_id"] == SECRET
    again = one.reseal(sealed)
    assert opened(vault(tmp_path, new), again)["key_id"] == SECRET
    with pytest.raises(NeedsOperator):
        vault(tmp_path, old).open(again)


def test_keys_of_the_environment_rotate_newest_first_and_are_not_written(tmp_path):
    old, new = key(), key()
    sealed = vault(tmp_path, old).seal(KEYS)
    both = vault(tmp_path, new, old)
    assert opened(vault(tmp_path, new), both.reseal(sealed))["key_id"] == SECRET
    both.renew()
    with pytest.raises(NeedsOperator, match="SLUICE_VAULT_KEY"):
        vault(tmp_path, new).renew()
    assert list(tmp_path.iterdir()) == []


def test_nothing_shows_a_secret(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    own = key()
    one = vault(tmp_path, own)
    values = one.open(one.seal(KEYS))
    with pytest.raises(NeedsOperator) as caught:
        vault(tmp_path, key()).open(one.seal(KEYS))
    error = caught.value
    shown = [
        repr(one), str(one), repr(values), str(values), repr(error), repr(vars(error)), caplog.text,
        *traceback.format_exception(error),
    ]  # fmt: skip
    for secret in (SECRET, "s/e:c=r&e?t", own):
        assert not any(secret in text for text in shown)


def test_logs_hide_what_went_through_the_vault(tmp_path):
    line = logging.LogRecord(
        "core", logging.INFO, __file__, 1, "url %s", ("https://x/HookTok1",), None
    )
    formatter = LineFormatter(Redaction(Settings()))
    assert "HookTok1" in formatter.format(line)
    vault(tmp_path).seal({"token": "HookTok1"})
    assert "HookTok1" not in formatter.format(line)
