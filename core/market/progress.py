"""Progress of work made of parts, as one."""

from __future__ import annotations

from core.market.patience import Tell
from core.market.source import Progress


def part(progress: Progress, low: float, high: float) -> Progress:
    """The part of ``progress`` from ``low`` to ``high``."""
    return lambda share, doing: progress(low + share * (high - low), doing)


def asking(progress: Progress, share: float) -> Tell:
    """Tells at a share that leaves a little for making bars of the answers."""
    return lambda doing: progress(0.95 * share, doing)


def never_back(progress: Progress) -> Progress:
    """``progress`` that never goes back, whichever of several parts reports."""
    furthest = 0.0

    def tell(share: float, doing: str) -> None:
        nonlocal furthest
        furthest = max(furthest, share)
        progress(furthest, doing)

    return tell
