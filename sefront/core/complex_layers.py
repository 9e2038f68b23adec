"""Complex convolution and batch normalisation of images whose channels are all real parts, then all imaginary parts.

    W * h = (A * x - B * y) + i (B * x + A * y),   W = A + i B,  h = x + i y

is one real convolution of (x, y) with the block weight [[A, -B], [B, A]]. Normalisation whitens each complex map:

    z -> G V^(-1/2) (z - mu) + beta,   V = [[Vrr, Vri], [Vri, Vii]] + e I
    V^(-1/2) = [[Vii + s, -Vri], [-Vri, Vrr + s]] / (s t),   s = sqrt(det V),  t = sqrt(Vrr + Vii + 2 s)

Whole batches of images do not fit in a processor's cache, so normalisation goes from clip to clip and writes its own
gradient. As a chain of operations on the batch it would take several times as long, a third of a training step.
Source: Trabelsi et al. 2018, arXiv:1705.09792.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from sefront.core.signal import full_precision

Pair = tuple[int, int]


class ComplexConv(nn.Module):
    """Complex convolution over (frequency, time), or its transpose, padded by half the odd kernel.

    Real and imaginary weights are normal, so that their modulus is Rayleigh distributed with the scale 1 / sqrt(inputs
    of a unit), and their phase uniform.

    Args:
        inputs: Complex maps coming in.
        outputs: Complex maps going out.
        kernel: Size of the kernel.
        stride: Steps of the kernel; of n stride + 1 positions n + 1 are left, or the other way round.
        transposed: Whether it is the transpose.
        bias: Whether a complex number is added to each map.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: Pair, stride: Pair, *, transposed: bool = False, bias: bool = False
    ) -> None:
        super().__init__()
        self.stride, self.transposed = stride, transposed
        self.padding = (kernel[0] // 2, kernel[1] // 2)
        shape = (inputs, outputs, *kernel) if transposed else (outputs, inputs, *kernel)
        seen = inputs * math.prod(kernel) / (math.prod(stride) if transposed else 1)
        self.real, self.imag = (nn.Parameter(torch.randn(shape) / math.sqrt(seen)) for _ in range(2))
        self.bias = nn.Parameter(torch.zeros(2 * outputs)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 2 inputs, bins, frames) to (batch, 2 outputs, bins, frames)."""
        convolve = F.conv_transpose2d if self.transposed else F.conv2d
        return convolve(x, self.weight(), self.bias, self.stride, self.padding)

    def weight(self) -> Tensor:
        """The block weight; a transposed convolution has inputs before outputs, hence [[A, B], [-B, A]]."""
        a, b = self.real, -self.imag if self.transposed else self.imag
        return torch.cat([torch.cat([a, -b], 1), torch.cat([b, a], 1)])


class ComplexNorm(nn.Module):
    """Whitens complex maps, with the statistics of the batch in training, in float32.

    Args:
        maps: Complex maps.
        epsilon: Added to both variances.
        momentum: Share of a batch in the running statistics.
    """

    mean: Tensor
    covariance: Tensor

    def __init__(self, maps: int, *, epsilon: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.epsilon, self.momentum = epsilon, momentum
        self.gamma = nn.Parameter(torch.tensor([[0.5**0.5], [0.0], [0.5**0.5]]).repeat(1, maps))  # rr, ri, ii
        self.beta = nn.Parameter(torch.zeros(2, maps))
        self.register_buffer("mean", torch.zeros(2, maps))
        self.register_buffer("covariance", torch.tensor([[1.0], [0.0], [1.0]]).repeat(1, maps))  # rr, ri, ii

    def forward(self, x: Tensor) -> Tensor:
        """Normalise `x` (batch, 2 maps, bins, frames); the result has its type."""
        with full_precision(x):
            mean, covariance = self.mean, self.covariance
            if self.training:
                mean, covariance = Moments.apply(x)  # type: ignore[no-untyped-call]
                self.mean.lerp_(mean.detach(), self.momentum)
                self.covariance.lerp_(covariance.detach(), self.momentum)
            rr, ri, ii = self.gamma
            matrix = (symmetric(rr, ri, ii)[:, :, None] * whitening(covariance, self.epsilon)).sum(1)
            offset = self.beta - (matrix * mean).sum(1)
            return torch.as_tensor(Affine.apply(x, matrix, offset))  # type: ignore[no-untyped-call]


def whitening(covariance: Tensor, epsilon: float) -> Tensor:
    """V^(-1/2), (2, 2, maps), of `covariance` (3, maps) with `epsilon` added to the variances."""
    rr, ri, ii = covariance[0] + epsilon, covariance[1], covariance[2] + epsilon
    s = (rr * ii - ri.square()).clamp(min=epsilon**2).sqrt()
    t = (rr + ii + 2 * s).sqrt()
    return symmetric(ii + s, -ri, rr + s) / (s * t)


def symmetric(rr: Tensor, ri: Tensor, ii: Tensor) -> Tensor:
    """[[rr, ri], [ri, ii]] of each map: three times (maps,) to (2, 2, maps)."""
    return torch.stack([torch.stack([rr, ri]), torch.stack([ri, ii])])


class Moments(torch.autograd.Function):
    """Means (2, maps) and covariances Vrr, Vri, Vii (3, maps) of `x` (batch, 2 maps, bins, frames)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        """Each clip has its own mean taken off first; the spread of those means is added."""
        means, covariances = [], []
        for clip in x:
            real, imag = parts(clip)
            centre = torch.stack([real.mean((1, 2)), imag.mean((1, 2))])
            real, imag = real - centre[0, :, None, None], imag - centre[1, :, None, None]
            means.append(centre)
            covariances.append(torch.stack([(a * b).mean((1, 2)) for a, b in pairs(real, imag)]))
        centres = torch.stack(means)
        mean = centres.mean(0)
        spread = torch.stack([(a * b).mean(0) for a, b in pairs(*(centres - mean).unbind(1))])
        ctx.save_for_backward(x, mean)
        return mean, torch.stack(covariances).mean(0) + spread

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, to_mean: Tensor, to_covariance: Tensor) -> Tensor:
        """Of a covariance by (real, imag): [[2 Vrr', Vri'], [Vri', 2 Vii']] (z - mu) / count."""
        x, mean = ctx.saved_tensors
        rr, ri, ii = to_covariance
        matrix = symmetric(2 * rr, ri, 2 * ii)
        count = x.numel() / mean.numel()
        return mixed(x, matrix / count, (to_mean - (matrix * mean).sum(1)) / count)


