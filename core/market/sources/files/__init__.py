"""Daily bars from the user's own files: tidy tables and vendors' day aggregates."""

from core.market.sources.files.source import FilesSource

__all__ = ["FilesSource"]
