"""Wave-U-Net: clean waves straight from noisy waves, by an encoder and decoder along time with skips.

Level i of L convolves (15 samples) to i filters maps, keeps them for the decoder and drops every second sample; at the
bottom are (L + 1) filters maps. Level i of the decoder doubles the rate by linear interpolation,

    u(2 t) = x(t),   u(2 t + 1) = (x(t) + x(t + 1)) / 2,

sets the kept maps beside it and convolves (5 samples) to i filters maps. The clean waves are

    x_hat = tanh(w [u, y] + b)

of its last maps u and the noisy waves y, sample by sample.
Source: Stoller, Ewert and Dixon 2018, arXiv:1806.03185: the variant that pads, with one target.
Source: Milling et al. 2024, doi:10.1007/s11390-024-2934-x, section 3.3, who name it as a candidate.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core.losses import LEAST, WAVE_LOSSES, WaveLoss
from sefront.core.masking import masked
from sefront.core.recipe import Recipe
from sefront.core.types import Batch, Enhanced

DOWN, UP = 15, 5  # samples of the kernels
SLOPE = 0.2  # of LeakyReLU below zero


class WaveUNet(nn.Module):
    """Waves estimated by a U-Net along time, without any transform.

    Args:
        levels: Times that the rate is halved; the paper's 12 (10.3 million parameters) leave one sample of 4096, which
            suits clips of many seconds; 8 have 3.4 million.
        filters: Maps that each level adds.
        loss: Loss of the frontend: wSDR or negative SI-SDR.
    """

    pads = False
    recipe = Recipe(lr=3e-4, batch_size=16, schedule="cosine", clip=5.0)

    def __init__(self, sample_rate: int, *, levels: int = 8, filters: int = 24, loss: WaveLoss = "wsdr") -> None:
        super().__init__()
        if not 1 <= levels <= 16 or filters < 1:
            raise ValueError(
                f"levels must be between 1 and 16 and filters at least 1, but they are {levels} and {filters}"
            )
        self.sample_rate, self.levels, self.loss_name = sample_rate, levels, loss
        self.least_loss = LEAST[loss]
        maps = [1, *(filters * level for level in range(1, levels + 2))]
        self.down = nn.ModuleList(convolution(maps[i], maps[i + 1], DOWN) for i in range(levels + 1))
        self.up = nn.ModuleList(convolution(maps[i + 1] + maps[i], maps[i], UP) for i in range(levels, 0, -1))
        self.head = nn.Conv1d(filters + 1, 1, 1)

    def forward(self, waves: Tensor, lengths: Tensor) -> Enhanced:
        """Enhance `waves` (batch, time)."""
        noisy = F.pad(masked(waves, lengths), (0, -waves.shape[1] % 2**self.levels))[:, None]
        x, skips = noisy, []
        for level in self.down[:-1]:
            skips.append(level(x))
            x = skips[-1][..., ::2]
        x = self.down[-1](x)
        for level in self.up:
            x = level(torch.cat([interpolated(x), skips.pop()], 1))
        clean = torch.tanh(self.head(torch.cat([x, noisy.to(x.dtype)], 1)).float())
        return Enhanced(masked(clean[:, 0, : waves.shape[1]], lengths))

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """The chosen loss per sample, (batch,)."""
        return WAVE_LOSSES[self.loss_name](enhanced.waves, batch)


def convolution(inputs: int, outputs: int, size: int) -> nn.Sequential:
    """A convolution over `size` samples that keeps the length, and LeakyReLU."""
    return nn.Sequential(nn.Conv1d(inputs, outputs, size, padding=size // 2), nn.LeakyReLU(SLOPE, inplace=True))


def interpolated(x: Tensor) -> Tensor:
    """Twice the samples of `x` (..., time): each is followed by the mean of it and the next, the last by itself."""
    following = torch.cat([x[..., 1:], x[..., -1:]], -1)
    return torch.stack([x, torch.lerp(x, following, 0.5)], -1).flatten(-2)
