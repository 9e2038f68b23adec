"""Recurrent layers on padded batches: the same with and without packing, blind to padding, and not slower for it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from sefront.core.recurrent import both_ways, packed, turned

Layers = nn.GRU | nn.LSTM
FRAMES = torch.tensor([7, 1, 9, 4])


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def layers(kind: type[Layers], count: int) -> Layers:
    torch.manual_seed(0)
    return kind(5, 6, count, batch_first=True, bidirectional=True)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
def test_without_packing_they_say_and_learn_the_same(kind: type[Layers], count: int) -> None:
    built = layers(kind, count)

    def found(run: Callable[[Layers, Tensor, Tensor], Tensor]) -> dict[str, Tensor | None]:
        built.zero_grad()
        x = noise(4, 9, 5).requires_grad_()
        said = run(built, x, FRAMES)
        said.square().sum().backward()
        return {"said": said, "x": x.grad, **{name: p.grad for name, p in built.named_parameters()}}

    expected = found(packed)
    torch.testing.assert_close(found(turned), expected)
    torch.testing.assert_close(found(both_ways), expected)


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
def test_neither_padding_nor_batch_mates_count(kind: type[Layers]) -> None:
    built, x = layers(kind, 2), noise(4, 9, 5)
    together = both_ways(built, x, FRAMES)
    for row, (said, size) in enumerate(zip(together, FRAMES.tolist(), strict=True)):
        alone, _ = built(x[row : row + 1, :size])
        torch.testing.assert_close(said[:size], alone[0])
        assert not said[size:].any()


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
def test_clips_of_unequal_length_take_about_as_long_as_equal_ones(kind: type[Layers]) -> None:
    """Through a packed batch of this size the way back takes 20 times as long."""
    built, x = layers(kind, 1), noise(4, 1500, 5)

    def seconds(frames: list[int]) -> float:
        began = time.process_time()
        both_ways(built, x, torch.tensor(frames)).square().sum().backward()
        return time.process_time() - began

    equal = min(seconds([1500] * 4) for _ in range(3))
    assert min(seconds([1500, 1470, 1440, 1400]) for _ in range(3)) < 5 * equal
