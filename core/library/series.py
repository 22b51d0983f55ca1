"""Arrays by name as compact bytes, for a column of the database.

The bytes' format has a number, kept beside them. Format 1 is NumPy's own compressed ``.npz``,
without pickled objects: float64 comes back to the bit, NaN included.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import NeedsOperator

Series = Mapping[str, npt.NDArray[Any]]
FORMAT = 1


def encode(series: Series) -> bytes:
    """``series`` in format ``FORMAT``; ValueError for arrays of Python objects."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for name, array in series.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)
    return buffer.getvalue()


def decode(number: int, data: bytes) -> Series:
    """The arrays in ``data``, which has format ``number``.

    Raises NeedsOperator for a format this Sluice does not know.
    """
    if number != FORMAT:
        raise NeedsOperator(
            f"This result was saved in format {number}; this Sluice reads {FORMAT}. Update it."
        )
    with np.load(BytesIO(data), allow_pickle=False) as archive:
        return dict(archive)
