"""Complex layers against complex arithmetic and against whitening by eigenvectors."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sefront.core.complex_layers import ComplexConv, ComplexNorm


def images(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def as_complex(x: Tensor) -> Tensor:
    return torch.complex(*x.chunk(2, 1))


def correlated(maps: int = 3) -> Tensor:
    """Complex maps whose parts are correlated, of unlike sizes and off zero; (4, 2 maps, 9, 11)."""
    real, imag = images(2, 4, maps, 9, 11)
    return torch.cat([3 * real + 50, 0.5 * imag - real - 2], 1)


def whitened(x: Tensor, norm: ComplexNorm) -> Tensor:
    """What `norm` does in training, by eigenvectors in double precision."""
    maps = x.double().unflatten(1, (2, -1))
    centred = maps - maps.mean((0, 3, 4), keepdim=True)
    count = x.numel() / (2 * maps.shape[2])
    covariance = torch.einsum("bpcft,bqcft->cpq", centred, centred) / count + norm.epsilon * torch.eye(2)
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors @ torch.diag_embed(values**-0.5) @ vectors.mT
    rr, ri, ii = norm.gamma.double()
    colour = torch.stack([torch.stack([rr, ri]), torch.stack([ri, ii])])
    return (torch.einsum("pqc,cqr,brcft->bpcft", colour, root, centred) + norm.beta[:, :, None, None]).flatten(1, 2)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (2, 2)])
def test_convolution_is_complex(transposed: bool, stride: tuple[int, int]) -> None:
    torch.manual_seed(0)
    layer = ComplexConv(3, 4, (5, 3), stride, transposed=transposed, bias=True)
    torch.nn.init.normal_(layer.bias)  # type: ignore[arg-type]
    x = images(2, 6, 9, 7)
    convolve = F.conv_transpose2d if transposed else F.conv2d
    bias = torch.complex(*layer.bias.chunk(2))  # type: ignore[union-attr]
    expected = convolve(as_complex(x), torch.complex(layer.real, layer.imag), bias, stride, (2, 1))
    torch.testing.assert_close(as_complex(layer(x)), expected)


@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (2, 2)])
def test_the_transpose_undoes_the_size(stride: tuple[int, int]) -> None:
    x = images(1, 2, 4 * stride[0] + 1, 3 * stride[1] + 1)
    down, up = ComplexConv(1, 2, (7, 5), stride), ComplexConv(2, 1, (7, 5), stride, transposed=True)
    assert down(x).shape == (1, 4, 5, 4)
    assert up(down(x)).shape == x.shape


@pytest.mark.parametrize("transposed", [False, True])
def test_first_weights_keep_the_power(transposed: bool) -> None:
    """A weight has E|w|^2 = 2 / (inputs of a unit), which LeakyReLU's loss of half the power makes up for."""
    torch.manual_seed(0)
    layer = ComplexConv(64, 32, (7, 5), (2, 2), transposed=transposed)
    power = torch.complex(layer.real, layer.imag).abs().square().mean()
    torch.testing.assert_close(power, torch.tensor(2.0 / (64 * 35 / (4 if transposed else 1))), rtol=0.02, atol=0)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_normalisation_whitens(layout: torch.memory_format) -> None:
    x = correlated().to(memory_format=layout)
    out = ComplexNorm(3)(x)
    assert out.is_contiguous(memory_format=layout)
    maps = out.detach().unflatten(1, (2, -1))
    torch.testing.assert_close(maps.mean((0, 3, 4)), torch.zeros(2, 3), atol=1e-5, rtol=0)
    covariance = torch.einsum("bpcft,bqcft->cpq", maps, maps) / (4 * 9 * 11)
    torch.testing.assert_close(covariance, torch.eye(2).expand(3, 2, 2) / 2, atol=1e-3, rtol=0)


def test_normalisation_and_its_gradients_equal_those_by_eigenvectors() -> None:
    norm, weight = ComplexNorm(3), images(4, 6, 9, 11, seed=1)
    with torch.no_grad():
        norm.gamma.add_(0.2 * images(3, 3))
        norm.beta.add_(images(2, 3))
    x = correlated().requires_grad_()
    wanted = [x, norm.gamma, norm.beta]
    out, expected = norm(x), whitened(x, norm)
    torch.testing.assert_close(out, expected.float(), atol=1e-4, rtol=1e-4)
    gradients = torch.autograd.grad((out * weight).sum(), wanted)
    expected_gradients = torch.autograd.grad((expected * weight).sum(), wanted)
    torch.testing.assert_close(gradients, expected_gradients, atol=1e-3, rtol=1e-3)


def test_running_statistics_are_used_in_eval_mode() -> None:
    """With a momentum of one they are those of the last batch; then eval mode does what training did."""
    norm, x = ComplexNorm(3, momentum=1.0), correlated()
    trained = norm(x)
    before = {name: buffer.clone() for name, buffer in norm.named_buffers()}
    norm.eval()
    torch.testing.assert_close(norm(x), trained, atol=1e-4, rtol=1e-4)
    norm(2 * x)
    assert all(torch.equal(buffer, before[name]) for name, buffer in norm.named_buffers())
    for number in range(3):
        both = torch.stack([x[:, number].flatten(), x[:, 3 + number].flatten()])
        torch.testing.assert_close(norm.mean[:, number], both.mean(1))
        rr, ri, _, ii = both.cov(correction=0).flatten()
        torch.testing.assert_close(norm.covariance[:, number], torch.stack([rr, ri, ii]))


def test_silence_has_a_finite_gradient() -> None:
    x = torch.zeros(2, 6, 5, 5, requires_grad=True)
    ComplexNorm(3)(x).square().sum().backward()
    assert x.grad is not None
    assert bool(x.grad.isfinite().all())


def test_statistics_are_computed_in_float32() -> None:
    norm, x = ComplexNorm(3), correlated().bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = norm(x)
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out.float(), ComplexNorm(3)(x.float()), atol=2e-2, rtol=1e-2)
    fresh = ComplexNorm(3)
    fresh(x.float())
    torch.testing.assert_close(norm.covariance, fresh.covariance)
