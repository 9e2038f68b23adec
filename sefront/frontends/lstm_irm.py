"""LSTM ratio mask: the ideal ratio mask of powers, estimated frame by frame from the log power spectrum.

    M = |X|^2 / (|X|^2 + |N|^2)                     the target, with the spectra X of the speech and N of the noise
    M_hat = sigmoid(W LSTM(LPS(Y)) + b),   LPS = (ln(|Y|^2 + 1e-10) - mean) / deviation
    L = mean (M_hat - M)^2,   X_hat = sqrt(max(M_hat, 0.001)) Y

M is a ratio of powers, so amplitudes are multiplied by its square root: with as much noise as speech, by 0.7071. Mean
and deviation of every bin are those of the noisy training clips. The network hears one frame at a time and looks only
back, so it can enhance while the audio arrives. Source: Zhou et al. 2020, sections 1 and 3.3, equation 1; transform
and window from the enhancer that the group released for DIHARD 2018, github.com/staplesinLA/denoising_DIHARD18.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sefront.core.features import Standard, logarithm
from sefront.core.losses import mask_mse
from sefront.core.masking import masked
from sefront.core.recipe import Recipe
from sefront.core.signal import Stft, amplitude, full_precision, power_of
from sefront.core.streaming import SpectralStream
from sefront.core.types import Batch, Enhanced

States = tuple[Tensor, Tensor]


class LSTMIRM(nn.Module):
    """Ratio mask estimated by an LSTM that looks only back.

    Args:
        width: Cells of a layer; 256 (1.1 million parameters) trains on a laptop, 1024 (13.9 million) is the paper's
            size and comes with the paper's optimiser.
        layers: LSTM layers; the paper found two to be best.
        n_fft: Points of the transform in samples, whatever the sample rate.
        hop: Samples between frames.
    """

    def __init__(
        self, sample_rate: int, *, width: int = 256, layers: int = 2, n_fft: int = 512, hop: int = 256
    ) -> None:
        super().__init__()
        if width < 1 or layers < 1:
            raise ValueError(f"width and layers must be at least 1, but they are {width} and {layers}")
        self.sample_rate, self.latency = sample_rate, n_fft
        self.recipe = Recipe(lr=1e-3, schedule="cosine", clip=5.0)
        if width >= 1024:
            self.recipe = Recipe(
                algorithm="sgd", lr=0.25, batch_size=8, schedule="stages", step=6, factor=0.8, clip=5.0
            )
        self.stft = Stft(n_fft, hop, "hamming")
        bins = n_fft // 2 + 1
        self.feature = Standard(bins)
        self.lstm = nn.LSTM(bins, width, layers, batch_first=True)
        self.head = nn.Linear(width, bins)

    def fit(self, waves: Tensor, lengths: Tensor) -> None:
        """Count the noisy `waves` (batch, time), of which `lengths` (batch,) are valid, in mean and deviation."""
        self.feature.gather(logarithm(power_of(self.stft(masked(waves, lengths)))), self.stft.frames(lengths))

    def forward(self, waves: Tensor, lengths: Tensor) -> Enhanced:
        """Enhance `waves` (batch, time); the power mask is in ``extras["mask"]``, (batch, bins, frames)."""
        spectrum = self.stft(masked(waves, lengths))
        mask, _ = self.mask(spectrum)
        return Enhanced(self.stft.inverse(amplitude(mask) * spectrum, lengths, waves.shape[1]), {"mask": mask})

    def mask(self, spectrum: Tensor, states: States | None = None) -> tuple[Tensor, States]:
        """Power mask in (0, 1) for a complex `spectrum` (batch, bins, frames) that follows on `states`."""
        with full_precision(spectrum):
            feature = self.feature(logarithm(power_of(spectrum))).transpose(1, 2)
        hidden, after = self.lstm(feature, states)
        return torch.sigmoid(self.head(hidden).float()).transpose(1, 2), after

    def stream(self) -> SpectralStream:
        """A stream at the beginning of a recording."""

        def process(spectrum: Tensor, states: States | None, last: bool) -> tuple[Tensor, States]:
            mask, after = self.mask(spectrum, states)
            return amplitude(mask) * spectrum, after

        return SpectralStream(self.stft, process)

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """Mean squared error of the mask per sample, (batch,)."""
        return mask_mse(enhanced.extras["mask"], batch, self.stft)
