"""Hard examples: which clips a recogniser keeps getting wrong while it learns, and losses that dwell on them.

With m_i of the c_i times that clip i was presented answered wrongly:

    R_i = -log2(1 - m_i / c_i),   h_i = (R_i - min R) / (max R - min R) over the finite R,   h_i = 1 where m_i = c_i
    hard set H = {i : h_i >= beta}

Source: Zhong et al. 2020, doi:10.1109/ACCESS.2020.3043894, equations 1 and 2. No beta is given there; to keep a part
of the clips it is the quantile of h. Figure 5 shows 50.6 % for IEMOCAP.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

FRACTION = 0.506
LEAST = 1e-12  # of 1 - p: at 0 the gradient of a power below 1 would be infinite


class Miner:
    """Counts how often every clip was presented and answered wrongly."""

    def __init__(self) -> None:
        self.wrong: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self.classes: dict[str, int] = {}

    def count(self, ids: Iterable[str], wrong: Iterable[bool], classes: Iterable[int]) -> None:
        """Count some answers: each clip once for each time that it was presented."""
        for name, failed, label in zip(ids, wrong, classes, strict=True):
            self.seen[name] += 1
            self.wrong[name] += bool(failed)
            self.classes[name] = int(label)

    def hard_index(self) -> dict[str, float]:
        """h of every clip."""
        ids = sorted(self.seen)
        found = hard_index([self.wrong[i] for i in ids], [self.seen[i] for i in ids])
        return dict(zip(ids, found.tolist(), strict=True))

    def hard_set(self, beta: float | None = None, fraction: float = FRACTION) -> dict[str, float]:
        """h of the hard clips: those of at least `beta`, or else the hardest `fraction`, ties included."""
        index = self.hard_index()
        if beta is None:
            ranked = sorted(index.values(), reverse=True)
            beta = ranked[max(1, round(fraction * len(ranked))) - 1] if ranked else 0.0
        return {name: h for name, h in index.items() if h >= beta}

    def shares(self, ids: Iterable[str] | None = None) -> dict[int, float]:
        """The share of each class among the clips `ids`; by default among all."""
        counts = Counter(self.classes[i] for i in (self.classes if ids is None else ids))
        return {label: count / counts.total() for label, count in sorted(counts.items())}

    def state_dict(self) -> dict[str, list[Any]]:
        """The counts, as lists."""
        ids = sorted(self.seen)
        return {
            "ids": ids,
            "wrong": [self.wrong[i] for i in ids],
            "seen": [self.seen[i] for i in ids],
            "classes": [self.classes[i] for i in ids],
        }

    def load_state_dict(self, state: Mapping[str, Sequence[Any]]) -> None:
        """Take up counts that `state_dict` gave."""
        for counts, name in ((self.wrong, "wrong"), (self.seen, "seen")):
            counts.clear()
            counts.update(dict(zip(state["ids"], state[name], strict=True)))
        self.classes = dict(zip(state["ids"], state["classes"], strict=True))


def hard_index(wrong: Sequence[int], seen: Sequence[int]) -> NDArray[np.float64]:
    """h (clips,) for clips that were answered wrongly `wrong` of `seen` times.

    Where all finite R are equal, h is 0 if that R is 0, which is never wrong, and else 1.
    """
    rate = np.asarray(wrong, dtype=np.float64) / np.maximum(np.asarray(seen, dtype=np.float64), 1)
    h = np.ones_like(rate)
    finite = rate < 1
    if finite.any():
        r = -np.log2(1 - rate[finite])
        low, high = r.min(), r.max()
        h[finite] = (r - low) / (high - low) if high > low else float(low > 0)
    return h


def hard_example(scores: Tensor, target: Tensor, index: Tensor, share: Tensor) -> Tensor:
    """-h_i (1 - alpha_i) ln p_i, (batch,): the loss of hard examples.

    Equation 3 of Zhong et al. 2020 calls p_i "the classification error probability", which would reward errors; it is
    taken for the probability of the true class.

    Args:
        scores: Logits (batch, classes).
        target: True classes (batch,).
        index: Hard index h of each clip, (batch,).
        share: Share alpha of each clip's class, (batch,).
    """
    losses = torch.nn.functional.cross_entropy(scores.float(), target, reduction="none")
    return index * (1 - share) * losses


def focal(scores: Tensor, target: Tensor, gamma: float = 2.0) -> Tensor:
    """-(1 - p_i)^gamma ln p_i, (batch,), with p_i the probability of the true class; gamma = 0 is cross-entropy.

    Source: Lin et al. 2017, doi:10.1109/ICCV.2017.324, equation 4, without class weights.

    Args:
        scores: Logits (batch, classes).
        target: True classes (batch,).
        gamma: How little easy examples count.
    """
    losses = torch.nn.functional.cross_entropy(scores.float(), target, reduction="none")
    return (-torch.expm1(-losses)).clamp(min=LEAST) ** gamma * losses
