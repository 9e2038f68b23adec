"""Losses, all per sample: (estimate, batch) to (batch,), over valid samples only, in float32.

Sources: wSDR from Choi et al. 2019, arXiv:1903.03107, in the form of Milling et al. 2024,
doi:10.1007/s11390-024-2934-x, equations 5 to 7; SI-SDR from Le Roux et al. 2019, doi:10.1109/ICASSP.2019.8683855.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from sefront.core.errors import SefrontError
from sefront.core.masking import masked, masked_mean
from sefront.core.signal import Stft, full_precision, power_of
from sefront.core.types import Batch, Enhanced

EPSILON = 1e-8


def reference(batch: Batch) -> Tensor:
    """The clean waves of `batch`.

    Raises:
        SefrontError: The batch holds recordings without a clean reference.
    """
    if batch.clean is None:
        raise SefrontError("an enhancement loss needs clean references, but these recordings have none")
    return batch.clean


def wsdr(estimate: Tensor, batch: Batch) -> Tensor:
    """Weighted signal-to-distortion loss in [-1, 1], best -1.

    L_SDR(a, b) = -<a, b> / (|a| |b| + e),  alpha = |x|^2 / (|x|^2 + |n|^2 + e)
    L = alpha L_SDR(x, x_hat) + (1 - alpha) L_SDR(n, n_hat),  n = y - x,  n_hat = y - x_hat
    """
    clean = reference(batch)
    with full_precision(clean):
        estimate = masked(estimate.float(), batch.lengths)
        noise, noise_left = batch.noisy - clean, batch.noisy - estimate
        signal_power, noise_power = clean.square().sum(1), noise.square().sum(1)
        alpha = signal_power / (signal_power + noise_power + EPSILON)
        return alpha * negative_cosine(clean, estimate) + (1 - alpha) * negative_cosine(noise, noise_left)


def negative_cosine(a: Tensor, b: Tensor) -> Tensor:
    """-<a, b> / (|a| |b| + e) over the last axis, with a finite gradient where `a` or `b` is zero."""
    norms = (a.square().sum(-1) + EPSILON**2).sqrt() * (b.square().sum(-1) + EPSILON**2).sqrt()
    return -(a * b).sum(-1) / (norms + EPSILON)


def si_sdr(estimate: Tensor, batch: Batch) -> Tensor:
    """Negative scale-invariant signal-to-distortion ratio in dB.

    a = <x_hat, x> / |x|^2,  L = -10 log10(|a x|^2 / |a x - x_hat|^2), means over the valid samples removed first.
    """
    clean = reference(batch)
    with full_precision(clean):
        x = centred(clean, batch.lengths)
        y = centred(estimate.float(), batch.lengths)
        scaled = (x * y).sum(1, keepdim=True) / (x.square().sum(1, keepdim=True) + EPSILON) * x
        ratio = (scaled.square().sum(1) + EPSILON) / ((scaled - y).square().sum(1) + EPSILON)
        return -10 * torch.log10(ratio)


def centred(waves: Tensor, lengths: Tensor) -> Tensor:
    """`waves` (batch, time) without the mean of their valid samples, zero beyond them."""
    return masked(waves - masked_mean(waves, lengths)[:, None], lengths)


def ratio_mask(batch: Batch, stft: Stft) -> Tensor:
    """Ideal ratio mask of powers, S / (S + N), (batch, bins, frames); one where both are zero."""
    clean = reference(batch)
    return power_ratio(power_of(stft(clean)), power_of(stft(batch.noisy - clean)))


def power_ratio(signal: Tensor, noise: Tensor, kept: float = 0.0) -> Tensor:
    """Mask of powers (S + kept N) / (S + N) that keeps a share of the noise; one where both are zero."""
    total = signal + noise
    return torch.where(total > 0, (signal + kept * noise) / total.clamp(min=torch.finfo(total.dtype).tiny), 1.0)


def mask_mse(mask: Tensor, batch: Batch, stft: Stft) -> Tensor:
    """Mean squared error between a power mask (batch, bins, frames) and the ideal ratio mask, over valid frames."""
    with full_precision(mask):
        error = (mask.float() - ratio_mask(batch, stft)).square().mean(1)
        return masked_mean(error, stft.frames(batch.lengths))


def l1_mag(estimate: Tensor, batch: Batch, stft: Stft) -> Tensor:
    """Mean of ||X_hat| - |X|| over bins and valid frames: the magnitudes of waves, without their phases."""
    with full_precision(estimate):
        error = (stft(masked(estimate, batch.lengths)).abs() - stft(reference(batch)).abs()).abs().mean(1)
        return masked_mean(error, stft.frames(batch.lengths))


WaveLoss = Literal["wsdr", "si_sdr"]
MaskLoss = Literal["wsdr", "si_sdr", "mask_mse", "l1_mag"]
WAVE_LOSSES: Mapping[WaveLoss, Callable[[Tensor, Batch], Tensor]] = {"wsdr": wsdr, "si_sdr": si_sdr}


def mask_loss(name: MaskLoss, enhanced: Enhanced, batch: Batch, stft: Stft) -> Tensor:
    """The loss called `name` of a frontend whose amplitude mask, real or complex, is ``extras["mask"]``, (batch,)."""
    if name == "mask_mse":
        return mask_mse(enhanced.extras["mask"].abs().square(), batch, stft)
    if name == "l1_mag":
        return l1_mag(enhanced.waves, batch, stft)
    return WAVE_LOSSES[name](enhanced.waves, batch)


def cross_entropy(scores: Tensor, batch: Batch) -> Tensor:
    """-ln softmax(scores)[target] for logits (batch, classes)."""
    with full_precision(scores):
        return F.cross_entropy(scores.float(), batch.target, reduction="none")
