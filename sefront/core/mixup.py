"""Mixup: clips in pairs, and the losses of one prediction for both of their targets.

    x = l x_i + (1 - l) x_j,   L = l L_i + (1 - l) L_j,   l ~ Beta(a, a)

j is a permutation of the batch, and l is drawn for each pair. L_i and L_j are the losses of one prediction for the
targets of both clips: for cross-entropy, that for the mixed target. What is shorter is filled up with zeros, and what
is longer decides what is valid; the loss of a transcript or trace sees the frames of its own clip alone. Source: Zhang
et al. 2018, arXiv:1710.09412; on spectrograms before emotion recognition, Latif et al. 2020,
doi:10.21437/Interspeech.2020-3190, equations 3 and 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from sefront.core.masking import masked
from sefront.core.types import Batch, Prediction

PARTNER, SHARE, FRAMES = "mixup.partner", "mixup.share", "mixup.frames"  # extras of a prediction of mixed clips


def drawn(lengths: Tensor, a: float) -> dict[str, Tensor]:
    """For clips of `lengths` (batch,) whom each is mixed with, and its own share from Beta(a, a), (batch,) both."""
    alpha = torch.tensor(a, dtype=torch.float64)  # the gammas of a small one underflow in float32
    share = torch.distributions.Beta(alpha, alpha).sample((len(lengths),)).float()
    return {PARTNER: torch.randperm(len(lengths)).to(lengths.device), SHARE: share.to(lengths.device)}


def is_mixed(prediction: Prediction) -> bool:
    """Whether `prediction` is of mixed clips, so that neither its answers nor its losses are those of one."""
    return PARTNER in prediction.extras


def told(prediction: Prediction, pairs: Mapping[str, Tensor]) -> Prediction:
    """`prediction` that knows of its `pairs`."""
    return replace(prediction, extras={**prediction.extras, **pairs})


def mixed(x: Tensor, lengths: Tensor, pairs: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """`x` (batch, ..., time), of which `lengths` (batch,) are valid, mixed in `pairs`, and what is valid of it."""
    if not pairs:
        return x, lengths
    partner = pairs[PARTNER]
    share = pairs[SHARE].view(-1, *[1] * (x.dim() - 1))
    whole = masked(x, lengths)
    return share * whole + (1 - share) * whole[partner], torch.maximum(lengths, lengths[partner])


def within(prediction: Prediction, frames: Tensor | None) -> Prediction:
    """`prediction` of which `frames` (batch,) are valid; as it is where it is one of whole clips."""
    if frames is None or prediction.lengths is None:
        return prediction
    return replace(prediction, lengths=frames.clamp(max=prediction.scores.shape[1]))


def rearranged(batch: Batch, order: Tensor) -> Batch:
    """The clips of `batch` in another `order` (batch,)."""
    tensors = {name: value[order] for name, value in vars(batch).items() if isinstance(value, Tensor)}
    return replace(batch, **tensors, ids=tuple(batch.ids[i] for i in order.tolist()))
