"""The built-in broker: market orders at a source's price, on books of its own, without keys."""

from core.brokers.paper.books import PaperBook, PaperBooks, PaperOrder, PaperPosition
from core.brokers.paper.broker import PaperBroker, PaperOptions
from core.brokers.paper.prices import QUOTES_KEPT

__all__ = [
    "QUOTES_KEPT", "PaperBook", "PaperBooks", "PaperBroker", "PaperOptions", "PaperOrder",
    "PaperPosition",
]  # fmt: skip
