"""Estimates of a noise spectrum from the noisy power spectrum alone.

    leading      L(f) = mean of P(f, t) over the first frames
    leading_vad  the same, then L <- 0.9 L + 0.1 P in frames whose P exceeds L by less than 3 dB in all
    minstat      S(f, t) = 0.85 S(f, t-1) + 0.15 P(f, t),  L(f, t) = 1.5 min of S over the last 1.5 s

All take powers P (batch, bins, frames), are causal or look at the leading frames only, and read no frame beyond a
clip's end. Half a first frame would look like a minimum; `whole` mends it beforehand.
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


def leading_vad(power: Tensor, frames: Tensor, count: int) -> Tensor:
    """As `leading`, then updated in frames close to the noise: (batch, bins, frames)."""
    noise = leading(power, frames, count).squeeze(-1)
    estimates = [noise] * min(count, power.shape[-1])
    for now in power.unbind(-1)[count:]:
        near = now.sum(1, keepdim=True) < NEAR_NOISE * noise.sum(1, keepdim=True)
        noise = torch.where(near, torch.lerp(now, noise, KEPT), noise)
        estimates.append(noise)
    return torch.stack(estimates, -1)


def minimum_statistics(power: Tensor, memory: int) -> Tensor:
    """Biased minimum of the smoothed power over the last `memory` frames: (batch, bins, frames)."""
    smooth = [power[..., 0]]
    for now in power.unbind(-1)[1:]:
        smooth.append(torch.lerp(now, smooth[-1], SMOOTHING))
    past = F.pad(-torch.stack(smooth, -1), (memory - 1, 0), value=-torch.inf)
    return -BIAS * F.max_pool1d(past, memory, stride=1)
