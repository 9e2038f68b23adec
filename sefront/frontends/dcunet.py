"""Deep complex U-Net: an encoder and decoder of complex convolutions that estimates a complex mask.

    O = net(Y),   M = tanh|O| O / |O|,   X_hat = M Y,   x_hat = istft(X_hat)

The mask turns phases too, and its modulus stays below one. Each level is a complex convolution, a complex batch
normalisation and a LeakyReLU of real and imaginary parts; the decoder mirrors the encoder with transposed convolutions
and sees the encoder's maps beside its own; the last one has neither normalisation nor LeakyReLU. Milling et al. leave
time as it is, so that clips of any length fit: here time_stride=1; otherwise zeros fill up bins and frames, and are cut
off again.
Source: Choi et al. 2019, arXiv:1903.03107.
Source: Milling et al. 2024, doi:10.1007/s11390-024-2934-x, section 3.3, who name it as a candidate.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core.complex_layers import ComplexConv, ComplexNorm, Pair
from sefront.core.losses import LEAST, MaskLoss, mask_loss
from sefront.core.masking import masked
from sefront.core.recipe import Recipe
from sefront.core.signal import Stft
from sefront.core.types import Batch, Enhanced


class Level(NamedTuple):
    """Complex maps, kernel and stride of a level of the encoder, over (frequency, time)."""

    maps: int
    kernel: Pair
    stride: Pair


HALVED, KEPT = (2, 2), (2, 1)  # strides: along time too, or along frequency alone
PUBLISHED_WIDTH = 32  # maps of the first level of all three
LEVELS: dict[str, list[Level]] = {
    "10": [Level(32, (7, 5), HALVED), Level(64, (7, 5), HALVED), *[Level(64, (5, 3), HALVED)] * 2,
           Level(64, (5, 3), KEPT)],
    "16": [Level(32, (7, 5), HALVED), Level(32, (7, 5), KEPT), Level(64, (7, 5), HALVED), Level(64, (5, 3), KEPT),
           *[Level(64, (5, 3), HALVED), Level(64, (5, 3), KEPT)] * 2],
    "20": [Level(32, (7, 1), (1, 1)), Level(32, (1, 7), (1, 1)), Level(64, (7, 5), HALVED), Level(64, (7, 5), KEPT),
           *[Level(64, (5, 3), HALVED), Level(64, (5, 3), KEPT)] * 2, Level(64, (5, 3), HALVED),
           Level(90, (5, 3), KEPT)],
}  # fmt: skip


class DCUNet(nn.Module):
    """Complex mask estimated by a deep complex U-Net on the spectrum.

    Args:
        arch: Number of convolutions: 10, 16 or 20 (1.4, 2.4 and 3.5 million parameters at full width).
        width: Complex maps of the first level, which those of the others follow; 32 as published.
        time_stride: 2 as published; 1 replaces every stride along time, so that no frames are joined.
        n_fft: Points of the transform in samples, whatever the sample rate.
        hop: Samples between frames.
        loss: Loss of the frontend: wSDR, negative SI-SDR, squared error of the power of the mask, or absolute error of
            the magnitudes.
    """

    pads = False
    recipe = Recipe(lr=1e-3, batch_size=16, schedule="cosine")

    def __init__(
        self,
        sample_rate: int,
        *,
        arch: Literal["10", "16", "20"] = "10",
        width: int = PUBLISHED_WIDTH,
        time_stride: Literal[1, 2] = 2,
        n_fft: int = 1024,
        hop: int = 256,
        loss: MaskLoss = "wsdr",
    ) -> None:
        super().__init__()
        if width < 1:
            raise ValueError(f"width must be at least 1, but is {width}")
        self.sample_rate, self.loss_name = sample_rate, loss
        self.least_loss = LEAST[loss]
        self.stft = Stft(n_fft, hop)
        levels = [
            Level(math.ceil(maps * width / PUBLISHED_WIDTH), kernel, (stride[0], min(stride[1], time_stride)))
            for maps, kernel, stride in LEVELS[arch]
        ]
        self.steps = [math.prod(level.stride[axis] for level in levels) for axis in range(2)]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        maps = 1
        for level in levels:
            self.down.append(block(ComplexConv(maps, level.maps, level.kernel, level.stride), level.maps))
            maps = level.maps
        for level, above in zip(reversed(levels), reversed(levels[:-1]), strict=False):
            self.up.append(
                block(ComplexConv(maps, above.maps, level.kernel, level.stride, transposed=True), above.maps)
            )
            maps = 2 * above.maps
        self.head = ComplexConv(maps, 1, levels[0].kernel, levels[0].stride, transposed=True, bias=True)

    def forward(self, waves: Tensor, lengths: Tensor) -> Enhanced:
        """Enhance `waves` (batch, time); the complex mask is in ``extras["mask"]``, (batch, bins, frames)."""
        spectrum = self.stft(masked(waves, lengths))
        mask = self.mask(spectrum)
        return Enhanced(self.stft.inverse(spectrum * mask, lengths, waves.shape[1]), {"mask": mask})

    def mask(self, spectrum: Tensor) -> Tensor:
        """Complex mask for a complex `spectrum` (batch, bins, frames)."""
        bins, frames = spectrum.shape[1:]
        beside, above = (-(size - 1) % step for size, step in zip((frames, bins), reversed(self.steps), strict=True))
        last = torch.stack([spectrum.real, spectrum.imag], 3)  # in memory, too: so convolutions take least time
        x = F.pad(last.permute(0, 3, 1, 2), (0, beside, 0, above))
        skips: list[Tensor] = []
        for level in self.down:
            x = level(x)
            skips.append(x)
        x = skips.pop()
        for level in self.up:
            x = joined(level(x), skips.pop())
        return bounded(self.head(x)[:, :, :bins, :frames].float())

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """The chosen loss per sample, (batch,)."""
        return mask_loss(self.loss_name, enhanced, batch, self.stft)


def block(convolution: ComplexConv, maps: int) -> nn.Sequential:
    """A convolution to `maps` with what follows it."""
    return nn.Sequential(convolution, ComplexNorm(maps), nn.LeakyReLU(inplace=True))


def joined(a: Tensor, b: Tensor) -> Tensor:
    """The complex maps of `a` and `b` (batch, 2 maps, bins, frames) beside each other: real parts stay first."""
    (a_real, a_imag), (b_real, b_imag) = a.chunk(2, 1), b.chunk(2, 1)
    return torch.cat([a_real, b_real, a_imag, b_imag], 1)


def bounded(output: Tensor) -> Tensor:
    """tanh|O| O / |O|, complex (batch, bins, frames), for `output` (batch, 2, bins, frames); its gradient is finite."""
    modulus = (output.square().sum(1) + 1e-12).sqrt()
    real, imag = (output * (torch.tanh(modulus) / modulus)[:, None]).unbind(1)
    return torch.complex(real, imag)
