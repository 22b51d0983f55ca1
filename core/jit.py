"""The one way kernels are compiled.

``nogil`` lets threads run them side by side; ``cache`` keeps machine code between processes (in
``NUMBA_CACHE_DIR``, or beside the source, or in the user's cache folder, whichever can be
written); ``error_model="numpy"`` makes a division by zero NaN or infinity instead of an exception.
No fast-math: results are the same to the bit on every run.

Numba takes cached code for good as long as the file it is in stays the same. Here it has parts of
other files in it, so it is good only as long as all files with kernels stay the same.

A kernel allocates nothing unless it says so: its callers hand it arrays to write to. That is worth
much: without numba's reference counting (atomic counters, touched at every use of an array inside
a loop) the walk of a large flow takes a ninth of the time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba

_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy"}
# Numba's types do not list the switch for its reference counting.
_njit: Any = numba.njit


@cache
def sources_of_kernels(root: Path = Path(__file__).parent) -> str:
    """A digest of all files below ``root`` that have kernels in them."""
    found = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        text = path.read_bytes()
        if b"core.jit" in text or b"core.lanes" in text:
            found.update(text)
    return found.hexdigest()


def _compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    compiled = _njit(**options, **_OPTIONS)(function)
    compiled._cache._cache_file._source_stamp = sources_of_kernels()
    return compiled  # type: ignore[no-any-return]


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile ``function``, which makes no arrays but views, at its first call.

    One that does make an array fails to compile. ``.py_func`` stays the plain Python it was, for
    tests that compare the two.
    """
    return _compiled(function, _nrt=False)


def inlined_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a function that is called in an inner loop with many arrays.

    Numba hands over arrays as some seven numbers each: a call with a dozen of them costs more than
    a small function does. The code goes into every caller, so few callers should have it.
    """
    return _compiled(function, _nrt=False, forceinline=True)
