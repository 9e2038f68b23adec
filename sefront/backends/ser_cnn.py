"""Four-layer convolutional network on a mel spectrogram, for speech emotion.

    log-mel -> BatchNorm -> 4 x (conv 3x3 -> BatchNorm -> ReLU -> max-pool 2x2 -> dropout) -> mean over time -> linear

Source: Milling et al. 2024, doi:10.1007/s11390-024-2934-x, section 3.4.3 and figure 3c: 32 mel bands, windows of 20 ms
every 10 ms, Adam with 1e-3. Widths, kernels, dropout and schedule are not given there.
"""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core.clips import Task
from sefront.core.features import LogMel
from sefront.core.losses import cross_entropy
from sefront.core.masking import masked, masked_mean, through
from sefront.core.recipe import Recipe
from sefront.core.types import Batch, Prediction

MINIMUM = 16  # frames that survive four halvings


class SerCNN(nn.Module):
    """Emotion classifier of four convolutional blocks and global average pooling.

    Args:
        width: Maps of the first block, doubled in each following one.
        bands: Mel bands, at least 16.
        dropout: Share of activations dropped after each block.
    """

    toy = "emotion"
    recipe = Recipe(lr=1e-3, batch_size=16, schedule="cosine")

    def __init__(self, task: Task, sample_rate: int, *, width: int = 64, bands: int = 32, dropout: float = 0.2) -> None:
        super().__init__()
        if width < 1 or bands < MINIMUM or not 0 <= dropout < 1:
            raise ValueError(
                f"width must be at least 1, bands at least {MINIMUM} and dropout in [0, 1), "
                f"but they are {width}, {bands} and {dropout}"
            )
        window = round(0.02 * sample_rate)
        self.mel = LogMel(sample_rate, bands, 1 << (window - 1).bit_length(), window, window // 2)
        self.norm = nn.BatchNorm1d(bands)
        maps = [1, *(width * 2**level for level in range(4))]
        self.blocks = nn.Sequential()
        for inputs, outputs in pairwise(maps):
            self.blocks.extend(
                [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
            )
            self.blocks.extend([nn.MaxPool2d(2), nn.Dropout(dropout)])
        self.head = nn.Linear(maps[-1], len(task.labels))

    def features(self, waves: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Log-mel spectrogram (batch, bands, frames) and its valid frames; short clips are filled up with zeros."""
        frames = self.mel.frames(lengths)
        mel = masked(self.norm(self.mel(masked(waves, lengths))), frames)
        return F.pad(mel, (0, max(0, MINIMUM - mel.shape[-1]))), frames.clamp(min=MINIMUM)

    def classify(self, features: Tensor, lengths: Tensor) -> Prediction:
        """Logits (batch, classes) from `features` (batch, bands, frames)."""
        maps, frames = through(self.blocks, features[:, None], lengths)
        embedding = masked_mean(maps.float().mean(2), frames)
        return Prediction(self.head(embedding), embedding=embedding)

    def forward(self, waves: Tensor, lengths: Tensor) -> Prediction:
        """Logits (batch, classes) from `waves` (batch, time)."""
        return self.classify(*self.features(waves, lengths))

    def loss(self, prediction: Prediction, batch: Batch) -> Tensor:
        """Cross-entropy per sample, (batch,)."""
        return cross_entropy(prediction.scores, batch)
