"""M5, a convolutional network on raw waves, for speech commands.

    4 x (conv -> BatchNorm -> ReLU -> max-pool 4) -> mean over time -> linear

Source: Dai et al. 2017, doi:10.1109/ICASSP.2017.7952190; used by Milling et al. 2024, doi:10.1007/s11390-024-2934-x,
section 3.4.1, with Adam, 1e-2 falling to 1e-3 after 20 epochs, and L2. The narrow variant is the size of a well-known
public tutorial, whose accuracy of 85 % on 35 words the second paper matches. That tutorial's batches of 256 are meant
for 85 thousand clips; the paper states none, and 32 suits small corpora too.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core.clips import Task
from sefront.core.features import torchaudio
from sefront.core.losses import cross_entropy
from sefront.core.masking import masked
from sefront.core.recipe import Recipe
from sefront.core.segments import averaged
from sefront.core.types import Batch, Prediction

# maps of the four convolutions; kernel, stride and padding of the first; padding of the others
VARIANTS = {"tutorial": ((32, 32, 64, 64), (80, 16, 0), 0), "dai2017": ((128, 128, 256, 512), (80, 4, 38), 1)}


class M5(nn.Module):
    """Keyword classifier on one second of raw audio; longer clips are scored window by window.

    A clip is cut into as many windows of one second as cover it, evenly spread from its beginning to its end, and
    their posteriors are averaged; a shorter one is filled up with zeros.

    Args:
        variant: tutorial (27 thousand parameters for 35 words) or dai2017, the paper's width (572 thousand).
        internal_rate: Rate in Hz that waves are resampled to inside the network; none for their own.
    """

    toy = "commands"
    recipe = Recipe(lr=1e-2, weight_decay=1e-4, batch_size=32, schedule="step", step=20, factor=0.1)

    def __init__(
        self,
        task: Task,
        sample_rate: int,
        *,
        variant: Literal["tutorial", "dai2017"] = "tutorial",
        internal_rate: int | None = None,
    ) -> None:
        super().__init__()
        if internal_rate is not None and not 8000 <= internal_rate <= sample_rate:
            raise ValueError(f"internal_rate must lie between 8000 and {sample_rate} Hz, but is {internal_rate}")
        self.window = sample_rate
        self.resample: nn.Module = nn.Identity()
        if internal_rate is not None:
            self.resample = torchaudio().transforms.Resample(sample_rate, internal_rate)
        maps, (kernel, stride, first), other = VARIANTS[variant]
        self.layers = nn.Sequential(nn.Conv1d(1, maps[0], kernel, stride, first), *after(maps[0]))
        for inputs, outputs in pairwise(maps):
            self.layers.extend([nn.Conv1d(inputs, outputs, 3, padding=other), *after(outputs)])
        self.head = nn.Linear(maps[-1], len(task.labels))

    def forward(self, waves: Tensor, lengths: Tensor) -> Prediction:
        """Log-posteriors (batch, classes) from `waves` (batch, time), averaged over windows of one second."""
        windows, owner = self.windows(masked(waves, lengths), lengths)
        embeddings = self.layers(self.resample(windows)[:, None]).float().mean(-1)
        posteriors = averaged(self.head(embeddings).float().softmax(-1), owner, len(waves))
        return Prediction(posteriors.clamp(min=1e-12).log(), embedding=averaged(embeddings, owner, len(waves)))

    def windows(self, waves: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Windows (windows, samples) of one second and the row of `waves` that each belongs to, (windows,)."""
        count = torch.div(lengths - 1, self.window, rounding_mode="floor").clamp(min=0) + 1
        owner = torch.repeat_interleave(torch.arange(len(waves), device=waves.device), count)
        place = torch.arange(len(owner), device=waves.device) - (count.cumsum(0) - count)[owner]
        spare = (lengths - self.window).clamp(min=0)[owner]
        start = torch.div(place * spare, (count[owner] - 1).clamp(min=1), rounding_mode="floor")
        padded = F.pad(waves, (0, self.window))
        return padded[owner[:, None], start[:, None] + torch.arange(self.window, device=waves.device)], owner

    def loss(self, prediction: Prediction, batch: Batch) -> Tensor:
        """Cross-entropy per sample, (batch,)."""
        return cross_entropy(prediction.scores, batch)


def after(maps: int) -> list[nn.Module]:
    """What follows each convolution."""
    return [nn.BatchNorm1d(maps), nn.ReLU(), nn.MaxPool1d(4)]
