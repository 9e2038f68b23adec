"""Moments of traces: sums from which the statistics of two traces follow, for one recording or many together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sefront.core.pairs import paired

Sums = NDArray[np.float64]


def moments(truth: ArrayLike, estimate: ArrayLike) -> Sums:
    """Count and sums of y, x, y^2, x^2 and (y - x)^2 for a true trace y and an estimate x: (6, dims).

    Raises:
        ValueError: They are no traces (frames, dims) of one shape.
    """
    y, x = np.asarray(truth, dtype=np.float64), np.asarray(estimate, dtype=np.float64)
    if y.shape != x.shape or y.ndim != 2:
        raise ValueError(f"traces must be (frames, dims) of one shape, but are {y.shape} and {x.shape}")
    return np.stack([np.full(y.shape[1], float(len(y))), *(s.sum(0) for s in (y, x, y * y, x * x, (y - x) ** 2))])


class OverTraces:
    """A metric that follows from the moments of traces; the mean of its values for all dimensions.

    Args:
        over: "set" puts all recordings one behind the other, "clip" takes the mean of a value for each.

    Raises:
        ValueError: `over` is neither.
    """

    def __init__(self, *, over: Literal["set", "clip"] = "set") -> None:
        if over not in ("set", "clip"):
            raise ValueError(f"over must be 'set' or 'clip', not {over!r}")
        self.over = over

    def __call__(self, truth: Sequence[Any], estimate: Sequence[Any], **facts: Any) -> float:
        """The value for the traces in `truth` and `estimate`, (frames, dims) each; nan for no frames.

        Raises:
            ValueError: They are not lists of one length, or hold traces of different shapes.
        """
        counts = [self.counts(*pair) for pair in paired(truth, estimate)]
        if not counts:
            return math.nan
        return self.per_clip(counts) if self.over == "clip" else self.value(np.sum(counts, axis=0))

    def counts(self, truth: ArrayLike, estimate: ArrayLike) -> Sums:
        """The moments of one recording."""
        return moments(truth, estimate)

    def value(self, counts: ArrayLike) -> float:
        """The value that follows from summed moments; nan for no frames."""
        return float(self.by_dimension(counts).mean())

    def details(self, counts: ArrayLike, names: Sequence[str]) -> dict[str, Any]:
        """The value of each dimension, called `names` or numbered, and the mean of the recordings' own values.

        Args:
            counts: Moments of every recording, (clips, 6, dims).
            names: What the dimensions are called.
        """
        each = np.asarray(counts, dtype=np.float64)
        values = [known(value) for value in self.by_dimension(each.sum(0)).tolist()]
        named = names if len(names) == len(values) else [str(i) for i in range(len(values))]
        return {"by_dimension": dict(zip(named, values, strict=True)), "per_clip": known(self.per_clip(each))}

    def per_clip(self, counts: ArrayLike) -> float:
        """The mean of the values of recordings with moments `counts` (clips, 6, dims); nan for no frames."""
        values = map(self.value, np.asarray(counts, dtype=np.float64))
        finite = [value for value in values if math.isfinite(value)]
        return fmean(finite) if finite else math.nan

    def by_dimension(self, counts: ArrayLike) -> Sums:
        """The value of each dimension, (dims,), from summed moments (6, dims); nan for no frames."""
        sums = np.asarray(counts, dtype=np.float64)
        return self.of(sums / sums[0]) if sums[0].all() else np.full(sums.shape[1], math.nan)

    def of(self, means: Sums) -> Sums:
        """The value of each dimension, (dims,), from means of 1, y, x, y^2, x^2 and (y - x)^2, (6, dims)."""
        raise NotImplementedError


def known(value: float) -> float | None:
    """`value` as JSON can hold it."""
    return value if math.isfinite(value) else None
