"""Settings: where people are told of what happens."""

from app.components.channels_view import channels_view

channels_view()
