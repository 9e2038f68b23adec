"""Root mean squared error of a trace, in the units of its labels.

    RMSE = sqrt(mean (x - y)^2)

Recordings are put one behind the other; with over="clip" each has a value and the mean is taken.
Source: Ringeval et al. 2015, doi:10.1145/2808196.2811642, as used in the AVEC challenges.
"""

from __future__ import annotations

import math

import numpy as np

from sefront.core.clips import MetricCard
from sefront.core.moments import OverTraces, Sums


class RMSE(OverTraces):
    """Error of traces in the units of their labels, the mean over their dimensions.

    Args:
        over: "set" puts all recordings one behind the other, "clip" takes the mean of a value for each.
    """

    def of(self, means: Sums) -> Sums:
        """The error of each dimension."""
        return np.asarray(np.sqrt(means[5]))

    def card(self) -> MetricCard:
        """What it compares and how to read it."""
        return MetricCard(
            compares="traces", over=self.over, unit="", bounds=(0.0, math.inf), higher_is_better=False,
            citation="Ringeval et al. 2015, doi:10.1145/2808196.2811642",
        )  # fmt: skip
