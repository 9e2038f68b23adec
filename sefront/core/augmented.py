"""A backend that learns from altered views of its clips: mixed in pairs (`sefront.core.mixup`), or with parts hidden.

The views are of the backend's features where it has some, else of waves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from torch import Tensor, nn

from sefront.core.augment import Augment
from sefront.core.augmentable import has_features
from sefront.core.chain import predict
from sefront.core.masks import hidden
from sefront.core.mixup import FRAMES, PARTNER, SHARE, drawn, is_mixed, mixed, rearranged, told, within
from sefront.core.types import Batch, Prediction


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
        pairs, frames = drawn(lengths, self.augment.mixup), getattr(self.plain, "frames", None)
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
