"""Accuracy: the share of items whose label is right, in percent.

    accuracy = 100 sum_c K(c, c) / sum_c N_c,  K the confusion counts, N_c the items of class c

Also called weighted accuracy (WA) in emotion recognition.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sefront.core.clips import MetricCard
from sefront.core.pairs import labels


class Accuracy:
    """The share of items whose label is right; nan for no items."""

    def __call__(self, truth: Any, estimate: Any, **facts: Any) -> float:
        """Percent of the labels in `estimate` (items,) that equal those in `truth`; names or ids."""
        a, b = labels(truth, estimate)
        return 100.0 * int(np.count_nonzero(a == b)) / a.size if a.size else float("nan")

    def card(self) -> MetricCard:
        """What it compares and how to read it."""
        return MetricCard(
            compares="labels", over="set", unit="%", bounds=(0.0, 100.0), higher_is_better=True,
            citation="Sokolova and Lapalme 2009, doi:10.1016/j.ipm.2009.03.002",
        )  # fmt: skip
