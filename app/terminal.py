"""What a command tells people: on standard error, as standard output belongs to results."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """A line for whoever watches."""
    sys.stderr.write(text + "\n")
