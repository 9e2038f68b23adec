"""Downsampling and upsampling for continuous emotion: traces that are smooth because they come from few numbers.

    40 mel energies x 4 every 40 ms -> 4 x [conv -> tanh -> max-pool by 3] -> conv 1 -> tanh
    -> 3 x [transposed conv, stride 3 -> tanh] -> transposed conv, stride 3, to the dimensions -> the middle T frames

Pooling rounds up; a transposed convolution of k taps makes s(n - 1) + k frames of n. The T = 7501 frames of 5 minutes
become 2501, 834, 278 and 93, then 280, 841, 2524 and 7573, whose first 36 are cut off. The paper states depth, factor
and width, 32 for arousal and 128 for valence, which it models apart; kernel, activations and initial weights are those
of the first author's later code. Source: Khorram et al. 2017, doi:10.21437/Interspeech.2017-548, sections 5.2 and 6.1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core.affect import SameConv1d, Tracer, initialise
from sefront.core.clips import Task
from sefront.core.masking import masked, through


class EmotionDownUp(Tracer):
    """Traces emotion through a bottleneck in time.

    Args:
        width: Maps of each layer.
        kernel: Taps of convolutions and transposed ones, at least `factor`.
        factor: Frames that each layer makes one of.
        depth: Layers on the way down, and up.
    """

    def __init__(
        self, task: Task, sample_rate: int, *, width: int = 32, kernel: int = 4, factor: int = 3, depth: int = 4
    ) -> None:
        super().__init__(task, sample_rate)
        if width < 1 or depth < 1 or factor < 2 or kernel < factor:
            raise ValueError(
                "width and depth must be at least 1, factor at least 2 and kernel at least factor, but they are "
                f"{width}, {depth}, {factor} and {kernel}"
            )
        self.factor = factor
        self.down = nn.ModuleList(SameConv1d(width if n else self.heard.size, width, kernel) for n in range(depth))
        self.up = nn.Sequential(nn.Conv1d(width, width, 1), nn.Tanh())
        for _ in range(depth - 1):
            self.up.extend([nn.ConvTranspose1d(width, width, kernel, factor), nn.Tanh()])
        self.up.append(nn.ConvTranspose1d(width, self.dimensions, kernel, factor))
        initialise(self)

    def trace(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Traces (batch, dimensions, frames) from `features` (batch, features, frames)."""
        x, left = features, lengths
        for layer in self.down:
            x, left = pooled(torch.tanh(layer(x)), left, self.factor)
        x, left = through(self.up, x, left)
        return middle(x, left, lengths, features.shape[2])


def pooled(x: Tensor, lengths: Tensor, factor: int) -> tuple[Tensor, Tensor]:
    """Maxima of every `factor` valid frames of `x` (batch, maps, frames), the last of fewer; and how many there are."""
    held = F.max_pool1d(masked(x, lengths, -torch.inf), factor, ceil_mode=True)
    left = torch.div(lengths + factor - 1, factor, rounding_mode="floor")
    return masked(held, left), left


def middle(x: Tensor, lengths: Tensor, wanted: Tensor, size: int) -> Tensor:
    """The middle `wanted` (batch,) of the `lengths` (batch,) valid frames of `x` (batch, maps, frames), of `size`."""
    first = torch.div(lengths - wanted, 2, rounding_mode="floor")
    places = (torch.arange(size, device=x.device) + first[:, None]).clamp(max=x.shape[2] - 1)
    return x.gather(2, places[:, None].expand(-1, x.shape[1], -1))
