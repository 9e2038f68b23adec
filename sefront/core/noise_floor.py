"""Estimates of a noise spectrum from the noisy power spectrum alone.

    leading      L(f) = mean of P(f, t) over the first frames
    leading_vad  the same, then L <- 0.9 L + 0.1 P in frames whose P exceeds L by less than 3 dB in all
    minstat      S(f, t) = 0.85 S(f, t-1) + 0.15 P(f, t),  L(f, t) = 1.5 min of S over the last 1.5 s

All take powers P (batch, bins, frames), are causal or look at the leading frames only, and read no frame beyond a
clip's end. Those that follow the noise also return what lets them go on with the next frames of the recording. Half a
first frame would look like a minimum; `whole` mends it beforehand.
Source: Martin 2001, doi:10.1109/89.928915, for the minimum statistics, without its optimal smoothing.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from sefront.core.masking import masked_mean

NEAR_NOISE = 10 ** (3 / 10)  # 3 dB above the noise, as a power
KEPT = 0.9  # share of the estimate that stays when a noise frame arrives
SMOOTHING = 0.85
BIAS = 1.5  # a minimum lies below the mean


def whole(power: Tensor) -> Tensor:
    """`power` as if the window of the first frame, of which half lies before the clip, had been full."""
    return torch.cat([2 * power[..., :1], power[..., 1:]], -1)


def leading(power: Tensor, frames: Tensor, count: int) -> Tensor:
    """Mean of the first `count` of each clip's valid `frames` (batch,): (batch, bins, 1)."""
    return masked_mean(power[..., :count], frames.clamp(max=count)).unsqueeze(-1)


def leading_vad(power: Tensor, frames: Tensor, count: int, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """As `leading`, then updated in frames close to the noise.

    Returns:
        The noise power, (batch, bins, frames), and that of the last frame, `noise` for the frames behind these.
    """
    estimates: list[Tensor] = []
    if noise is None:
        noise = leading(power, frames, count).squeeze(-1)
        estimates, power = [noise] * min(count, power.shape[-1]), power[..., count:]
    for now in power.unbind(-1):
        near = now.sum(1, keepdim=True) < NEAR_NOISE * noise.sum(1, keepdim=True)
        noise = torch.where(near, torch.lerp(now, noise, KEPT), noise)
        estimates.append(noise)
    return torch.stack(estimates, -1), noise


def minimum_statistics(power: Tensor, memory: int, past: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Biased minimum of the smoothed power over the last `memory` frames.

    Returns:
        The noise power, (batch, bins, frames), and the smoothed one, (batch, bins, `memory` at most), `past` for the
        frames behind these.
    """
    last = power[..., 0] if past is None else past[..., -1]
    smooth: list[Tensor] = []
    for now in power.unbind(-1):
        last = torch.lerp(now, last, SMOOTHING)
        smooth.append(last)
    known = torch.stack(smooth, -1) if past is None else torch.cat([past, torch.stack(smooth, -1)], -1)
    minima = F.max_pool1d(F.pad(-known, (memory - 1, 0), value=-torch.inf), memory, stride=1)
    return -BIAS * minima[..., -power.shape[-1] :], known[..., -memory:]
