from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor, nn

from sefront.core.masking import length_after, masked, masked_mean, through, valid

sizes, kernels, strides, paddings = st.integers(1, 40), st.integers(1, 7), st.integers(1, 4), st.integers(0, 3)


def output_length(layer: nn.Module, size: int) -> int:
    return int(layer(torch.zeros(1, 1, size)).shape[-1])


@given(sizes, kernels, strides, paddings, st.integers(1, 3))
def test_length_after_convolution(size: int, kernel: int, stride: int, padding: int, dilation: int) -> None:
    assume(size + 2 * padding >= dilation * (kernel - 1) + 1)
    layer = nn.Conv1d(1, 1, kernel, stride, padding, dilation)
    assert int(length_after(layer, torch.tensor([size]))) == output_length(layer, size)


@given(sizes, kernels, strides, paddings, st.sampled_from([nn.MaxPool1d, nn.AvgPool1d]))
def test_length_after_pooling(size: int, kernel: int, stride: int, padding: int, kind: type[nn.Module]) -> None:
    assume(padding <= kernel // 2 and size + 2 * padding >= kernel)
    layer = kind(kernel, stride, padding)
    assert int(length_after(layer, torch.tensor([size]))) == output_length(layer, size)


@given(sizes, kernels, strides, paddings, st.integers(1, 3), st.integers(0, 2))
def test_length_after_transposed_convolution(
    size: int, kernel: int, stride: int, padding: int, dilation: int, extra: int
) -> None:
    assume(extra < max(stride, dilation))
    assume((size - 1) * stride - 2 * padding + dilation * (kernel - 1) + extra + 1 >= 1)
    layer = nn.ConvTranspose1d(1, 1, kernel, stride, padding, extra, dilation=dilation)
    assert int(length_after(layer, torch.tensor([size]))) == output_length(layer, size)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(1, 1, (3, 5), (2, 3), (1, 2)),
        nn.MaxPool2d((2, 3)),
        nn.AvgPool2d((2, 3), (1, 2)),
        nn.ConvTranspose2d(1, 1, (2, 4), (2, 3)),
        nn.BatchNorm2d(1),
        nn.ReLU(),
    ],
)
def test_time_is_the_last_axis_in_two_dimensions(layer: nn.Module) -> None:
    assert int(length_after(layer, torch.tensor([20]))) == layer(torch.zeros(2, 1, 9, 20)).shape[-1]


def excited(layers: nn.Sequential) -> nn.Sequential:
    """Layers with random weights and statistics, in eval mode: biases turn padding into values."""
    generator = torch.Generator().manual_seed(0)
    for layer in layers:
        for name, tensor in [*layer.named_parameters(), *layer.named_buffers()]:
            if tensor.is_floating_point():
                tensor.data.copy_(torch.randn(tensor.shape, generator=generator).abs() + (name == "running_var"))
    return layers.eval()


STACKS = {
    "one dimension": nn.Sequential(
        nn.BatchNorm1d(2), nn.Conv1d(2, 4, 5, 2, 2), nn.BatchNorm1d(4), nn.ReLU(), nn.MaxPool1d(2), nn.BatchNorm1d(4),
        nn.Conv1d(4, 4, 3, padding=1), nn.AvgPool1d(3, 2, 1), nn.BatchNorm1d(4), nn.ConvTranspose1d(4, 4, 4, 2),
    ),
    "pooling with padding": nn.Sequential(nn.BatchNorm1d(2), nn.MaxPool1d(3, 2, 1), nn.Conv1d(2, 4, 3, padding=1)),
}  # fmt: skip


@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize("size", [20, 33, 50])
def test_through_makes_a_stack_independent_of_padding(name: str, size: int) -> None:
    layers = excited(STACKS[name])
    alone = -torch.rand(1, 2, size, generator=torch.Generator().manual_seed(1)) * 5
    padded = torch.cat([torch.nn.functional.pad(alone, (0, 37)), torch.randn(1, 2, size + 37)])
    expected, count = through(layers, alone, torch.tensor([size]))
    together, counts = through(layers, padded, torch.tensor([size, size + 37]))
    assert count[0] == counts[0] == expected.shape[-1]
    torch.testing.assert_close(together[:1, :, : int(count)], expected, atol=1e-5, rtol=1e-5)
    assert (together[0, :, int(count) :] == 0).all()


def test_through_an_unpadded_clip_equals_the_layers() -> None:
    layers, x = excited(STACKS["one dimension"]), torch.randn(2, 2, 50, generator=torch.Generator().manual_seed(1))
    out, lengths = through(layers, x, torch.tensor([50, 50]))
    torch.testing.assert_close(out[..., : int(lengths[0])], layers(x)[..., : int(lengths[0])])


def test_valid_and_masked() -> None:
    lengths = torch.tensor([1, 3])
    assert valid(lengths, 3).tolist() == [[True, False, False], [True, True, True]]
    assert masked(torch.ones(2, 3), lengths).tolist() == [[1, 0, 0], [1, 1, 1]]
    assert masked(torch.full((2, 2, 3), torch.nan), torch.tensor([0, 0])).sum() == 0


def test_masked_returns_an_unpadded_batch_itself() -> None:
    x = torch.ones(2, 3)
    assert masked(x, torch.tensor([3, 3])) is x


@given(st.lists(st.integers(0, 9), min_size=1, max_size=5))
def test_masked_mean_counts_valid_positions(counts: list[int]) -> None:
    x = torch.randn(len(counts), 4, 9, generator=torch.Generator().manual_seed(0))
    mean = masked_mean(x, torch.tensor(counts))
    expected: list[Tensor] = [row[:, :n].mean(-1) if n else torch.zeros(4) for row, n in zip(x, counts, strict=True)]
    torch.testing.assert_close(mean, torch.stack(expected))
