"""Variables: values with a name that every strategy can use."""

from app.components.variables_view import variables_view

variables_view()
