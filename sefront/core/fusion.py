"""Score fusion: one decision from the scores that several runs, or several decodings of one run, give to a clip.

With weights w_i, scaled to sum to one, and class posteriors p_i:

    mean   p = sum_i w_i p_i
    log    p = prod_i p_i^w_i, scaled to sum to one over the classes

The class with the largest p is decided on; traces are averaged as they are. Equal weights over runs that differ only in
their seed average over seeds. The rule of Zhou et al. 2020 is not stated; the mean with equal weights is taken for it.

Source: Zhou et al. 2020, table 4: two enhancements of a recording, one classifier.
Source: Kittler et al. 1998, doi:10.1109/34.667881, for both rules.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sefront.core.clips import Task
from sefront.core.errors import BadOptionError, SefrontError, unknown
from sefront.core.evaluation import Row, number

FUSIONS = ("mean", "log")
FUSED = "fused"
LEAST = float(np.finfo(np.float32).tiny)  # posteriors below it count as it, so that the logarithm of 0 stays finite


def fuse_scores(scores: Sequence[tuple[ArrayLike, float]], fusion: str = "mean") -> NDArray[np.float64]:
    """The fused scores of several members.

    Args:
        scores: For each member an array (..., classes) and a weight. "mean" takes any numbers, such as traces; "log"
            takes posteriors.
        fusion: "mean" or "log".

    Returns:
        (..., classes); posteriors, if those of the members are.

    Raises:
        SefrontError: There is no such fusion, or the weights are negative or all zero.
        ValueError: The arrays differ in shape, or are negative where posteriors are needed.
    """
    check_fusion(fusion)
    arrays = [np.asarray(values, dtype=np.float64) for values, _ in scores]
    shares = normalised([weight for _, weight in scores], len(scores))
    if len({array.shape for array in arrays}) > 1:
        raise ValueError(f"scores must be of one shape, but are {', '.join(str(array.shape) for array in arrays)}")
    if fusion == "mean":
        return np.asarray(sum(share * array for share, array in zip(shares, arrays, strict=True)))
    if any((array < 0).any() for array in arrays):
        raise ValueError("fusion 'log' takes posteriors, but some scores are negative; use 'mean'")
    logs = sum(share * np.log(np.maximum(array, LEAST)) for share, array in zip(shares, arrays, strict=True))
    products = np.exp(logs - np.max(logs, axis=-1, keepdims=True))
    return np.asarray(products / products.sum(-1, keepdims=True))


def check_fusion(fusion: str) -> None:
    """Refuse a fusion that there is not.

    Raises:
        UnknownNameError: With the nearest name.
    """
    if fusion not in FUSIONS:
        raise unknown("fusion", fusion, FUSIONS)


def normalised(weights: Sequence[float] | None, count: int) -> list[float]:
    """`weights` scaled to sum to one; equal ones where there are none.

    Raises:
        BadOptionError: They are not `count`, or one is negative or not a number, or all are zero.
    """
    weights = [1.0] * count if weights is None else list(weights)
    named = ", ".join(f"{weight:g}" for weight in weights)
    if len(weights) != count:
        there = "is one weight" if len(weights) == 1 else f"are {len(weights) or 'no'} weights"
        listed = f" ({named})" if weights else ""
        raise BadOptionError(f"there {there}{listed} for {count} members; give one for each")
    if any(not math.isfinite(weight) or weight < 0 for weight in weights) or not any(weights):
        raise BadOptionError(f"weights are {named}; give numbers of at least 0, one of them above 0")
    return [weight / math.fsum(weights) for weight in weights]


def fused_rows(members: Sequence[tuple[Sequence[Row], float]], fusion: str, task: Task) -> list[Row]:
    """A row for each clip and SNR from the rows and the weight of every member, in the order of the first.

    Raises:
        SefrontError: The members were not judged on the same clips.
    """
    found = [({(row["id"], row["snr"]): row for row in rows}, weight) for rows, weight in members]
    keys = found[0][0]
    for rows, _ in found:
        if differing := keys.keys() ^ rows.keys():
            clips = f"{len(differing)} clip{'s were' if len(differing) > 1 else ' was'}"
            raise SefrontError(f"{clips} judged for some members only; see that their files stay")
    fuse = fused_traces if task.kind == "trace" else fused_labels
    together = fuse([([rows[key] for key in keys], weight) for rows, weight in found], fusion, task)
    return [
        {"id": row["id"], "snr": row["snr"], "noise": row["noise"], "system": FUSED, **facts}
        for row, facts in zip(keys.values(), together, strict=True)
    ]


def fused_labels(members: Sequence[tuple[Sequence[Row], float]], fusion: str, task: Task) -> list[Row]:
    """Labels by fused posteriors: a row a clip from the rows of every member, which stand in one order."""
    shape = len(members[0][0]), len(task.labels)
    arrays = [np.array([row["scores"] for row in rows], dtype=np.float64).reshape(shape) for rows, _ in members]
    scores = fuse_scores([(array, weight) for array, (_, weight) in zip(arrays, members, strict=True)], fusion)
    fused = []
    for row, posteriors in zip(members[0][0], scores.tolist(), strict=True):
        likely = posteriors[task.labels.index(row["target"])]
        fused.append(
            {
                "target": row["target"],
                "prediction": task.labels[int(np.argmax(posteriors))],
                "scores": list(map(number, posteriors)),
                "loss": -math.log(likely) if likely > 0 else None,
            }
        )
    return fused


def fused_traces(members: Sequence[tuple[Sequence[Row], float]], fusion: str, task: Task) -> list[Row]:
    """Mean traces over the frames that all members predict; the loss would need a backend, so there is none."""
    fused = []
    for rows in zip(*(rows for rows, _ in members), strict=True):
        frames = min(len(row["prediction"]) for row in rows)
        traces = [(row["prediction"][:frames], weight) for row, (_, weight) in zip(rows, members, strict=True)]
        fused.append({"target": rows[0]["target"][:frames], "prediction": fuse_scores(traces, fusion), "loss": None})
    return fused


def check_fusible(task: Task, fusion: str) -> None:
    """Refuse a task whose answers cannot be fused so.

    Raises:
        SefrontError: Saying what can.
    """
    if task.kind == "transcription":
        raise SefrontError("transcripts cannot be fused, only labels and traces; judge these runs one by one")
    if task.kind == "trace" and fusion != "mean":
        raise SefrontError(f"fusion '{fusion}' is about posteriors, but these runs predict traces; leave it at 'mean'")
