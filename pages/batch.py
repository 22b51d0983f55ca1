"""Batch tests: sweeps, started, watched, and read."""

from app.components.batch_view import batch_view

batch_view()
