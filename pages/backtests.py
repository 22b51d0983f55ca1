"""Saved backtests: every result, to look at again."""

from app.components.backtests_view import backtests_view

backtests_view()
