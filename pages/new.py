"""New: a strategy from nothing or from a template, and every strategy there is to open."""

from app.components.new_view import new_view

new_view()