class Affine(torch.autograd.Function):
    """`matrix` (2, 2, maps) times each complex number of `x` (batch, 2 maps, bins, frames), plus `offset` (2, maps)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
        """As `mixed`."""
        ctx.save_for_backward(x, matrix)
        return mixed(x, matrix, offset)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """By x the transposed matrix, by the matrix the products with x."""
        x, matrix = ctx.saved_tensors
        to_matrix, to_offset = torch.zeros_like(matrix), torch.zeros_like(matrix[0])
        for clip, arriving in zip(x, gradient, strict=True):
            for row, part in enumerate(parts(arriving)):
                to_offset[row] += part.sum((1, 2))
                to_matrix[row] += torch.stack([(part * other).sum((1, 2)) for other in parts(clip)])
        return mixed(gradient, matrix.transpose(0, 1), torch.zeros_like(to_offset)), to_matrix, to_offset


def mixed(x: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    """`matrix` (2, 2, maps) times the parts of `x` (batch, 2 maps, bins, frames), plus `offset` (2, maps), like `x`."""
    result = torch.empty_like(x)
    weights, constants = matrix[..., None, None], offset[..., None, None]
    for clip, target in zip(x, result, strict=True):
        real, imag = parts(clip)
        for weight, constant, half in zip(weights, constants, target.chunk(2), strict=True):
            half.copy_(torch.addcmul(constant, weight[0], real).addcmul_(weight[1], imag))
    return result


def parts(clip: Tensor) -> tuple[Tensor, ...]:
    """Real and imaginary maps of a clip (2 maps, ...) in float32."""
    return clip.float().chunk(2)


def pairs(real: Tensor, imag: Tensor) -> tuple[tuple[Tensor, Tensor], ...]:
    """The factors of Vrr, Vri and Vii."""
    return (real, real), (real, imag), (imag, imag)
