"""Attention pooling: its equation, its limits, and what lies beyond a clip."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from sefront.core.attention import Attention
from sefront.core.masking import masked, masked_mean


def attention(scale: float = 1.0) -> Attention:
    torch.manual_seed(0)
    return Attention(6, scale)


def vectors(*shape: int) -> Tensor:
    return 2 * torch.randn(shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_equation_place_by_place(scale: float) -> None:
    pool, x = attention(scale), vectors(1, 6, 2, 3)
    w, b, u = pool.hidden.weight.detach(), pool.hidden.bias.detach(), pool.energy.weight[0].detach()
    context, weights = pool(x, torch.tensor([3]))
    places = [x[0, :, row, column] for row in range(2) for column in range(3)]
    exponentials = [math.exp(scale * float(u @ torch.tanh(w @ a + b))) for a in places]
    expected = [e / sum(exponentials) for e in exponentials]
    torch.testing.assert_close(weights.flatten(), torch.tensor(expected))
    torch.testing.assert_close(context[0], sum(torch.as_tensor(e * a) for e, a in zip(expected, places, strict=True)))


@pytest.mark.parametrize("scale", [0.0, 0.3, 5.0])
def test_weights_are_positive_on_valid_places_alone_and_sum_to_one(scale: float) -> None:
    lengths = torch.tensor([5, 2, 1])
    _, weights = attention(scale)(vectors(3, 6, 4, 5), lengths)
    torch.testing.assert_close(weights.sum((1, 2)), torch.ones(3))
    for row, length in enumerate(lengths.tolist()):
        assert bool((weights[row, :, :length] > 0).all())
        assert bool((weights[row, :, length:] == 0).all())


def test_without_scale_it_is_the_mean_over_valid_places() -> None:
    x, lengths = vectors(3, 6, 4, 5), torch.tensor([5, 2, 1])
    torch.testing.assert_close(attention(0.0)(x, lengths)[0], masked_mean(x.mean(2), lengths))


def test_what_lies_beyond_a_clip_does_not_matter_nor_learn() -> None:
    pool, lengths = attention(), torch.tensor([3])
    x = vectors(1, 6, 5).requires_grad_()
    context, _ = pool(x, lengths)
    torch.testing.assert_close(context, pool(x[..., :3], lengths)[0])
    (arrived,) = torch.autograd.grad(context.sum(), x)
    assert torch.equal(arrived, masked(arrived, lengths))
    assert bool(arrived[..., :3].any())
