"""Residual network with a path of its own for low and for high frequencies, for acoustic scenes.

    log-mel, 128 bands -> { lower 64 bands -> path,  upper 64 bands -> path } -> one above the other
        -> BatchNorm -> ReLU -> conv 1x1 -> BatchNorm -> conv 1x1 -> BatchNorm -> mean over all places
    path:  BatchNorm -> conv 3x3 -> 4 x 2 residual blocks x + F(x),  F = 2 x (BatchNorm -> ReLU -> conv 3x3)

Strides are along time alone: the first convolution and the second, third and fourth stack halve it. Where a stack
halves time and doubles the maps, x is averaged over 3x3 places, and its new maps are zero. Only the first BatchNorm of
a path has weights. Source: McDonnell and Gao 2020, doi:10.1109/ICASSP40776.2020.9053274, and the code published with
it, github.com/McDonnell-Lab/DCASE2019-Task1. Source: Milling et al. 2024, doi:10.1007/s11390-024-2934-x, section
3.4.4: windows of 64 ms every 16 ms, Adam with 1e-4 and L2, whose weight, the published code's, is not given there.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core.clips import Task
from sefront.core.features import PowerSpectrum, mel_bank
from sefront.core.losses import cross_entropy
from sefront.core.masking import masked, masked_mean, through, valid
from sefront.core.recipe import Recipe
from sefront.core.signal import full_precision
from sefront.core.types import Batch, Prediction

BANDS = 128
MINIMUM = 16  # frames
EDGE = 2  # frames at each end of which there is no difference
HALVING = (1, 2)  # strides over (frequency, time)


class DualResNet(nn.Module):
    """Scene classifier of two residual networks, one for each half of the mel bands, that are joined near the end.

    Args:
        width: Maps of the first stack, doubled in each following one; 24 as published.
        deltas: Whether first and second differences along time are heard too, as published.
        convs_per_block: Convolutions of a residual block; 2 as published, 1 as Milling et al. may be read.
    """

    bank: Tensor
    recipe = Recipe(lr=1e-4, weight_decay=1e-3, batch_size=32)
    toy = "scenes"

    def __init__(
        self,
        task: Task,
        sample_rate: int,
        *,
        width: int = 24,
        deltas: bool = False,
        convs_per_block: Literal[1, 2] = 2,
    ) -> None:
        super().__init__()
        if width < 1:
            raise ValueError(f"width must be at least 1, but is {width}")
        window, hop = round(0.064 * sample_rate), round(0.016 * sample_rate)
        points = 1 << (window - 1).bit_length()
        self.deltas, self.shortest = deltas, MINIMUM * hop
        self.power = PowerSpectrum(points, window, hop)
        self.register_buffer("bank", mel_bank(sample_rate, BANDS, points), persistent=False)
        self.low, self.high = (BandPath(3 if deltas else 1, width, convs_per_block) for _ in range(2))
        top, hidden, classes = 8 * width, 32 * width, len(task.labels)
        self.joined = nn.Sequential(bare_norm(top), nn.ReLU(), nn.Conv2d(top, hidden, 1, bias=False))
        self.head = nn.Sequential(bare_norm(hidden), nn.Conv2d(hidden, classes, 1, bias=False), bare_norm(classes))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def features(self, waves: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Log-mel spectrogram (batch, 1, 128, frames), or 3 with differences, and its valid frames.

        Short clips are filled up with silence.
        """
        waves = F.pad(masked(waves, lengths), (0, max(0, self.shortest - waves.shape[1])))
        frames = self.power.frames(lengths.clamp(min=self.shortest))
        with full_precision(waves):
            mel = torch.log(self.bank @ self.power(waves) + 1e-8)[:, None]
        if self.deltas:
            mel, frames = with_differences(mel), frames - 4 * EDGE
        return masked(mel, frames), frames

    def classify(self, features: Tensor, lengths: Tensor) -> Prediction:
        """Logits (batch, classes) from `features` (batch, maps, 128, frames).

        The embedding is the mean of the maps of the last layer but one.
        """
        low, frames = self.low(features[:, :, : BANDS // 2], lengths)
        high, _ = self.high(features[:, :, BANDS // 2 :], lengths)
        x, _ = through(self.joined, torch.cat([low, high], 2), frames)
        logits, _ = through(self.head, x, frames)
        embedding, scores = (masked_mean(maps.float().mean(2), frames) for maps in (x, logits))
        return Prediction(scores, embedding=embedding)

    def forward(self, waves: Tensor, lengths: Tensor) -> Prediction:
        """Logits (batch, classes) from `waves` (batch, time)."""
        return self.classify(*self.features(waves, lengths))

    def loss(self, prediction: Prediction, batch: Batch) -> Tensor:
        """Cross-entropy per sample, (batch,)."""
        return cross_entropy(prediction.scores, batch)


class BandPath(nn.Module):
    """A convolution and four stacks of two residual blocks.

    Args:
        inputs: Maps coming in; 8 times `width` go out.
        width: Maps of the first stack.
        convolutions: Convolutions of a residual block.
    """

    def __init__(self, inputs: int, width: int, convolutions: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.BatchNorm2d(inputs), nn.Conv2d(inputs, width, 3, HALVING, 1, bias=False))
        maps = [width, *(width * 2**stack for stack in range(4) for _ in range(2))]
        self.blocks = nn.ModuleList(Residual(before, after, convolutions) for before, after in pairwise(maps))

    def forward(self, x: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, inputs, bands, time), of which `frames` (batch,) are valid, to maps at a 16th of the time."""
        x, frames = through(self.stem, x, frames)
        for block in self.blocks:
            x, frames = block(x, frames)
        return x, frames


class Residual(nn.Module):
    """A residual block; where it has more maps to give than it takes, it halves time.

    Args:
        inputs: Maps coming in.
        outputs: Maps going out.
        convolutions: Number of convolutions.
    """

    def __init__(self, inputs: int, outputs: int, convolutions: int) -> None:
        super().__init__()
        self.added = outputs - inputs
        self.layers = nn.Sequential()
        for number in range(convolutions):
            maps, stride = (outputs, 1) if number or not self.added else (inputs, HALVING)
            convolution = nn.Conv2d(maps, outputs, 3, stride, 1, bias=False)
            self.layers.extend([bare_norm(maps), nn.ReLU(inplace=True), convolution])

    def forward(self, x: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, inputs, bands, time), zero beyond `frames` (batch,), to (batch, outputs, bands, time or half)."""
        changed, after = through(self.layers, x, frames)
        if self.added:
            x = F.pad(masked(neighbourhood(x, frames), after), (0, 0, 0, 0, 0, self.added))
        return x + changed, after


def bare_norm(maps: int) -> nn.BatchNorm2d:
    """BatchNorm without weights."""
    return nn.BatchNorm2d(maps, affine=False)


def neighbourhood(x: Tensor, frames: Tensor) -> Tensor:
    """Means over those of 3x3 places of `x` (batch, maps, bands, time) that are valid, at every second time.

    `x` is zero beyond `frames` (batch,). A mean over no valid place is zero.
    """
    held = valid(frames, x.shape[-1])[:, None].float()
    share = F.avg_pool1d(held, 3, HALVING[1], 1, count_include_pad=False)
    more = 1 / share.clamp(min=1 / 3)  # 1, 1.5, 2 or 3
    return F.avg_pool2d(x, 3, HALVING, 1, count_include_pad=False) * more[:, None].to(x.dtype)


def with_differences(x: Tensor) -> Tensor:
    """`x` (batch, 1, bands, time), its first and its second differences: (batch, 3, bands, time - 8).

    d(t) = (x(t + 1) - x(t - 1)) / 10 + (x(t + 2) - x(t - 2)) / 5, which is the slope of the line through five values.
    """

    def slope(x: Tensor) -> Tensor:
        near, far = x[..., 3:-1] - x[..., 1:-3], x[..., 4:] - x[..., :-4]
        return near / 10 + far / 5

    first = slope(x)
    return torch.cat([x[..., 2 * EDGE : -2 * EDGE], first[..., EDGE:-EDGE], slope(first)], 1)
