"""Confidence intervals by the bootstrap over clips.

Clips are drawn with replacement and the value is computed anew; the interval holds the middle 95 %. Clips of one
speaker are not independent, so an interval over few speakers is too narrow for statements about new ones. Source:
Efron and Tibshirani 1993, doi:10.1201/9780429246593.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sefront.core.randomness import stream

RESAMPLES = 1000


def interval(values: Sequence[Any], statistic: Callable[[Any], float], seed: int = 0) -> tuple[float, float] | None:
    """The 95 % interval of ``statistic(values)``; None for fewer than two values.

    Args:
        values: One row a clip.
        statistic: From an array of rows to a number.
        seed: Seed of the resampling.
    """
    if len(values) < 2:
        return None
    rows = np.asarray(values)
    draws = stream(seed, "bootstrap", len(rows)).integers(len(rows), size=(RESAMPLES, len(rows)))
    low, high = np.nanquantile([statistic(rows[draw]) for draw in draws], [0.025, 0.975])
    return float(low), float(high)
