"""Padding without consequences: lengths that follow each layer's own arithmetic, and zeros beyond them.

A batch is padded to its longest clip. Normalisation layers and biases turn that padding into values, and the next
convolution or pooling reads them. `through` therefore applies a layer, computes what became of the lengths, and puts
zeros beyond them, so that in eval mode a clip's result does not depend on its batch mates.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def valid(lengths: Tensor, size: int) -> Tensor:
    """True where a position is valid: (batch,) lengths to (batch, size)."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def masked(x: Tensor, lengths: Tensor, value: float = 0.0) -> Tensor:
    """`x` (batch, ..., time) with `value` beyond `lengths` (batch,)."""
    size = x.shape[-1]
    if lengths.device.type == "cpu" and bool((lengths >= size).all()):
        return x  # nothing is padded; on a GPU asking would cost a synchronisation
    mask = valid(lengths, size).view(len(lengths), *[1] * (x.dim() - 2), size)
    # unlike masked_fill, where keeps the memory layout of x
    return torch.where(mask, x, value)


def last(value: int | tuple[int, ...] | str) -> int:
    """A layer's setting along its last axis, which is time."""
    return int(value[-1] if isinstance(value, tuple) else value)


def length_after(layer: nn.Module, lengths: Tensor) -> Tensor:
    """Valid positions along time after `layer`, by the formula of the layer's documentation.

    Layers that keep the length (normalisation, activation, dropout) return `lengths` unchanged.

    Raises:
        ValueError: Pooling rounds its length up.
    """
    if getattr(layer, "ceil_mode", False):
        raise ValueError(f"{layer}: lengths through pooling with ceil_mode=True are not defined here; use False")
    if isinstance(layer, (nn.ZeroPad1d, nn.ZeroPad2d)):
        return lengths + layer.padding[0]  # what is added behind stays beyond the end
    if isinstance(layer, (nn.ConvTranspose1d, nn.ConvTranspose2d)):
        reach = last(layer.dilation) * (last(layer.kernel_size) - 1) + last(layer.output_padding) + 1
        return (lengths - 1) * last(layer.stride) - 2 * last(layer.padding) + reach
    if isinstance(layer, (nn.Conv1d, nn.Conv2d, nn.MaxPool1d, nn.MaxPool2d)):
        reach = last(layer.dilation) * (last(layer.kernel_size) - 1) + 1
    elif isinstance(layer, (nn.AvgPool1d, nn.AvgPool2d)):
        reach = last(layer.kernel_size)
    else:
        return lengths
    return torch.div(lengths + 2 * last(layer.padding) - reach, last(layer.stride), rounding_mode="floor") + 1


def through(layers: Iterable[nn.Module], x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Apply `layers` in turn to `x` (batch, channels, ..., time) and zero what lies beyond the valid positions.

    The zeros are written once behind each run of layers that a following layer cannot see across: before every layer
    that mixes positions, and at the end. Max pooling takes -inf for its own padding, so it is shown the same beyond
    a clip.

    Returns:
        The output and its valid lengths, (batch,).
    """
    dirty = False
    for layer in layers:
        unbounded = isinstance(layer, (nn.MaxPool1d, nn.MaxPool2d)) and last(layer.padding) > 0
        if unbounded or (dirty and mixes_positions(layer)):
            x = masked(x, lengths, -torch.inf if unbounded else 0.0)
        x = layer(x)
        lengths = length_after(layer, lengths)
        if unbounded:
            x = masked(x, lengths)  # no infinity may reach the statistics of a normalisation
        dirty = not unbounded
    return masked(x, lengths), lengths


def mixes_positions(layer: nn.Module) -> bool:
    """Whether one output position of `layer` depends on several input positions along time."""
    kernel = getattr(layer, "kernel_size", None)
    return kernel is not None and last(kernel) > 1


def masked_mean(x: Tensor, lengths: Tensor) -> Tensor:
    """Mean over the valid positions of the last axis: (batch, ..., time) to (batch, ...)."""
    count = lengths.clamp(min=1).to(x.dtype).view(-1, *[1] * (x.dim() - 2))
    return masked(x, lengths).sum(dim=-1) / count
