"""Settings: broker accounts, and where people are told of what happens."""

from app.components.settings_view import settings_view

settings_view()
