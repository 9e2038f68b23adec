"""Densely connected networks on spectrogram segments, for speech emotion: DenseNet, -LSTM, and -LSTM-Highway.

    x_l = conv3x3(ReLU(BatchNorm([x_0, ..., x_(l-1)])))                                 layer l of a DenseBlock
    y = H(x) T(x) + x (1 - T(x)),   H = ReLU(W x + b),   T = sigmoid(W_T x + b_T)       a highway layer

`densenet_highway` has two DenseBlocks. Their means over the segment, each through a linear layer, are summed; an LSTM
reads the second block's maps along time; both go through three highway layers. Source: Latif et al. 2020,
doi:10.21437/Interspeech.2020-3190, equations 1 and 2, sections 3 and 4.4. The first convolution, the projections of the
skip connections and what comes between DenseBlocks are not given there. Source: Huang et al. 2017, arXiv:1608.06993,
for DenseNet. Source: Srivastava et al. 2015, arXiv:1505.00387, for the coupled gates of highway layers and their bias.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from sefront.core.clips import Task
from sefront.core.recipe import Recipe
from sefront.core.segments import BANDS, Scale, SegmentClassifier, read

UNITS = 128  # of LSTM and highway layers
JOINED = 1000  # units of the siblings' fully connected layer
HIGHWAYS = 3
STEPS = 2  # by which the first convolution and every transition divide both axes

RECIPE = Recipe(lr=1e-3, schedule="plateau", step=5, factor=0.5)


class DenseNetHighway(SegmentClassifier):
    """Emotion classifier that joins what two DenseBlocks found with what an LSTM heard in them.

    Args:
        layers: Convolutions of a DenseBlock.
        growth: Maps that each of them adds; the first convolution has twice as many.
        theta: Share of the maps that the transition between the DenseBlocks keeps, 1 for all.
        lstm_freq_pool: Whether the LSTM is given means over frequency: 0.9 instead of 6.3 million parameters.
        scale: Bands of equal width (linear), or on the mel scale.
        dropout: Share of the LSTM's output that is dropped.
    """

    toy = "emotion"
    recipe = RECIPE

    def __init__(
        self,
        task: Task,
        sample_rate: int,
        *,
        layers: int = 6,
        growth: int = 24,
        theta: float = 1.0,
        lstm_freq_pool: bool = False,
        scale: Scale = "linear",
        dropout: float = 0.5,
    ) -> None:
        super().__init__(sample_rate, scale)
        check_sizes(layers, growth, theta, dropout)
        self.lstm_freq_pool = lstm_freq_pool
        self.stem = nn.Conv2d(1, 2 * growth, 7, STEPS, 3, bias=False)
        self.first = DenseBlock(2 * growth, layers, growth)
        self.transition = Transition(self.first.maps, theta)
        self.second = DenseBlock(self.transition.maps, layers, growth)
        self.skips = nn.ModuleList(nn.Linear(block.maps, UNITS) for block in (self.first, self.second))
        rows = 1 if lstm_freq_pool else BANDS // STEPS**2
        self.lstm = nn.LSTM(self.second.maps * rows, UNITS, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.highways = nn.Sequential(
            nn.Linear(2 * UNITS, UNITS), nn.ReLU(), *(Highway(UNITS) for _ in range(HIGHWAYS))
        )
        self.head = nn.Linear(UNITS, len(task.labels))

    def embed(self, segments: Tensor, frames: Tensor) -> Tensor:
        """Output (segments, 128) of the last highway layer for `segments` (segments, 1, 128, 256)."""
        first = self.first(self.stem(segments))
        second = self.second(self.transition(first))
        found = [skip(x.mean((2, 3))) for skip, x in zip(self.skips, (first, second), strict=True)]
        heard = second.mean(2, keepdim=True) if self.lstm_freq_pool else second
        context = self.dropout(read(self.lstm, heard, frames))
        return torch.as_tensor(self.highways(torch.cat([context, sum(found)], 1)))


class DenseNet(SegmentClassifier):
    """Emotion classifier of three DenseBlocks and a fully connected layer.

    Args:
        layers: Convolutions of a DenseBlock.
        growth: Maps that each of them adds; the first convolution has twice as many.
        theta: Share of the maps that the transitions between the DenseBlocks keep, 1 for all.
        places: Means over a grid of so many rows and columns go on; the paper calls its grid of 3 by 3 global pooling.
        scale: Bands of equal width (linear), or on the mel scale.
        dropout: Share of the fully connected layer's output that is dropped; the paper names none.
    """

    toy = "emotion"
    recipe = RECIPE

    def __init__(
        self,
        task: Task,
        sample_rate: int,
        *,
        layers: int = 6,
        growth: int = 16,
        theta: float = 1.0,
        places: Literal[1, 3] = 3,
        scale: Scale = "linear",
        dropout: float = 0.0,
    ) -> None:
        super().__init__(sample_rate, scale)
        check_sizes(layers, growth, theta, dropout)
        self.blocks, maps = blocks(layers, growth, theta)
        self.pool = nn.AdaptiveAvgPool2d(places)
        self.joined = nn.Sequential(nn.Linear(maps * places**2, JOINED), nn.ReLU())
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(JOINED, len(task.labels)))

    def embed(self, segments: Tensor, frames: Tensor) -> Tensor:
        """Output (segments, 1000) of the fully connected layer for `segments` (segments, 1, 128, 256)."""
        return torch.as_tensor(self.joined(self.pool(self.blocks(segments)).flatten(1)))


class DenseNetLSTM(SegmentClassifier):
    """Emotion classifier of three DenseBlocks, an LSTM that reads their maps along time, and a fully connected layer.

    Args:
        layers: Convolutions of a DenseBlock.
        growth: Maps that each of them adds; the first convolution has twice as many.
        theta: Share of the maps that the transitions between the DenseBlocks keep, 1 for all.
        scale: Bands of equal width (linear), or on the mel scale.
        dropout: Share of the fully connected layer's output that is dropped; the paper names none.
    """

    toy = "emotion"
    recipe = RECIPE

    def __init__(
        self,
        task: Task,
        sample_rate: int,
        *,
        layers: int = 6,
        growth: int = 16,
        theta: float = 1.0,
        scale: Scale = "linear",
        dropout: float = 0.0,
    ) -> None:
        super().__init__(sample_rate, scale)
        check_sizes(layers, growth, theta, dropout)
        self.blocks, maps = blocks(layers, growth, theta)
        self.lstm = nn.LSTM(maps * BANDS // STEPS**3, UNITS, batch_first=True)
        self.joined = nn.Sequential(nn.Linear(UNITS, JOINED), nn.ReLU())
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(JOINED, len(task.labels)))

    def embed(self, segments: Tensor, frames: Tensor) -> Tensor:
        """Output (segments, 1000) of the fully connected layer for `segments` (segments, 1, 128, 256)."""
        return torch.as_tensor(self.joined(read(self.lstm, self.blocks(segments), frames)))


def blocks(layers: int, growth: int, theta: float) -> tuple[nn.Sequential, int]:
    """The siblings' first convolution and three DenseBlocks with transitions between them; the maps that come out."""
    found = nn.Sequential(nn.Conv2d(1, 2 * growth, 7, STEPS, 3, bias=False))
    maps = 2 * growth
    for last in (False, False, True):
        block = DenseBlock(maps, layers, growth)
        found.append(block)
        maps = block.maps
        if not last:
            transition = Transition(maps, theta)
            found.append(transition)
            maps = transition.maps
    return found, maps


