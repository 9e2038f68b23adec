"""ACLN, an attention-based convolutional LSTM network on cepstral coefficients, for speech emotion.

    MFCC -> 4 x (conv 5x5 -> BatchNorm -> ReLU -> max-pool 2x2) -> LSTM -> attention over time -> dropout -> linear

    u_t = tanh(W h_t + b),   a_t = exp(v . u_t) / sum_s exp(v . u_s),   embedding = sum_t a_t h_t

The paper states pre-emphasis, Hamming windows of 24 ms every 12 ms, the widths, dropout, Adam with 1e-3 and batches of
128. It does not give the numbers of mel bands and coefficients, BatchNorm, ReLU, pooling and the form of the attention;
"Flatten 256 -> 256" in its table asks that four blocks leave one row, as they do of 16 to 31 coefficients. A transform
of 256 points, as printed, is shorter than a window of 24 ms at 16 kHz; by default it is not.

Source: Zhong et al. 2020, doi:10.1109/ACCESS.2020.3043894, section III-A and table 1.
"""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core.attention import Attention
from sefront.core.clips import Task
from sefront.core.features import LogMel, Mfcc, Standard
from sefront.core.losses import cross_entropy
from sefront.core.masking import masked, through
from sefront.core.recipe import Recipe
from sefront.core.types import Batch, Prediction

BANDS = 40  # on the mel scale
MAPS = (1, 32, 64, 128, 256)
CELLS = 128
MINIMUM = 16  # frames, and coefficients, that survive four halvings


class ACLN(nn.Module):
    """Emotion classifier of four convolutional blocks, an LSTM and attention.

    Args:
        n_mfcc: Cepstral coefficients, 16 to 31.
        n_fft: Points of the transform; none for the next power of two above 24 ms. The paper's 256 points at 16 kHz
            cut every window of 384 samples off.
        dropout: Share of the attended vector that is dropped before the last layer.
    """

    toy = "emotion"
    recipe = Recipe(lr=1e-3, batch_size=128)

    def __init__(
        self, task: Task, sample_rate: int, *, n_mfcc: int = 20, n_fft: int | None = None, dropout: float = 0.25
    ) -> None:
        super().__init__()
        if not MINIMUM <= n_mfcc < 2 * MINIMUM:
            raise ValueError(
                f"n_mfcc must lie between {MINIMUM} and {2 * MINIMUM - 1}, of which four poolings leave one row, "
                f"but is {n_mfcc}"
            )
        window, hop = round(0.024 * sample_rate), round(0.012 * sample_rate)
        points = 1 << (window - 1).bit_length() if n_fft is None else n_fft
        least = round(0.016 * sample_rate)  # with fewer points some mel bands hold no bin
        if points < least:
            raise ValueError(f"n_fft must be at least {least} at {sample_rate} Hz, but is {points}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), but is {dropout}")
        self.mfcc = Mfcc(LogMel(sample_rate, BANDS, points, window, hop, shape="hamming"), n_mfcc, emphasis=0.97)
        self.standard = Standard(n_mfcc)
        self.blocks = nn.Sequential()
        for inputs, outputs in pairwise(MAPS):
            self.blocks.extend([nn.Conv2d(inputs, outputs, 5, padding=2), nn.BatchNorm2d(outputs), nn.ReLU()])
            self.blocks.append(nn.MaxPool2d(2))
        self.lstm = nn.LSTM(MAPS[-1], CELLS, batch_first=True)
        self.attention = Attention(CELLS)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(CELLS, len(task.labels))

    def fit(self, waves: Tensor, lengths: Tensor) -> None:
        """Count `waves` (batch, time), of which `lengths` (batch,) are valid, in mean and deviation."""
        self.standard.gather(self.mfcc(waves, lengths), self.mfcc.frames(lengths))

    def features(self, waves: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Standardised MFCC (batch, coefficients, frames) and valid frames; short clips are filled up with zeros."""
        frames = self.mfcc.frames(lengths)
        x = masked(self.standard(self.mfcc(waves, lengths)), frames)
        return F.pad(x, (0, max(0, MINIMUM - x.shape[-1]))), frames.clamp(min=MINIMUM)

    def classify(self, features: Tensor, lengths: Tensor) -> Prediction:
        """Logits (batch, classes) from `features` (batch, coefficients, frames); the embedding is the attended vector.

        What lies beyond a clip comes after it, so an LSTM that looks only back need not know of it.
        """
        maps, steps = through(self.blocks, features[:, None], lengths)
        hidden, _ = self.lstm(maps[:, :, 0].transpose(1, 2))
        embedding, _ = self.attention(hidden.transpose(1, 2), steps)
        return Prediction(self.head(self.dropout(embedding)), embedding=embedding)

    def forward(self, waves: Tensor, lengths: Tensor) -> Prediction:
        """Logits (batch, classes) from `waves` (batch, time)."""
        return self.classify(*self.features(waves, lengths))

    def loss(self, prediction: Prediction, batch: Batch) -> Tensor:
        """Cross-entropy per sample, (batch,)."""
        return cross_entropy(prediction.scores, batch)
