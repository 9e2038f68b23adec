"""AFCN, an attention-based fully convolutional network on a spectrogram, for speech emotion.

    log power spectrum up to 4 kHz -> five convolutions as in AlexNet -> attention over time and frequency -> linear

    e_i = u . tanh(W a_i + b),   alpha_i = exp(lambda e_i) / sum_j exp(lambda e_j),   c = sum_i alpha_i a_i

with a vector a_i of the last 256 maps at every place i. Windows of 40 ms every 10 ms and lambda = 0.3 are those of
public implementations; the recipe is not the authors'. Nothing is learnt from images beforehand: the convolutions start
from the random weights of He et al. 2015, arXiv:1502.01852, with which signals keep their size through five layers.

Source: Zhang et al. 2018, doi:10.23919/APSIPA.2018.8659587, the recogniser behind the enhancers of Zhou et al. 2020;
convolutions of Krizhevsky et al. 2012, doi:10.1145/3065386 (alexnet_orig), and Krizhevsky 2014, arXiv:1404.5997
(alexnet_tv).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core.attention import Attention
from sefront.core.clips import Task
from sefront.core.features import PowerSpectrum, Standard, logarithm
from sefront.core.losses import cross_entropy
from sefront.core.masking import masked, through
from sefront.core.recipe import Recipe
from sefront.core.types import Batch, Prediction

MINIMUM = 63  # frames, and bins, of which one place is left behind the last pooling
GRID = 20  # Hz between bins
TOP = 4000  # Hz

# maps of the five convolutions, and whether responses are normalised behind the first two
TRUNKS = {"alexnet_tv": ((64, 192, 384, 256, 256), False), "alexnet_orig": ((96, 256, 384, 384, 256), True)}


class AFCN(nn.Module):
    """Emotion classifier of five convolutions and attention over their maps.

    Args:
        trunk: Widths of the convolutions: alexnet_tv (64, 192, 384, 256, 256) or alexnet_orig (96, 256, 384, 384, 256,
            with local response normalisation).
        n_dft: Points of the transform, at least 40 ms; none for bins 20 Hz apart.
        n_bins: Bins of the spectrum that are kept, at least 63; none for those below 4 kHz.
        attention_scale: The factor lambda: 0 for the mean over all places, 1 for softmax attention.
        dropout: Share of the attended vector that is dropped before the last layer.
    """

    toy = "emotion"
    recipe = Recipe(lr=1e-4, batch_size=16)

    def __init__(
        self,
        task: Task,
        sample_rate: int,
        *,
        trunk: Literal["alexnet_tv", "alexnet_orig"] = "alexnet_tv",
        n_dft: int | None = None,
        n_bins: int | None = None,
        attention_scale: float = 0.3,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if attention_scale < 0 or not 0 <= dropout < 1:
            raise ValueError(
                "attention_scale must be at least 0 and dropout in [0, 1), "
                f"but they are {attention_scale} and {dropout}"
            )
        window, hop = round(0.04 * sample_rate), round(0.01 * sample_rate)
        points = round(sample_rate / GRID) if n_dft is None else n_dft
        if points < window:
            raise ValueError(f"n_dft must be at least {window}, which is 40 ms at {sample_rate} Hz, but is {points}")
        most = points // 2 + 1
        self.bins = min(most, round(TOP * points / sample_rate)) if n_bins is None else n_bins
        if not MINIMUM <= self.bins <= most:
            raise ValueError(
                f"n_bins must lie between {MINIMUM} and {most}, all that {points} points have, but is {self.bins}"
            )
        self.power = PowerSpectrum(points, window, hop, "hamming")
        self.standard = Standard(self.bins)
        self.trunk = convolutions(*TRUNKS[trunk])
        size = TRUNKS[trunk][0][-1]
        self.attention = Attention(size, attention_scale)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(size, len(task.labels))

    def fit(self, waves: Tensor, lengths: Tensor) -> None:
        """Count `waves` (batch, time), of which `lengths` (batch,) are valid, in mean and deviation."""
        self.standard.gather(self.spectrum(waves, lengths), self.power.frames(lengths))

    def spectrum(self, waves: Tensor, lengths: Tensor) -> Tensor:
        """Log power spectrum (batch, bins, frames) of `waves` (batch, time)."""
        return logarithm(self.power(masked(waves, lengths))[:, : self.bins])

    def features(self, waves: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Standardised spectrum (batch, bins, frames) and its valid frames; short clips are filled up with zeros."""
        frames = self.power.frames(lengths)
        x = masked(self.standard(self.spectrum(waves, lengths)), frames)
        return F.pad(x, (0, max(0, MINIMUM - x.shape[-1]))), frames.clamp(min=MINIMUM)

    def classify(self, features: Tensor, lengths: Tensor) -> Prediction:
        """Logits (batch, classes) from `features` (batch, bins, frames); the embedding is the attended vector."""
        maps, columns = through(self.trunk, features[:, None], lengths)
        embedding, _ = self.attention(maps, columns)
        return Prediction(self.head(self.dropout(embedding)), embedding=embedding)

    def forward(self, waves: Tensor, lengths: Tensor) -> Prediction:
        """Logits (batch, classes) from `waves` (batch, time)."""
        return self.classify(*self.features(waves, lengths))

    def loss(self, prediction: Prediction, batch: Batch) -> Tensor:
        """Cross-entropy per sample, (batch,)."""
        return cross_entropy(prediction.scores, batch)


def convolutions(maps: tuple[int, ...], normalised: bool) -> nn.Sequential:
    """Five convolutions of `maps`, with max pooling behind the first, second and last."""
    layers = nn.Sequential()
    settings = [(11, 4, 2), (5, 1, 2), (3, 1, 1), (3, 1, 1), (3, 1, 1)]  # kernel, stride, padding
    for number, ((inputs, outputs), shape) in enumerate(zip(pairwise((1, *maps)), settings, strict=True)):
        convolution = nn.Conv2d(inputs, outputs, *shape)
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        layers.extend([convolution, nn.ReLU()])
        if normalised and number < 2:
            layers.append(nn.LocalResponseNorm(5, 1e-4, 0.75, 2.0))
        if number in (0, 1, 4):
            layers.append(nn.MaxPool2d(3, 2))
    return layers
