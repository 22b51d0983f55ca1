"""The system: what runs, what is wrong, how to mend it."""

from app.components.system_view import system_view

system_view()
