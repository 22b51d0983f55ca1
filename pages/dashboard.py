"""The dashboard: where the accounts and their strategies stand."""

from app.components.dashboard_view import dashboard_view

dashboard_view()
