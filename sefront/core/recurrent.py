"""Recurrent layers that read a batch of clips in both directions and do not see its padding.

On a GPU a batch is packed, for which cuDNN has fast kernels. On a processor the way back through a packed batch of
unequal clips takes time that grows with the square of their length, so there each direction runs by itself, the second
over clips that are turned round in their place.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from sefront.core.masking import masked


def both_ways(layers: nn.GRU | nn.LSTM, x: Tensor, frames: Tensor) -> Tensor:
    """What `layers` make of `x` (batch, frames, inputs), of which `frames` (batch,) are valid.

    Args:
        layers: Bidirectional, with the batch first, and without dropout between them.
        x: Features; those beyond a clip may be anything.
        frames: At least one for each clip.

    Returns:
        Outputs of the last layer, (batch, frames, 2 cells), zero beyond a clip.
    """
    return packed(layers, x, frames) if x.is_cuda else turned(layers, x, frames)


def packed(layers: nn.GRU | nn.LSTM, x: Tensor, frames: Tensor) -> Tensor:
    """`both_ways` by packing."""
    batch = pack_padded_sequence(x, frames.cpu(), batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(layers(batch)[0], batch_first=True, total_length=x.shape[1])[0]


def turned(layers: nn.GRU | nn.LSTM, x: Tensor, frames: Tensor) -> Tensor:
    """`both_ways` by turning clips round."""
    time = torch.arange(x.shape[1], device=x.device)
    places = torch.where(time < frames[:, None], frames[:, None] - 1 - time, time)[..., None]
    weights = layers.all_weights
    for ahead, back in zip(weights[::2], weights[1::2], strict=True):
        both = directed(layers, x, ahead), around(directed(layers, around(x, places), back), places)
        x = masked(torch.cat(both, 2).transpose(1, 2), frames).transpose(1, 2)
    return x


def directed(layers: nn.GRU | nn.LSTM, x: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """What one direction with `weights` makes of `x` (batch, frames, inputs): (batch, frames, cells)."""
    known = list(weights)
    start = x.new_zeros(1, len(x), layers.hidden_size)
    if isinstance(layers, nn.LSTM):
        return torch.lstm(x, (start, start), known, True, 1, 0.0, True, False, True)[0]
    return torch.gru(x, start, known, True, 1, 0.0, True, False, True)[0]


def around(x: Tensor, places: Tensor) -> Tensor:
    """`x` (batch, frames, features) with its frames taken from `places` (batch, frames, 1)."""
    return x.gather(1, places.expand(-1, -1, x.shape[2]))
