"""Alpaca as a broker: the account through its trading API, and its stream of order updates."""

from core.brokers.alpaca.broker import AlpacaBroker

__all__ = ["AlpacaBroker"]
