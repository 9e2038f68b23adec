"""Classifiers of spectrogram segments: a clip is cut into pieces of equal length, each of which has a posterior.

    x = (ln(B |Y|^2 + 1e-10) - mean) / deviation        128 bands B, windows of 25 ms every 10 ms
    p = mean_s softmax(z_s)                             over the segments s of a clip, z_s being their logits
    L = -mean_s ln softmax(z_s)[target]                 every segment is taught the clip's label

Mean and deviation of every band are those of the training clips. Segments are 256 frames long and do not overlap; the
last one is filled up with zeros, which is the mean of what was learnt from. An LSTM would forget a clip over so many
zeros, so it is asked where the clip ends. Source: Latif et al. 2020, doi:10.21437/Interspeech.2020-3190, sections 3
and 4.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core.features import PowerSpectrum, Standard, linear_bank, logarithm, mel_bank
from sefront.core.masking import masked
from sefront.core.signal import full_precision
from sefront.core.types import Batch, Prediction

BANDS, FRAMES = 128, 256  # of a segment

Scale = Literal["linear", "mel"]


class SegmentClassifier(nn.Module):
    """Classifies clips by their segments; a subclass defines `embed` and sets `head`.

    Args:
        sample_rate: Rate of the waves in Hz.
        scale: Whether bands are means of neighbouring bins, or triangles on the mel scale; these need finer bins.
    """

    bank: Tensor
    head: nn.Module  # embeddings (segments, features) to logits (segments, classes)

    def __init__(self, sample_rate: int, scale: Scale) -> None:
        super().__init__()
        window = round(0.025 * sample_rate)
        points = max(2 * BANDS, 1 << (window - 1).bit_length())
        if scale == "mel":
            points *= 2  # otherwise the lowest triangles would lie between two bins
        self.power = PowerSpectrum(points, window, round(0.01 * sample_rate), "hamming")
        bank = mel_bank(sample_rate, BANDS, points) if scale == "mel" else linear_bank(BANDS, points)
        self.register_buffer("bank", bank, persistent=False)
        self.standard = Standard(BANDS)

    def embed(self, segments: Tensor, frames: Tensor) -> Tensor:
        """Embeddings (segments, features) of `segments` (segments, 1, 128, 256), `frames` (segments,) not filled up."""
        raise NotImplementedError

    def fit(self, waves: Tensor, lengths: Tensor) -> None:
        """Count `waves` (batch, time), of which `lengths` (batch,) are valid, in mean and deviation of every band."""
        self.standard.gather(*self.bands(waves, lengths))

    def bands(self, waves: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Log powers (batch, 128, frames) and the valid frames: those centred before a clip's end, so that 2.56 s fill
        one segment."""
        hop = self.power.hop
        with full_precision(waves):
            power = self.bank @ self.power(masked(waves, lengths))[..., : -(-waves.shape[1] // hop)]
        return logarithm(power), torch.div(lengths + hop - 1, hop, rounding_mode="floor")

    def features(self, waves: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Standardised spectrogram (batch, 128, frames), zero beyond a clip, and its valid frames."""
        bands, frames = self.bands(waves, lengths)
        return masked(self.standard(bands), frames), frames

    def classify(self, features: Tensor, lengths: Tensor) -> Prediction:
        """Log-posteriors (batch, classes) from `features` (batch, 128, frames).

        The mean of the segments' log-posteriors, which the loss needs, is in ``extras["log_posteriors"]``.
        """
        segments, frames, owner = cut(features, lengths, FRAMES)
        embeddings = self.embed(segments[:, None], frames)
        logs = self.head(embeddings).float().log_softmax(-1)
        posteriors, means, embedding = (
            averaged(x, owner, len(features)) for x in (logs.exp(), logs, embeddings.float())
        )
        return Prediction(posteriors.clamp(min=1e-12).log(), embedding=embedding, extras={"log_posteriors": means})

    def forward(self, waves: Tensor, lengths: Tensor) -> Prediction:
        """Log-posteriors (batch, classes) from `waves` (batch, time)."""
        return self.classify(*self.features(waves, lengths))

    def loss(self, prediction: Prediction, batch: Batch) -> Tensor:
        """Cross-entropy of the segments, averaged per sample, (batch,)."""
        return F.nll_loss(prediction.extras["log_posteriors"], batch.target, reduction="none")


def cut(x: Tensor, lengths: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Segments of `x` (batch, features, time), which is zero beyond `lengths` (batch,), at least one.

    Returns:
        The segments (segments, features, size), the last of a clip filled up with zeros; their valid positions
        (segments,); and the row of `x` that each belongs to (segments,).
    """
    most = -(-x.shape[-1] // size)
    pieces = F.pad(x, (0, most * size - x.shape[-1])).view(*x.shape[:2], most, size).transpose(1, 2)
    left = lengths[:, None] - size * torch.arange(most, device=lengths.device)
    held = left > 0
    return pieces[held], left[held].clamp(max=size), held.nonzero()[:, 0]


def read(lstm: nn.LSTM, x: Tensor, frames: Tensor) -> Tensor:
    """What an `lstm` says at the end of each clip, (segments, cells), that reads `x` (segments, maps, rows, time).

    Args:
        lstm: An LSTM with the batch first, for maps times rows features.
        x: Maps of segments; time may be coarser than their frames.
        frames: Valid frames of the segments, (segments,).
    """
    said, _ = lstm(x.flatten(1, 2).transpose(1, 2))
    last = torch.div(frames * x.shape[-1] - 1, FRAMES, rounding_mode="floor")
    return torch.as_tensor(said[torch.arange(len(said), device=said.device), last])


def averaged(x: Tensor, owner: Tensor, rows: int) -> Tensor:
    """Means (rows, features) of the vectors in `x` (pieces, features) that belong to the same row of `owner`."""
    count = torch.bincount(owner, minlength=rows)[:, None]
    return x.new_zeros(rows, x.shape[1]).index_add(0, owner, x) / count
