"""Scale-invariant signal-to-distortion ratio.

    a = <x_hat, x> / |x|^2,  SI-SDR = 10 log10(|a x|^2 / |a x - x_hat|^2),  means removed first

Source: Le Roux, Wisdom, Erdogan and Hershey 2019, doi:10.1109/ICASSP.2019.8683855.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sefront.core.clips import MetricCard
from sefront.core.pairs import audible, waves

ROUNDING = 1e-24  # share of a constant wave's energy that is left when its mean has been removed


class SISDR:
    """Energy of the part of the estimate that follows the truth, over the energy of the rest.

    A perfect estimate has inf, one that holds nothing of the truth -inf; both follow from the definition. It does not
    define a value, so nan, for a truth or an estimate without any sound.
    """

    def __call__(self, truth: Any, estimate: Any, **facts: Any) -> float:
        """Decibels for the waves `truth` and `estimate` (samples,)."""
        raw_x, raw_y = waves(truth, estimate)
        if not (audible(raw_x) and audible(raw_y)):
            return float("nan")
        x, y = raw_x - raw_x.mean(), raw_y - raw_y.mean()
        if x @ x <= ROUNDING * (raw_x @ raw_x) or y @ y <= ROUNDING * (raw_y @ raw_y):
            return float("nan")
        scaled = (x @ y) / (x @ x) * x
        with np.errstate(divide="ignore"):
            return float(10 * (np.log10(scaled @ scaled) - np.log10((scaled - y) @ (scaled - y))))

    def card(self) -> MetricCard:
        """What it compares and how to read it."""
        return MetricCard(
            compares="waves", over="clip", unit="dB", bounds=(float("-inf"), float("inf")), higher_is_better=True,
            citation="Le Roux et al. 2019, doi:10.1109/ICASSP.2019.8683855",
        )  # fmt: skip
