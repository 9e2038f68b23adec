"""IMCRA: noise power by minima controlled recursive averaging, without a voice activity detector.

Per frame, with P = |Y|^2, b = [1/4, 1/2, 1/4] over frequency and l the frame:

    1. S = a_s S(l-1) + (1 - a_s) b * P,  S_min its minimum over the last second
    2. I = 1 where P < 4.6 * 1.66 S_min and S < 1.67 * 1.66 S_min: roughly no speech
    3. R as S, but from b * (I P) / b * I: noise-like bins only;  R_min as S_min
    4. q = clip((3 - P / 1.66 R_min) / 2, 0, 1) where S < 1.67 * 1.66 R_min, else 0: a-priori absence of speech

and from q the presence p of speech, the noise power L = 1.47 A and the gain G as `core/presence.py` says. A mask M, the
power of the speech over that of all, may take the place of a share rho of q:

    q = (1 - rho) q + rho (1 - M),  L = 1.47^(1-rho) A

as a mask does not have the bias of minima that 1.47 makes up for. Constants belong to frames of 8 ms and are converted
to the hop. Source: Cohen 2003, doi:10.1109/TSA.2003.811544.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sefront.core.presence import FLOOR, Estimate, Level, levels

FRAME = 0.008  # seconds between the frames for which the constants were tuned
SMOOTHING, AVERAGING = 0.9, 0.85  # a_s, a_d
BLOCKS, BLOCK = 8, 15  # the minimum is searched over U blocks of V frames
MINIMUM_BIAS, NOISE_BIAS = 1.66, 1.47
ONE_BIN, SMOOTHED = 4.6, 1.67  # gamma_0, zeta_0: thresholds over the biased minimum
ABSENT = 3.0  # gamma_1: no speech up to 1, speech from here
CHUNK = 256  # frames at a time: what is computed for all of them stays in the cache


class Minimum(NamedTuple):
    """A smoothed power and its minimum over the last blocks.

    Args:
        smooth: The smoothed power, (batch, bins).
        lowest: Its minima since U blocks ago and since the current block began, (2, batch, bins).
        blocks: Its minima in each of the last U blocks, (U, batch, bins).
    """

    smooth: Tensor
    lowest: Tensor
    blocks: Tensor

    @classmethod
    def start(cls, smooth: Tensor) -> Minimum:
        """The state before the first frame."""
        return cls(smooth, *(smooth.new_full((n, *smooth.shape), torch.inf) for n in (2, BLOCKS)))


class State(NamedTuple):
    """What is remembered between frames.

    Args:
        sounding: How many frames of each clip were not silent, (batch,).
        all_bins: S and its minimum.
        quiet_bins: R and its minimum.
        level: The noise.
    """

    sounding: Tensor
    all_bins: Minimum
    quiet_bins: Minimum
    level: Level


@torch.no_grad()
def track(
    power: Tensor, interval: float, state: State | None = None, *, mask: Tensor | None = None, rho: float = 1.0
) -> tuple[Estimate, State]:
    """Follow the noise under the next frames of a recording; in blocks of any size the numbers are the same.

    A clip starts at its first frame that is not silent, whose power is the first estimate; before it the estimate is
    zero, and silent frames change nothing. Every frame depends on earlier ones only.

    Args:
        power: Noisy power, (batch, bins, frames).
        interval: Seconds between frames.
        state: What the previous call returned; None at the beginning.
        mask: Power of the speech over that of all, of the shape of `power`, 0 to 1; None for IMCRA by itself.
        rho: Share of the mask in the a-priori presence of speech, 0 to 1.

    Returns:
        The estimate, and what to remember for the frames behind these.
    """
    if state is None:
        silence = torch.zeros_like(power[..., 0])
        nothing = torch.zeros_like(silence[:, 0], dtype=torch.int64)
        state = State(nothing, Minimum.start(silence), Minimum.start(silence), Level(silence, silence, silence))
    parts: list[Estimate] = []
    for first in range(0, power.shape[-1], CHUNK):
        given = None if mask is None else mask[..., first : first + CHUNK]
        part, state = chunk(power[..., first : first + CHUNK], interval, state, given, rho)
        parts.append(part)
    if not parts:
        return Estimate(power, power, power), state
    return Estimate(*(torch.cat(whole, -1) for whole in zip(*parts, strict=True))), state


def chunk(power: Tensor, interval: float, state: State, mask: Tensor | None, rho: float) -> tuple[Estimate, State]:
    """`track` for a few frames; numbers are those of the module's docstring, and frames come first inside."""
    power = power.permute(2, 0, 1).contiguous()
    keep, slow = SMOOTHING ** (interval / FRAME), AVERAGING ** (interval / FRAME)
    sounding = power.sum(-1) > 0
    count = state.sounding + sounding.cumsum(0)
    starting = (sounding & (count == 1))[..., None]
    full = (sounding & (count % max(2, round(BLOCK * FRAME / interval)) == 0))[..., None]
    sounding = sounding[..., None]
    new = torch.where(starting, 1.0, (1 - keep) * sounding.to(power.dtype))
    smooth, lowest, all_bins = follow(state.all_bins, across(power), new, sounding, full)  # 1
    least = (MINIMUM_BIAS * lowest).clamp(min=FLOOR)
    quiet = starting | ((power < ONE_BIN * least) & (smooth < SMOOTHED * least))  # 2
    weight, total = across(torch.stack([quiet.to(power.dtype), quiet * power]))
    arrived = total / weight.clamp(min=0.25)
    _, lowest, quiet_bins = follow(state.quiet_bins, arrived, new * (weight > 0), sounding, full)  # 3
    q = torch.where(starting, 1.0, absence(power, smooth, lowest))  # 4
    bias = NOISE_BIAS
    if mask is not None:
        q, bias = (1 - rho) * q + rho * (1 - mask.permute(2, 0, 1).to(q.dtype)), NOISE_BIAS ** (1 - rho)
    estimate, level = levels(state.level, power, q, (starting, sounding & ~starting), (slow, bias))
    return estimate, State(count[-1], all_bins, quiet_bins, level)


