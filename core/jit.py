"""The one way kernels are compiled.

``nogil`` lets threads run them side by side; ``cache`` keeps machine code between processes (in
``NUMBA_CACHE_DIR``, or beside the source, or in the user's cache folder, whichever can be
written); ``error_model="numpy"`` makes a division by zero NaN or infinity instead of an exception.
No fast-math: results are the same to the bit on every run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile ``function`` to machine code at its first call.

    ``.py_func`` stays the plain Python it was, for tests that compare the two.
    """
    compiled: Callable[..., Any] = njit(cache=True, nogil=True, error_model="numpy")(function)
    return compiled
