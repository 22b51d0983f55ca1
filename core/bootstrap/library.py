"""What a user keeps: strategies, variables, results, sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from core.bootstrap.once import once
from core.bootstrap.processes import ProcessServices

if TYPE_CHECKING:
    from core.accounts.users import User
    from core.db.backtests import Backtests
    from core.db.catalogue import Catalogue
    from core.db.drafts import Drafts
    from core.db.strategies import Strategies
    from core.db.sweeps import Sweeps
    from core.db.tabs import Tabs
    from core.db.users import Users
    from core.db.variables import Variables
    from core.library.flows import Flows
    from core.library.intake import Intake, Read


class LibraryServices(ProcessServices):
    """The library of the user this process works for."""

    @once
    def user(self) -> User:
        """Whose library this process shows."""
        from core.accounts.users import DEMO

        return self.users.ensure(DEMO)

    @once
    def users(self) -> Users:
        from core.db.users import Users

        return Users(self.database.engine, self.clock)

    def seed(self) -> int:
        """Example strategies for a new user's library; returns how many were put there."""
        from core.library.seed import seed

        return seed(self.users, self.strategies, self.user.id)

    @once
    def strategies(self) -> Strategies:
        from core.db.strategies import Strategies

        return Strategies(self.database.engine, self.clock)

    @once
    def catalogue(self) -> Catalogue:
        from core.db.catalogue import Catalogue

        return Catalogue(self.database.engine, self.clock)

    @once
    def tabs(self) -> Tabs:
        from core.db.tabs import Tabs

        return Tabs(self.database.engine)

    @once
    def drafts(self) -> Drafts:
        from core.db.drafts import Drafts

        return Drafts(self.database.engine, self.clock)

    @once
    def variables(self) -> Variables:
        from core.db.variables import Variables

        return Variables(self.database.engine, self.clock)

    @once
    def flows(self) -> Flows:
        """The user's flows as they run: where a library's flow gets its global variables."""
        from core.library.flows import Flows

        return Flows(self.user.id, self.strategies, self.variables)

    def intake(self, read: Read | None = None) -> Intake:
        """What takes many files into the user's library; ``read`` makes flows of them."""
        from core.flow.formats.native import parse
        from core.library.intake import Intake

        return Intake(self.user.id, self.strategies, self.flows, read=read or parse)

    @once
    def backtests(self) -> Backtests:
        from core.db.backtests import Backtests

        return Backtests(self.database.engine)

    @once
    def sweeps(self) -> Sweeps:
        from core.db.sweeps import Sweeps

        return Sweeps(self.database.engine, self.clock)

    def start_sweeps(self, user_id: UUID) -> None:
        """Hand the user's next sweep to the workers, unless one is running."""
        sweep = self.sweeps.activate(user_id)
        if sweep is not None:
            self.queue.sweep(sweep)
