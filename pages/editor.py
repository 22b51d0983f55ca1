"""The editor: build and change a strategy's flow."""

from app.components.editor_view import editor_view

editor_view()
