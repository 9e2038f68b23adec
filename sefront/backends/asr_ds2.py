"""Speech recogniser after Deep Speech 2: convolutions with skips, bidirectional GRUs, and characters by CTC.

    MFCC less their mean -> conv 3x3 / 2, 32 maps
    -> 3 x [x + conv(drop(GELU(BN(conv(drop(GELU(BN(x))))))))] -> linear
    -> 5 x [layer norm -> GELU -> bidirectional GRU -> dropout]
    -> linear -> GELU -> dropout -> linear -> log-softmax
    L = -ln p(target | x) / symbols of the target

The first symbol of the alphabet is the blank of CTC. The loss is per symbol, else sample weights would measure how long
texts are. Sizes that the paper leaves open are those of public versions of the network that it describes; it names 32
mel bands in one place and 40 MFCC in another. Source: Milling et al. 2024, doi:10.1007/s11390-024-2934-x, section 3.4.2
and figure 3b; Amodei et al. 2016, arXiv:1512.02595; CTC from Graves et al. 2006, doi:10.1145/1143844.1143891.
"""

from __future__ import annotations

from typing import Literal, cast

import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core.clips import Task
from sefront.core.features import LogMel, Mfcc
from sefront.core.losses import ctc
from sefront.core.masking import masked, masked_mean, through
from sefront.core.recipe import Recipe
from sefront.core.recurrent import both_ways
from sefront.core.signal import full_precision
from sefront.core.types import Batch, Prediction

MAPS = 32  # of every convolution


class Residual(nn.Module):
    """Two pre-activated convolutions beside a skip.

    Args:
        dropout: Share of activations dropped.
    """

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential()
        for _ in range(2):
            self.layers.extend(
                [nn.BatchNorm2d(MAPS), nn.GELU(), nn.Dropout(dropout), nn.Conv2d(MAPS, MAPS, 3, padding=1)]
            )

    def forward(self, x: Tensor, frames: Tensor) -> Tensor:
        """`x` (batch, maps, features, frames), of which `frames` (batch,) are valid, and what is added to it."""
        return x + through(self.layers, x, frames)[0]


class Recurrent(nn.Module):
    """Layer norm, GELU and a bidirectional GRU that does not see padding.

    Args:
        inputs: Features of a frame.
        width: Cells of each direction.
        dropout: Share of activations dropped.
    """

    def __init__(self, inputs: int, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(inputs)
        self.gru = nn.GRU(inputs, width, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, frames: Tensor) -> Tensor:
        """(batch, frames, inputs) to (batch, frames, 2 width)."""
        with full_precision(x):
            heard = F.gelu(self.norm(x.float()))
            hidden = both_ways(self.gru, heard, frames)
        return cast(Tensor, self.dropout(hidden))


class AsrDS2(nn.Module):
    """Transcribes characters frame by frame, 20 ms apart.

    Args:
        width: Cells of each direction of a GRU; 512 (23 million parameters with 5 layers) is the full size.
        layers: Bidirectional GRU layers.
        feature: 40 mel-frequency cepstral coefficients, or 32 log-mel bands.
        dropout: Share of activations dropped.
    """

    kind = "transcription"
    toy = "sentences"
    recipe = Recipe(lr=1e-4, batch_size=16)

    def __init__(
        self,
        task: Task,
        sample_rate: int,
        *,
        width: int = 512,
        layers: int = 5,
        feature: Literal["mfcc", "mel"] = "mfcc",
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if task.kind != "transcription":
            raise ValueError(f"transcribes, but the task is {task.kind}; name a corpus with transcripts")
        if width < 1 or layers < 1 or not 0 <= dropout < 1:
            raise ValueError(
                "width and layers must be at least 1 and dropout in [0, 1), but they are "
                f"{width}, {layers} and {dropout}"
            )
        window = round(0.02 * sample_rate)
        bands = 40 if feature == "mfcc" else 32
        mel = LogMel(sample_rate, bands, 1 << (window - 1).bit_length(), window, window // 2)
        self.mel: LogMel | Mfcc = Mfcc(mel, bands) if feature == "mfcc" else mel
        self.feature = feature
        self.stem = nn.Conv2d(1, MAPS, 3, 2, 1)
        self.residuals = nn.ModuleList(Residual(dropout) for _ in range(3))
        self.project = nn.Linear(MAPS * (bands // 2), width)
        self.recurrent = nn.ModuleList(Recurrent(width if i == 0 else 2 * width, width, dropout) for i in range(layers))
        self.head = nn.Sequential(
            nn.Linear(2 * width, width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, len(task.labels))
        )

    def frames(self, lengths: Tensor) -> Tensor:
        """Frames of the log-probabilities of clips with `lengths` samples."""
        return (self.mel.frames(lengths) + 1) // 2

    def features(self, waves: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features (batch, features, frames) less their mean over the clip, and valid frames."""
        frames = self.mel.frames(lengths)
        waves = masked(waves, lengths)
        x = self.mel(waves, lengths) if isinstance(self.mel, Mfcc) else self.mel(waves)
        return masked(x - masked_mean(x, frames)[..., None], frames), frames

    def classify(self, features: Tensor, lengths: Tensor) -> Prediction:
        """Log-probabilities (batch, frames, symbols) from `features` (batch, features, frames), and valid frames."""
        x, frames = through([self.stem], features[:, None], lengths)
        for residual in self.residuals:
            x = residual(x, frames)
        x = self.project(x.flatten(1, 2).transpose(1, 2))
        for layer in self.recurrent:
            x = layer(x, frames)
        scores = self.head(x).float().log_softmax(-1)
        embedding = masked_mean(x.float().transpose(1, 2), frames)
        return Prediction(scores, frames, embedding)

    def forward(self, waves: Tensor, lengths: Tensor) -> Prediction:
        """Log-probabilities (batch, frames, symbols) from `waves` (batch, time)."""
        return self.classify(*self.features(waves, lengths))

    def loss(self, prediction: Prediction, batch: Batch) -> Tensor:
        """CTC loss per symbol, (batch,); zero, with a warning, where a text is too long for the frames."""
        return ctc(prediction, batch)
