"""Heatmap: a sweep's metric over two of its variables."""

from app.components.heatmap_view import heatmap_view

heatmap_view()
