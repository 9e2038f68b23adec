"""A backend that learns from altered views of its clips: mixed in pairs (mixup), or with parts of them hidden.

    x = l x_i + (1 - l) x_j,   L = l L_i + (1 - l) L_j,   l ~ Beta(a, a)

x are the backend's features where it has some, else waves; j is a permutation of the batch, and l is drawn for each
pair. L_i and L_j are the losses of one prediction for the targets of both clips: for cross-entropy, that for the mixed
target. Features of different lengths are filled up with zeros, and what is longer decides what is valid; the loss of a
transcript or trace sees the frames of its own clip alone. Source: Zhang et al. 2018, arXiv:1710.09412; on spectrograms
before emotion recognition, Latif et al. 2020, doi:10.21437/Interspeech.2020-3190, equations 3 and 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from sefront.core.augment import Augment
from sefront.core.augmentable import has_features
from sefront.core.chain import predict
from sefront.core.masking import masked
from sefront.core.masks import hidden
from sefront.core.types import Batch, Prediction

PARTNER, SHARE, FRAMES = "mixup.partner", "mixup.share", "mixup.frames"  # extras of a prediction of mixed clips


class Augmented(nn.Module):
    """A backend that is shown altered clips in train mode, and clips as they are in eval mode.

    It has the weights of the backend, and says the same of itself. What is random is drawn from torch's generator.

    Args:
        backend: Who learns.
        augment: Which views.
    """

    def __init__(self, backend: nn.Module, augment: Augment) -> None:
        super().__init__()
        self.plain, self.augment = backend, augment

    def __getattr__(self, name: str) -> Any:
        """Whatever else the backend says of itself."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name == "plain":
                raise
            return getattr(self.plain, name)

    def forward(self, waves: Tensor, lengths: Tensor) -> Prediction:
        """What the backend makes of `waves` (batch, time), or of altered ones.

        ``extras`` of a prediction of mixed clips say who a clip was mixed with and its own share, (batch,) each.
        """
        backend: Any = self.plain
        if not self.training:
            return predict(backend, waves, lengths)
        pairs = self.pairs(lengths)
        if not has_features(backend):
            together, longer = mixed(waves, lengths, pairs)
            return told(predict(backend, together, longer), pairs)
        plain, own = backend.features(waves, lengths)
        features, frames = mixed(plain, own, pairs)
        if self.augment.specaugment:
            features = hidden(features, frames, self.augment)
        return told(backend.classify(features, frames), pairs)

    def pairs(self, lengths: Tensor) -> Mapping[str, Tensor]:
        """Who each clip is mixed with, its own share, and its own frames where known; nothing without mixup."""
        if not self.augment.mixup:
            return {}
        alpha = torch.tensor(self.augment.mixup, dtype=torch.float64)  # the gammas of a small one underflow in float32
        share = torch.distributions.Beta(alpha, alpha).sample((len(lengths),)).float()
        pairs = {PARTNER: torch.randperm(len(lengths)).to(lengths.device), SHARE: share.to(lengths.device)}
        frames = getattr(self.plain, "frames", None)
        return pairs if frames is None else {**pairs, FRAMES: frames(lengths)}

    def loss(self, prediction: Prediction, batch: Batch) -> Tensor:
        """The backend's own loss, (batch,); of a mixed pair, both clips' by their shares."""
        backend: Any = self.plain
        if not is_mixed(prediction):
            return cast(Tensor, backend.loss(prediction, batch))
        partner, share = prediction.extras[PARTNER], prediction.extras[SHARE]
        own = prediction.extras.get(FRAMES)
        one = backend.loss(within(prediction, own), batch)
        other = backend.loss(within(prediction, None if own is None else own[partner]), rearranged(batch, partner))
        return cast(Tensor, share * one + (1 - share) * other)


def augmented(backend: Any, augment: Augment) -> Any:
    """`backend` as it learns by `augment`, under its own name in messages; itself where nothing is mixed or hidden."""
    if not (augment.mixup or augment.specaugment):
        return backend
    return type(type(backend).__name__, (Augmented,), {"__doc__": Augmented.__doc__})(backend, augment)


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
