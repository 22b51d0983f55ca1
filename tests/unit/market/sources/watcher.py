"""What a user would see and do while a source reads."""

from __future__ import annotations

from core.errors import Cancelled


class Watcher:
    """A ``Progress`` that keeps what it was told, and cancels after ``patience`` tellings."""

    def __init__(self, patience: int = 10**9) -> None:
        self.patience = patience
        self.shares: list[float] = []
        self.told: list[str] = []

    def __call__(self, share: float, doing: str) -> None:
        self.shares.append(share)
        self.told.append(doing)
        if len(self.told) > self.patience:
            raise Cancelled("stopped by the user")
