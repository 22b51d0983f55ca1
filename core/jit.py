"""The one way kernels are compiled.

``nogil`` lets threads run them side by side; ``cache`` keeps machine code between processes (in
``NUMBA_CACHE_DIR``, or beside the source, or in the user's cache folder, whichever can be
written); ``error_model="numpy"`` makes a division by zero NaN or infinity instead of an exception.
No fast-math: results are the same to the bit on every run.

A kernel allocates nothing unless it says so: its callers hand it arrays to write to. That is worth
much: without numba's reference counting (atomic counters, touched at every use of an array inside
a loop) the walk of a large flow takes a ninth of the time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy"}
# Numba's types do not list the switch for its reference counting.
_njit: Any = numba.njit


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile ``function``, which makes no arrays but views, at its first call.

    One that does make an array fails to compile. ``.py_func`` stays the plain Python it was, for
    tests that compare the two.
    """
    compiled: Callable[..., Any] = _njit(_nrt=False, **_OPTIONS)(function)
    return compiled


def inlined_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a function that is called in an inner loop with many arrays.

    Numba hands over arrays as some seven numbers each: a call with a dozen of them costs more than
    a small function does. The code goes into every caller, so few callers should have it.
    """
    compiled: Callable[..., Any] = _njit(_nrt=False, forceinline=True, **_OPTIONS)(function)
    return compiled


def allocating_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a function that makes arrays of its own; not for inner loops."""
    compiled: Callable[..., Any] = _njit(**_OPTIONS)(function)
    return compiled
