"""Concordance correlation coefficient: how close an estimated trace lies to the true one, in shape, scale and offset.

    CCC = 2 cov(x, y) / (var x + var y + (mean x - mean y)^2)
        = 1 - mean (x - y)^2 / (var x + var y + (mean x - mean y)^2),  population moments

Recordings are put one behind the other; with over="clip" each has a value and the mean is taken. Zero where both are
constant and equal. Source: Lin 1989, doi:10.2307/2532051.
"""

from __future__ import annotations

import numpy as np

from sefront.core.clips import MetricCard
from sefront.core.moments import OverTraces, Sums

ROUNDING = 1e-12  # share of a constant trace's power that may be left as its variance


class CCC(OverTraces):
    """Concordance of traces, the mean over their dimensions.

    Args:
        over: "set" puts all recordings one behind the other, "clip" takes the mean of a value for each.
    """

    def of(self, means: Sums) -> Sums:
        """The coefficient of each dimension."""
        _, y, x, yy, xx, errors = means
        spread = (yy - y * y) + (xx - x * x) + (y - x) ** 2
        constant = spread <= ROUNDING * (yy + xx)
        return np.asarray(1 - np.divide(errors, spread, out=np.ones_like(spread), where=~constant))

    def card(self) -> MetricCard:
        """What it compares and how to read it."""
        return MetricCard(
            compares="traces", over=self.over, unit="", bounds=(-1.0, 1.0), higher_is_better=True,
            citation="Lin 1989, doi:10.2307/2532051",
        )  # fmt: skip
