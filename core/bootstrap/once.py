"""Once: a part of the services, made at first use, by whichever thread asks first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

Part = TypeVar("Part")


class once(Generic[Part]):  # noqa: N801  a decorator, as property is
    """As ``functools.cached_property``, which since Python 3.12 lets two threads make two: two
    pools of connections here, one of which nobody would ever close.

    The lock is the services' own ``making``, and can be taken again: a part is made of others.
    """

    def __init__(self, make: Callable[[Any], Part]) -> None:
        self._make, self._name, self.__doc__ = make, make.__name__, make.__doc__

    @overload
    def __get__(self, services: None, owner: type) -> Self: ...
    @overload
    def __get__(self, services: object, owner: type) -> Part: ...

    def __get__(self, services: Any, owner: type) -> Self | Part:
        if services is None:
            return self
        parts: dict[str, Any] = vars(services)
        with services.making:
            if self._name not in parts:
                parts[self._name] = self._make(services)
            made: Part = parts[self._name]  # found there from now on, without the lock
        return made
