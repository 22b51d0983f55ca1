"""What all pages and sessions of this process share."""

from __future__ import annotations

from functools import lru_cache

from core.bootstrap import Services
from core.settings import load_settings


@lru_cache(maxsize=1)
def services() -> Services:
    """The process's services; made at first use."""
    return Services(load_settings())
