"""Alpaca as a broker: the account through its trading API, and its stream of order updates."""

from core.brokers.alpaca.broker import AlpacaBroker
from core.brokers.alpaca.stream import AlpacaOrderStream

__all__ = ["AlpacaBroker", "AlpacaOrderStream"]