def follow(
    minimum: Minimum, arrived: Tensor, new: Tensor, counted: Tensor, full: Tensor
) -> tuple[Tensor, Tensor, Minimum]:
    """Smooth `arrived` (frames, batch, bins), of which a share `new` enters, and follow the minimum of the result.

    Frames not `counted` (frames, batch, 1) are left out of the minimum; `full` ones, of the same shape, end a block.

    Returns:
        Smoothed power and its minimum, (frames, batch, bins) each, and what to remember.
    """
    smooth, lowest, blocks = minimum
    smooths: list[Tensor] = []
    for share, kept in zip((new * arrived).unbind(), (1 - new).unbind(), strict=True):
        smooth = torch.addcmul(share, kept, smooth)
        smooths.append(smooth)
    smoothed = torch.stack(smooths)
    minima: list[Tensor] = []
    renews = full.flatten(1).any(1).tolist()
    for i, candidate in enumerate(torch.where(counted, smoothed, torch.inf).unbind()):
        lowest = torch.minimum(lowest, candidate)
        minima.append(lowest[0])
        if renews[i]:
            blocks = torch.where(full[i], torch.cat([blocks[1:], lowest[1:]]), blocks)
            lowest = torch.where(full[i], torch.stack([blocks.amin(0), smooths[i]]), lowest)
    return smoothed, torch.stack(minima), Minimum(smooth, lowest, blocks)


def absence(power: Tensor, smooth: Tensor, lowest: Tensor) -> Tensor:
    """A-priori probability q that a bin holds no speech."""
    least = (MINIMUM_BIAS * lowest).clamp(min=FLOOR)
    doubt = ((ABSENT - power / least) / (ABSENT - 1)).clamp(0, 1)
    return torch.where(smooth < SMOOTHED * least, doubt, 0.0)


def across(x: Tensor) -> Tensor:
    """`x` (..., bins) smoothed over frequency by [1/4, 1/2, 1/4], its edges repeated."""
    wide = torch.cat([x[..., :1], x, x[..., -1:]], -1)
    return wide[..., 1:-1] / 2 + (wide[..., :-2] + wide[..., 2:]) / 4
