"""The library: every strategy, to find, open, copy, import and export."""

from app.components.library_view import library_view

library_view()
