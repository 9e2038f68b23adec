"""Unweighted average recall: every class counts the same, however many items it has, in percent.

    UAR = 100 / C' sum_{c: N_c > 0} K(c, c) / N_c,  K the confusion counts, N_c the items of class c

Classes that do not occur in the truth have no recall and are left out; C' is the number of those that do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sefront.core.clips import MetricCard
from sefront.core.pairs import labels

MOST_IDS = 65536  # counting directly needs an array as long as the largest id; others are numbered first


class UAR:
    """The mean over the classes present in the truth of the share recognised; nan for no items."""

    def __call__(self, truth: Any, estimate: Any, **facts: Any) -> float:
        """Percent of each class in `truth` (items,) that `estimate` (items,) gets right, averaged; names or ids."""
        a, b = labels(truth, estimate)
        if not a.size:
            return float("nan")
        ids = numbered(a)
        items = np.bincount(ids)
        right = np.bincount(ids[a == b], minlength=items.size)
        present = items > 0
        return 100.0 * float((right[present] / items[present]).mean())

    def card(self) -> MetricCard:
        """What it compares and how to read it."""
        return MetricCard(
            compares="labels", over="set", unit="%", bounds=(0.0, 100.0), higher_is_better=True,
            citation="Schuller et al. 2009, doi:10.21437/Interspeech.2009-103",
        )  # fmt: skip


def numbered(names: NDArray[Any]) -> NDArray[np.int64]:
    """Small ids for `names` (items,): themselves where they are such ids, else their rank."""
    if names.dtype.kind in "iu" and int(names.min()) >= 0 and int(names.max()) < MOST_IDS:
        return names
    return np.unique(names, return_inverse=True)[1]
