"""Every error Sluice raises on purpose, sorted by what the caller does next.

    SluiceError
    ├── BadInput            the user can mend it: show it, keep the page, exit code 2
    │   ├── FlowInvalid         a flow with one or more problems, each with its path
    │   ├── UnknownName         a name nothing answers to, with the nearest known ones
    │   ├── RangeUnavailable    the source has no data there; says what it has
    │   └── BadData             bars that a named quality rule refuses
    ├── Unavailable         the request is fine, the world is not: try again later
    ├── NeedsOperator       stop this part and call a person: a setting, a key, a broken install
    │   └── KeysRefused         keys that are missing, misread or not taken; says which of them
    ├── Fenced              another process does this by now: this one stops, nothing is wrong
    ├── Halted              the kill switch forbids it
    └── Cancelled           the user stopped it; nothing is wrong

Adapters translate foreign exceptions at their seam with ``raise … from err``; inside, nobody
catches ``Exception``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal


class SluiceError(Exception):
    """Base of all deliberate errors; ``str(error)`` is a sentence fit for a user."""


class BadInput(SluiceError):
    """Something the user wrote is wrong.

    ``field`` names what was read (``--start``, ``root.then.symbol``), ``message`` says what is
    wrong with it and ``fix`` how to mend it.
    """

    def __init__(self, field: str, message: str, fix: str = "") -> None:
        self.field = field
        self.message = message
        self.fix = fix
        super().__init__(f"{field}: {message}" + (f" {fix}" if fix else ""))


Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a flow: where it is, what is wrong, how to mend it."""

    path: str
    message: str
    fix: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" + (f" {self.fix}" if self.fix else "")


class FlowInvalid(BadInput):
    """A flow that cannot run; carries every problem found, not only the first."""

    def __init__(self, problems: Sequence[Problem], name: str = "flow") -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        more = f" ({len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        super().__init__(first.path, first.message, first.fix + more)
        self.name = name


class UnknownName(BadInput):
    """A name nothing answers to; the fix lists the closest known names, or says what else to do
    where they cannot be listed."""

    def __init__(
        self, field: str, kind: str, name: str, known: Iterable[str] = (), *, fix: str = ""
    ) -> None:
        super().__init__(field, f"{kind} '{name}' does not exist.", fix or suggestion(name, known))
        self.name = name


class RangeUnavailable(BadInput):
    """The source has no data for the range asked for; the message says what it has."""


class BadData(BadInput):
    """Bars refused by a named quality rule."""

    def __init__(self, field: str, rule: str, message: str, fix: str = "") -> None:
        super().__init__(field, f"[{rule}] {message}", fix)
        self.rule = rule


class Unavailable(SluiceError):
    """A vendor, broker or server did not answer as it should; trying again later may work."""


class NeedsOperator(SluiceError):
    """Only a person can mend this: a missing key, a wrong setting, a broken installation."""


class KeysRefused(NeedsOperator):
    """A broker's keys cannot be used. ``field`` is ``key_id``, ``secret_key``, or ``keys`` where
    nobody says which of the two; neither is ever in the text."""

    def __init__(self, field: str, message: str, fix: str) -> None:
        self.field = field
        self.message = message
        self.fix = fix
        super().__init__(f"{message} {fix}")


class Fenced(SluiceError):
    """Another process holds the lease by now: this one must not write."""


class Halted(SluiceError):
    """The kill switch forbids what was about to be recorded or sent."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Trading is halted: {reason}" if reason else "Trading is halted.")


class Cancelled(SluiceError):
    """The user cancelled the work."""


def suggestion(name: str, known: Iterable[str], *, limit: int = 12) -> str:
    """A fix sentence: the closest known names, or the first few of them."""
    names = sorted(set(known))
    close = get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return f"Did you mean {' or '.join(repr(c) for c in close)}?"
    if not names:
        return "There is none to choose from."
    shown = ", ".join(names[:limit])
    return f"Choose one of {shown}{', …' if len(names) > limit else ''}."