def check_sizes(layers: int, growth: int, theta: float, dropout: float) -> None:
    """Refuse options out of range.

    Raises:
        ValueError: Naming them.
    """
    if layers < 1 or growth < 1 or not 0 < theta <= 1 or not 0 <= dropout < 1:
        raise ValueError(
            "layers and growth must be at least 1, theta above 0 and at most 1, and dropout in [0, 1), "
            f"but they are {layers}, {growth}, {theta} and {dropout}"
        )


class DenseBlock(nn.Module):
    """Convolutions each of which sees the block's input and all maps before it.

    Args:
        inputs: Maps coming in; `maps` go out.
        layers: Number of convolutions.
        growth: Maps of each.
    """

    def __init__(self, inputs: int, layers: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(maps), nn.ReLU(inplace=True), nn.Conv2d(maps, growth, 3, padding=1, bias=False)
            )
            for maps in range(inputs, inputs + layers * growth, growth)
        )
        self.maps = inputs + layers * growth

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, rows, columns) to (batch, maps, rows, columns)."""
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return x


class Transition(nn.Sequential):
    """BatchNorm, ReLU, convolution 1x1 and mean of 2x2 places; the last two commute, and pooling first is cheaper.

    Args:
        inputs: Maps coming in; `maps` go out.
        theta: Share of them that is kept.
    """

    def __init__(self, inputs: int, theta: float) -> None:
        maps = max(1, int(theta * inputs))
        convolution = nn.Conv2d(inputs, maps, 1, bias=False)
        super().__init__(nn.BatchNorm2d(inputs), nn.ReLU(inplace=True), nn.AvgPool2d(STEPS), convolution)
        self.maps = maps


class Highway(nn.Module):
    """A layer with gates T that let pass what it does not transform.

    Args:
        size: Features coming in and going out.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.transform, self.gate = nn.Linear(size, size), nn.Linear(size, size)
        nn.init.constant_(self.gate.bias, -1.0)  # at first most passes

    def forward(self, x: Tensor) -> Tensor:
        """(batch, size) to (batch, size)."""
        return x.lerp(torch.relu(self.transform(x)), torch.sigmoid(self.gate(x)))
