"""A deterministic synthetic market: real names, invented prices, labelled so everywhere."""

from core.market.sources.demo.source import DemoSource

__all__ = ["DemoSource"]
