"""The best runs of a sweep by one metric, found while results come in."""

from __future__ import annotations

import numpy as np

from core.errors import UnknownName
from core.market.bars import Float
from core.metrics.definitions import BY_NAME
from core.sweep.grid import Index
from core.sweep.kernel import METRICS
from core.sweep.run import Measured


class Ranking:
    """Keeps the ``top`` runs by ``metric``, best first; equal ones in the order of their index."""

    def __init__(self, metric: str, top: int) -> None:
        if metric not in METRICS:
            raise UnknownName("--by", "metric", metric, METRICS)
        self.metric = metric
        self._top = top
        self._column = METRICS.index(metric)
        # Where neither more nor less is better, the largest come first.
        self._sign = -1.0 if BY_NAME[metric].better >= 0 else 1.0
        self.points: Index = np.zeros(0, dtype=np.int64)
        self.metrics: Float = np.zeros((0, len(METRICS)))

    def add(self, found: Measured) -> None:
        """Take in more results, in any order."""
        key = self._sign * found.metrics[:, self._column]
        some = np.flatnonzero(~np.isnan(key))
        if len(some) > self._top:
            some = some[np.argpartition(key[some], self._top - 1)[: self._top]]
        points = np.concatenate([self.points, found.points[some]])
        metrics = np.concatenate([self.metrics, found.metrics[some]])
        order = np.lexsort((points, self._sign * metrics[:, self._column]))[: self._top]
        self.points, self.metrics = points[order], metrics[order]
