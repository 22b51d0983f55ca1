"""Parts of the services: made once, whoever asks."""

from __future__ import annotations

import threading
import time

from core.bootstrap.once import once


class Services:
    def __init__(self) -> None:
        self.making = threading.RLock()
        self.made: list[object] = []
        self.asked = threading.Event()

    @once
    def pool(self) -> object:
        """A pool of connections."""
        self.made.append(object())
        self.asked.wait(5)
        time.sleep(0.05)  # the second has come by now
        return self.made[-1]

    @once
    def repository(self) -> tuple[object]:
        return (self.pool,)


def test_two_threads_that_ask_at_once_get_the_same():
    services, found = Services(), []

    def second() -> None:
        services.asked.set()
        found.append(services.pool)

    first = threading.Thread(target=lambda: found.append(services.repository[0]))
    other = threading.Thread(target=second)
    for thread in (first, other):
        thread.start()
        while not services.made:
            time.sleep(0.001)
    for thread in (first, other):
        thread.join()
    assert found == [services.made[0]] * 2
    assert len(services.made) == 1


def test_what_was_made_is_an_attribute_like_any_other():
    """So it is told whether there is something to close."""
    services = Services()
    services.asked.set()
    assert "pool" not in vars(services)
    made = services.pool
    assert vars(services)["pool"] is made is services.pool
    assert Services.pool.__doc__ == "A pool of connections."
