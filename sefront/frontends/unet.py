"""U-Net ratio mask: a mask between zero and one for every time-frequency point, from an encoder and decoder with skips.

    X_hat = Y Mask(Y),   x_hat = istft(X_hat)

Pooling along time is one, so clips of any length fit, and an output frame depends on 2 (2 depth + 1) frames on either
side only; where the network is causal, on twice as many before it and none behind.
Source: Milling et al. 2024, doi:10.1007/s11390-024-2934-x, section 3.3, equations 4 to 7, after Ronneberger et al.
2015, doi:10.1007/978-3-319-24574-4_28. The paper gives neither widths nor the transform; 1024 points and a hop of 256
samples at 16 kHz are those of Choi et al. 2019, arXiv:1903.03107.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core.losses import LEAST, MaskLoss, mask_loss
from sefront.core.masking import masked, through
from sefront.core.recipe import Recipe
from sefront.core.signal import Stft, power_of
from sefront.core.streaming import SpectralStream
from sefront.core.types import Batch, Enhanced


class DoubleConv(nn.Sequential):
    """Twice convolution 3x3, BatchNorm and LeakyReLU; where it is causal, over this frame and the two before it."""

    def __init__(self, channels: int, maps: int, causal: bool) -> None:
        layers: list[nn.Module] = []
        for inputs in (channels, maps):
            layers += [
                *([nn.ZeroPad2d((2, 0, 0, 0))] if causal else []),
                nn.Conv2d(inputs, maps, 3, padding=(1, 0 if causal else 1), bias=False),
                nn.BatchNorm2d(maps),
                nn.LeakyReLU(0.1, inplace=True),
            ]
        super().__init__(*layers)


class Past:
    """The last frames that each causal padding was shown: what stands before the next ones, in place of zeros."""

    def __init__(self) -> None:
        self.frames: dict[nn.Module, Tensor] = {}

    def before(self, padding: nn.ZeroPad2d, x: Tensor) -> Tensor:
        """`x` (batch, maps, bins, time) behind what `padding` was shown before."""
        count = padding.padding[0]
        x = torch.cat([self.frames[padding], x], 3) if padding in self.frames else padding(x)
        self.frames[padding] = x[..., x.shape[3] - count :]
        return x


def onward(layers: Iterable[nn.Module], x: Tensor, frames: Tensor, past: Past | None) -> Tensor:
    """`layers` in turn on `x` (batch, maps, bins, time), of which `frames` (batch,) are valid."""
    if past is None:
        return through(layers, x, frames)[0]
    for layer in layers:
        x = past.before(layer, x) if isinstance(layer, nn.ZeroPad2d) else layer(x)
    return x


class UNet(nn.Module):
    """Real ratio mask estimated by a U-Net on the log power spectrum.

    Args:
        width: Maps of the first level, doubled at each level below; 8 (about 0.46 million parameters) trains on a
            laptop, 32 (7.4 million) is the full size, for which the paper's learning rate of 1e-4 is meant.
        depth: Levels above the bottleneck.
        n_fft: Points of the transform in samples, whatever the sample rate.
        hop: Samples between frames.
        feature: What the network sees: log power, or magnitude.
        causal: Whether the network looks only back, so that it can enhance while the audio arrives.
        loss: Loss of the frontend: wSDR, negative SI-SDR, squared error of the power of the mask, or absolute error of
            the magnitudes.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        width: int = 8,
        depth: int = 4,
        n_fft: int = 1024,
        hop: int = 256,
        feature: Literal["log", "mag"] = "log",
        causal: bool = False,
        loss: MaskLoss = "wsdr",
    ) -> None:
        super().__init__()
        if width < 1 or not 1 <= depth <= 8:
            raise ValueError(f"width must be at least 1 and depth between 1 and 8, but they are {width} and {depth}")
        self.sample_rate, self.depth, self.feature, self.loss_name = sample_rate, depth, feature, loss
        self.least_loss = LEAST[loss]
        self.recipe = Recipe(lr=2e-3 if width < 32 else 1e-4, batch_size=16, schedule="cosine")
        self.latency = n_fft if causal else None
        self.stft = Stft(n_fft, hop)
        widths = [width * 2**level for level in range(depth + 1)]
        self.norm = nn.BatchNorm2d(1)
        self.down = nn.ModuleList(DoubleConv(i, o, causal) for i, o in zip([1, *widths], widths, strict=False))
        self.pool = nn.MaxPool2d((2, 1))
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, (2, 1), (2, 1)) for w in reversed(widths[:-1]))
        self.merge = nn.ModuleList(DoubleConv(2 * w, w, causal) for w in reversed(widths[:-1]))
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, waves: Tensor, lengths: Tensor) -> Enhanced:
        """Enhance `waves` (batch, time); the mask is in ``extras["mask"]``, (batch, bins, frames)."""
        spectrum = self.stft(masked(waves, lengths))
        mask = self.mask(spectrum, self.stft.frames(lengths))
        return Enhanced(self.stft.inverse(spectrum * mask, lengths, waves.shape[1]), {"mask": mask})

    def mask(self, spectrum: Tensor, frames: Tensor, past: Past | None = None) -> Tensor:
        """Mask in (0, 1) for a complex `spectrum` (batch, bins, time), of which `frames` (batch,) are valid.

        Where the network is causal, the spectrum may follow on what `past` has heard.
        """
        power = power_of(spectrum)
        feature = torch.log(power + 1e-8) if self.feature == "log" else (power + 1e-12).sqrt()
        bins = feature.shape[1]
        x = F.pad(masked(feature, frames), (0, 0, 0, -bins % 2**self.depth))[:, None]
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = onward([self.pool if level else self.norm, *block], x, frames, past)  # type: ignore[misc]
            skips.append(x)
        for up, merge, skip in zip(self.up, self.merge, reversed(skips[:-1]), strict=True):
            x = onward(merge, torch.cat([skip, masked(up(x), frames)], 1), frames, past)  # type: ignore[arg-type]
        return torch.sigmoid(self.head(x)[:, 0, :bins].float())

    def stream(self) -> SpectralStream:
        """A stream at the beginning of a recording; only where `causal`."""

        def process(spectrum: Tensor, past: Past | None, last: bool) -> tuple[Tensor, Past]:
            past = past or Past()
            frames = torch.full((len(spectrum),), spectrum.shape[2], device=spectrum.device)
            return spectrum * self.mask(spectrum, frames, past), past

        return SpectralStream(self.stft, process)

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """The chosen loss per sample, (batch,)."""
        return mask_loss(self.loss_name, enhanced, batch, self.stft)
