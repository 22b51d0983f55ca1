"""A channel's address, from what somebody wrote into a form; it holds secrets."""

from __future__ import annotations

import re
from typing import Literal, get_args
from urllib.parse import quote, urlencode

from pydantic import SecretStr

from core.errors import BadInput
from core.library.strategies import refuse_unstorable

MAX_LETTERS = 2_000

Security = Literal["starttls", "tls", "none"]
SECURITIES: tuple[Security, ...] = get_args(Security)
_MODES: dict[Security, tuple[str, int, str]] = {
    "starttls": ("mailtos", 587, "starttls"),
    "tls": ("mailtos", 465, "ssl"),
    "none": ("mailto", 25, "insecure"),
}
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_MAIL = re.compile(r"[^@\s,<>]+@[^@\s,<>]+")


def address_of(text: str) -> SecretStr:
    """An address as a service gave it; raises BadInput, which does not show it."""
    text = text.strip()
    refuse_unstorable("address", text)
    if not text:
        raise BadInput("address", "it is empty.", "Paste the address the service gave you.")
    if len(text) > MAX_LETTERS:
        raise BadInput("address", f"it has {len(text):,} characters.", f"At most {MAX_LETTERS:,}.")
    return SecretStr(text)


def mail_address(
    host: str, security: Security, user: str, password: str, sender: str, to: str
) -> SecretStr:
    """The address of an e-mail channel: ``to`` gets mail by the server ``host``.

    ``user`` and ``password`` are empty for a server that asks for none; ``sender`` is the user
    where it is empty. Raises BadInput naming the field; the password is never shown.
    """
    host, user, to = host.strip(), user.strip(), to.strip()
    sender = sender.strip() or user
    if not _HOST.fullmatch(host):
        raise BadInput("host", "this is no name of a server.", "Write e.g. smtp.example.com.")
    if password and not user:
        raise BadInput("user", "it is empty.", "Write the name that belongs to the password.")
    for field, mail in (("sender", sender), ("to", to)):
        if not _MAIL.fullmatch(mail):
            raise BadInput(field, "this is no e-mail address.", "Write e.g. you@example.com.")
    scheme, port, mode = _MODES[security]
    who = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
    # Without smtp Apprise would put a known provider's server in place of this one.
    query = urlencode({"mode": mode, "smtp": host, "from": f"Sluice <{sender}>", "to": to})
    return address_of(f"{scheme}://{who}{host}:{port}?{query}")
