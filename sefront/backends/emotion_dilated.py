"""Dilated convolutions for continuous emotion: a context that grows exponentially with depth, at full resolution.

    40 mel energies x 4 every 40 ms -> depth x (conv of `kernel` taps, 2^n frames apart in layer n -> tanh) -> conv 1

With 10 layers and 3 taps an output hears 2047 frames, 82 s. The paper states depth, width and dilations 2^n, but counts
zeros between taps; here 2^n is the distance from tap to tap, as is usual, which takes 20 frames off the context.
Kernel, tanh and initial weights are ours. Source: Khorram et al. 2017, doi:10.21437/Interspeech.2017-548, sections 5.1
and 6.1.
"""

from __future__ import annotations

from torch import Tensor, nn

from sefront.core.affect import SameConv1d, Tracer, initialise
from sefront.core.clips import Task
from sefront.core.masking import through


class EmotionDilated(Tracer):
    """Traces emotion with a stack of dilated convolutions.

    Args:
        depth: Dilated layers.
        width: Maps of each.
        kernel: Taps of each.
    """

    def __init__(self, task: Task, sample_rate: int, *, depth: int = 10, width: int = 32, kernel: int = 3) -> None:
        super().__init__(task, sample_rate)
        if depth < 1 or width < 1 or kernel < 1:
            raise ValueError(f"depth, width and kernel must be at least 1, but they are {depth}, {width} and {kernel}")
        self.layers = nn.Sequential()
        for n in range(depth):
            self.layers.extend([SameConv1d(width if n else self.heard.size, width, kernel, 2**n), nn.Tanh()])
        self.layers.append(nn.Conv1d(width, self.dimensions, 1))
        initialise(self)

    def trace(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Traces (batch, dimensions, frames) from `features` (batch, features, frames)."""
        return through(self.layers, features, lengths)[0]
