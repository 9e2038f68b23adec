"""Truth and estimate, checked and compared by metrics. Nothing here imports torch: metrics run in workers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sefront.core.protocols import Metric


def labels(truth: Any, estimate: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Two sequences of class names or ids as arrays (items,).

    Raises:
        ValueError: They differ in length, or one holds names and the other ids.
    """
    a, b = np.asarray(truth), np.asarray(estimate)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"truth and estimate must be lists of one length, not of shapes {a.shape} and {b.shape}")
    if a.size and (a.dtype.kind in "US") != (b.dtype.kind in "US"):
        raise ValueError(f"truth and estimate must both be names or both be ids, not {a.dtype} and {b.dtype}")
    return a, b


def waves(truth: Any, estimate: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two waves as arrays (samples,) of float64.

    Raises:
        ValueError: They differ in length, or hold more than one channel.
    """
    a, b = np.asarray(truth, dtype=np.float64), np.asarray(estimate, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"truth and estimate must be waves of one length, not of shapes {a.shape} and {b.shape}")
    return a, b


def paired(truth: Sequence[Any], estimate: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Texts or traces side by side, a truth and an estimate for each clip.

    Raises:
        ValueError: They are not lists of one length.
    """
    if isinstance(truth, str) or isinstance(estimate, str) or len(truth) != len(estimate):
        found = " and ".join("a text" if isinstance(v, str) else f"{len(v)} items" for v in (truth, estimate))
        raise ValueError(f"truth and estimate must be lists of one length, an item a clip, not {found}")
    return list(zip(truth, estimate, strict=True))


def audible(wave: NDArray[np.float64]) -> bool:
    """Whether a wave holds anything but zeros, and only finite values."""
    return bool(wave.any() and np.isfinite(wave).all())


def measured(metrics: Mapping[str, Metric], truth: Any, estimate: Any, sample_rate: int) -> dict[str, Any]:
    """All metrics of one pair of waves; those that have no finite value are named under ``failed``."""
    values = {name: metric(truth, estimate, sample_rate=sample_rate) for name, metric in metrics.items()}
    finite = {name: value for name, value in values.items() if math.isfinite(value)}
    return {"signal": finite, "failed": [name for name in values if name not in finite]}
