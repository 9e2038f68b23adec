"""Losses, all per sample: (estimate, batch) to (batch,), over valid samples only, in float32.

Sources: wSDR from Choi et al. 2019, arXiv:1903.03107, in the form of Milling et al. 2024,
doi:10.1007/s11390-024-2934-x, equations 5 to 7; SI-SDR from Le Roux et al. 2019, doi:10.1109/ICASSP.2019.8683855.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from sefront.core.errors import SefrontError
from sefront.core.masking import masked, masked_mean, valid
from sefront.core.signal import Stft, full_precision, power_of
from sefront.core.traces import SLACK
from sefront.core.types import Batch, Enhanced, Prediction

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
LEAST: Mapping[MaskLoss, float] = {"wsdr": -1.0, "si_sdr": -math.inf, "mask_mse": 0.0, "l1_mag": 0.0}


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


def ctc(prediction: Prediction, batch: Batch) -> Tensor:
    """-ln p(target | x) / max(1, symbols) by connectionist temporal classification; symbol 0 is the blank.

    A text needs a frame for each symbol and one more between two that are the same. Where there are fewer no path
    spells it: the loss is zero instead of infinite, and a warning names the clip. Source: Graves et al. 2006,
    doi:10.1145/1143844.1143891.
    """
    if prediction.lengths is None:
        raise SefrontError("CTC needs the valid frames of each clip; a transcribing backend returns Prediction.lengths")
    warn_of_long_texts(prediction.lengths, batch)
    with full_precision(prediction.scores):
        losses = F.ctc_loss(
            prediction.scores.float().transpose(0, 1), batch.target, prediction.lengths, batch.target_lengths,
            reduction="none", zero_infinity=True,
        )  # fmt: skip
        return losses / batch.target_lengths.clamp(min=1)


def warn_of_long_texts(frames: Tensor, batch: Batch) -> None:
    """Name the clips of `batch` whose text does not fit into their `frames` (batch,)."""
    target, symbols = batch.target, batch.target_lengths
    doubled = (target[:, 1:] == target[:, :-1]) & valid(symbols, target.shape[1])[:, 1:]
    needed = symbols + doubled.sum(1)
    for i in (needed > frames).nonzero()[:, 0].tolist():
        text = (
            f"{batch.ids[i]}: nothing is learnt from it, since its text needs {needed[i]} frames but it has {frames[i]}"
        )
        warnings.warn(text, stacklevel=3)  # Python shows the same text once


def concordance(prediction: Prediction, batch: Batch, frame_rate: float = 25.0) -> Tensor:
    """1 - CCC over the frames that each clip's prediction and trace share, the mean over dimensions; from 0 to 2.

    CCC = 2 cov(x, y) / (var x + var y + (mean x - mean y)^2). Source: Lin 1989, doi:10.2307/2532051. Computed as the
    mean squared error over the same divisor, which is equal but never negative; one where both are constant and equal.

    Raises:
        SefrontError: A trace does not belong to its audio, see `shared_frames`.
    """
    frames = shared_frames(prediction, batch, frame_rate)
    size = min(prediction.scores.shape[1], batch.target.shape[1])
    with full_precision(prediction.scores):
        x, y = (t[:, :size].float().transpose(1, 2) for t in (prediction.scores, batch.target))
        a, b = (masked(t - masked_mean(t, frames)[..., None], frames) for t in (x, y))
        gap = masked_mean(x, frames) - masked_mean(y, frames)
        below = masked_mean(a.square() + b.square(), frames) + gap.square()
        return ((masked_mean((x - y).square(), frames) + EPSILON) / (below + EPSILON)).mean(1)


def shared_frames(prediction: Prediction, batch: Batch, frame_rate: float) -> Tensor:
    """Frames (batch,) that a clip's prediction and trace both have; labels may end a little before or after the audio.

    Raises:
        SefrontError: They differ by more than `SLACK` at `frame_rate` Hz.
    """
    size = prediction.scores.shape[1]
    said = torch.full_like(batch.target_lengths, size) if prediction.lengths is None else prediction.lengths
    apart = (said - batch.target_lengths).abs()
    if bool((apart > SLACK * frame_rate).any()):
        row = int(apart.argmax())
        raise SefrontError(
            f"{batch.ids[row]}: its trace has {int(batch.target_lengths[row])} frames, but its audio lasts for "
            f"{int(said[row])} at {frame_rate:g} Hz; they may differ by {SLACK:g} s, so check the rate and the labels"
        )
    return torch.minimum(said, batch.target_lengths)
