"""What the backends of continuous emotion share: all but the network from features to traces.

40 Kaldi mel energies every 10 ms are standardised over the recording. Those of one frame of the trace, 4 at 25 Hz, are
stacked, and the last is repeated up to the length of the trace, floor(seconds * rate) + 1. The loss is 1 - CCC of a
whole recording. Source: Khorram et al. 2017, doi:10.21437/Interspeech.2017-548, section 3, who standardise by speaker;
each has one recording there.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core.clips import Task
from sefront.core.fbank import KaldiFbank
from sefront.core.losses import concordance
from sefront.core.masking import masked, masked_mean
from sefront.core.recipe import Recipe
from sefront.core.signal import full_precision
from sefront.core.types import Batch, Prediction

BANDS = 40
FINEST = 100  # Hz, the rate of the mel energies
LEAST = 1e-6  # of a standard deviation


class AffectFeatures(nn.Module):
    """Standardised and stacked mel energies.

    Args:
        sample_rate: Rate of the waves in Hz.
        frame_rate: Rate of the trace in Hz, a divisor of 100.
    """

    def __init__(self, sample_rate: int, frame_rate: float) -> None:
        super().__init__()
        self.mel = KaldiFbank(sample_rate, BANDS)
        self.stacked = round(FINEST / frame_rate)
        self.step = round(sample_rate / frame_rate)

    @property
    def size(self) -> int:
        """Features of a frame."""
        return BANDS * self.stacked

    def frames(self, lengths: Tensor) -> Tensor:
        """Frames of the traces of clips with `lengths` samples."""
        return torch.div(lengths, self.step, rounding_mode="floor") + 1

    def forward(self, waves: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features (batch, size, frames) of `waves` (batch, time), zero beyond a clip, and valid frames (batch,)."""
        with full_precision(waves):
            fine, frames = self.mel.frames(lengths), self.frames(lengths)
            standard = standardised(self.mel(waves), fine)
            count = waves.shape[1] // self.step + 1
            first = torch.arange(count, device=waves.device) * self.step // self.mel.hop
            places = (first[:, None] + torch.arange(self.stacked, device=waves.device)).flatten()
            places = places.minimum(fine[:, None] - 1)
            spread = standard.gather(2, places[:, None].expand(-1, BANDS, -1))
            stacked = spread.reshape(-1, BANDS, count, self.stacked).permute(0, 3, 1, 2).flatten(1, 2)
            return masked(stacked, frames), frames


def standardised(x: Tensor, frames: Tensor) -> Tensor:
    """`x` (batch, bands, frames) with mean 0 and deviation 1 in every band of a clip; a constant band becomes zeros.

    The first frame is taken off before the mean, or rounding would be left of a constant band and blown up.
    """
    x = x - x[..., :1]
    centred = masked(x - masked_mean(x, frames)[..., None], frames)
    deviation = masked_mean(centred.square(), frames).clamp(min=LEAST**2).sqrt()
    return centred / deviation[..., None]


class Tracer(nn.Module):
    """All of a backend but its network, which is the method `trace(features, lengths)`: (batch, dimensions, frames).

    Args:
        task: A trace; every dimension of it is an output.
        sample_rate: Rate of the waves in Hz.

    Raises:
        ValueError: The task is no trace, or its frame rate no divisor of 100 Hz.
    """

    kind = "trace"
    toy = "affect"
    recipe = Recipe(lr=1e-4, weight_decay=1e-4, batch_size=1)

    def __init__(self, task: Task, sample_rate: int) -> None:
        super().__init__()
        if task.kind != "trace":
            raise ValueError(f"traces emotion over time, but the task is {task.kind}; name a corpus with traces")
        self.frame_rate = task.frame_rate or 0.0
        if self.frame_rate <= 0 or FINEST % self.frame_rate:
            raise ValueError(
                f"traces at divisors of {FINEST} Hz such as 25, but the task's frame_rate is {self.frame_rate:g}"
            )
        self.heard = AffectFeatures(sample_rate, self.frame_rate)
        self.dimensions = len(task.labels)

    def frames(self, lengths: Tensor) -> Tensor:
        """Frames of the traces of clips with `lengths` samples."""
        return self.heard.frames(lengths)

    def features(self, waves: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Standardised, stacked mel energies (batch, features, frames) of `waves` (batch, time), and valid frames."""
        features, frames = self.heard(waves, lengths)
        return features, frames

    def trace(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Traces (batch, dimensions, frames) from `features` (batch, features, frames) of which `lengths` are valid."""
        raise NotImplementedError

    def classify(self, features: Tensor, lengths: Tensor) -> Prediction:
        """Traces (batch, frames, dimensions), zero beyond a clip, from `features` (batch, features, frames)."""
        traces = self.trace(features, lengths)
        return Prediction(masked(traces.float(), lengths).transpose(1, 2), lengths)

    def forward(self, waves: Tensor, lengths: Tensor) -> Prediction:
        """Traces (batch, frames, dimensions) from `waves` (batch, time)."""
        return self.classify(*self.features(waves, lengths))

    def loss(self, prediction: Prediction, batch: Batch) -> Tensor:
        """1 - CCC of each recording, the mean over dimensions, (batch,)."""
        return concordance(prediction, batch, self.frame_rate)


class SameConv1d(nn.Module):
    """Convolution that keeps the length; of an even kernel's zeros the odd one stands behind.

    Args:
        inputs: Maps that go in.
        outputs: Maps that come out.
        kernel_size: Taps.
        dilation: Frames between taps.
    """

    def __init__(self, inputs: int, outputs: int, kernel_size: int, dilation: int = 1) -> None:
        super().__init__()
        self.kernel_size, total = kernel_size, dilation * (kernel_size - 1)
        self.around = (total // 2, total - total // 2)
        self.conv = nn.Conv1d(inputs, outputs, kernel_size, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (batch, inputs, frames) to (batch, outputs, frames)."""
        return torch.as_tensor(self.conv(F.pad(x, self.around)))


def initialise(module: nn.Module) -> None:
    """Glorot's uniform weights and zero biases for all convolutions of `module`, as in Keras.

    Source: Glorot and Bengio 2010, Understanding the difficulty of training deep feedforward neural networks, AISTATS.
    """
    for layer in module.modules():
        if isinstance(layer, (nn.Conv1d, nn.ConvTranspose1d)):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
