"""From a template to a strategy of the library."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from core.errors import UnknownName
from core.flow.nodes import Cash, Flow
from core.flow.references import references
from core.flow.templates import Template, templates
from core.library.strategies import Strategy

if TYPE_CHECKING:
    from core.db.strategies import Strategies


def start_from(template: Template, strategies: Strategies, user_id: UUID) -> Strategy:
    """A new strategy that is a copy of ``template``.

    Strategies it refers to that are not in the library (any more) are put there first.
    """
    known = {t.slug: t for t in templates()}
    for slug in references(template.flow):
        try:
            strategies.get(user_id, slug)
        except UnknownName:
            if slug not in known:
                raise
            strategies.create(user_id, known[slug].flow, slug=slug, label="Template")
    return strategies.create(user_id, template.flow, label=f"Template: {template.flow.name}"[:200])


def start_blank(name: str, strategies: Strategies, user_id: UUID) -> Strategy:
    """A new strategy that holds cash: a root to build upon."""
    return strategies.create(user_id, Flow(name=name, root=Cash()), label="Blank")
