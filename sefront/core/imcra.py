"""IMCRA: noise power by minima controlled recursive averaging, without a voice activity detector.

Per frame, with P = |Y|^2, b = [1/4, 1/2, 1/4] over frequency and l the frame:

    1. gamma = P / L(l-1),  xi = max(0.92 G(l-1)^2 gamma(l-1) + 0.08 max(gamma - 1, 0), -18 dB),  v = gamma xi / (1+xi)
    2. S = a_s S(l-1) + (1 - a_s) b * P,  S_min its minimum over the last second
    3. I = 1 where P < 4.6 * 1.66 S_min and S < 1.67 * 1.66 S_min: roughly no speech
    4. R as S, but from b * (I P) / b * I: noise-like bins only;  R_min as S_min
    5. q = clip((3 - P / 1.66 R_min) / 2, 0, 1) where S < 1.67 * 1.66 R_min, else 0: a-priori absence of speech
    6. p = 1 / (1 + q / (1 - q) (1 + xi) exp(-v)): presence of speech
    7. A = a A(l-1) + (1 - a) P with a = a_d + (1 - a_d) p,  L = 1.47 A

and G, the gain of the log-spectral amplitude estimator, from gamma, xi and v with the new L. Constants belong to frames
of 8 ms and are converted to the hop. Sources: Cohen 2003, doi:10.1109/TSA.2003.811544; G from Ephraim and Malah 1985,
doi:10.1109/TASSP.1985.1164550; E1 from Abramowitz and Stegun 1964, 5.1.53 and 5.1.56.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

FRAME = 0.008  # seconds between the frames for which the constants were tuned
SMOOTHING, AVERAGING = 0.9, 0.85  # a_s, a_d
BLOCKS, BLOCK = 8, 15  # the minimum is searched over U blocks of V frames
DECISION = 0.92  # weight of the previous frame in the a-priori SNR
LOWEST_SNR = 10 ** (-18 / 10)
MINIMUM_BIAS, NOISE_BIAS = 1.66, 1.47
ONE_BIN, SMOOTHED = 4.6, 1.67  # gamma_0, zeta_0: thresholds over the biased minimum
ABSENT = 3.0  # gamma_1: no speech up to 1, speech from here
FLOOR = 1e-12  # of every denominator, for waves in [-1, 1]
SERIES = (-0.57721566, 0.99999193, -0.24991055, 0.05519968, -0.00976004, 0.00107857)
ABOVE = (0.2677737343, 8.6347608925, 18.0590169730, 8.5733287401, 1.0)
BELOW = (3.9584969228, 21.0996530827, 25.6329561486, 9.5733223454, 1.0)


@dataclass(frozen=True)
class Minimum:
    """Smoothed power and its minimum over the last blocks: all (batch, bins), `blocks` (batch, bins, U)."""

    smooth: Tensor
    lowest: Tensor
    current: Tensor
    blocks: Tensor

    @classmethod
    def start(cls, smooth: Tensor) -> Minimum:
        """The state after the first frame."""
        blocks = smooth.new_full((*smooth.shape, BLOCKS), torch.inf)
        return cls(smooth, smooth, smooth, blocks)

    def step(self, arrived: Tensor, keep: float) -> Minimum:
        """One frame on: the recursion and both running minima."""
        smooth = torch.lerp(arrived, self.smooth, keep)
        return Minimum(smooth, self.lowest.minimum(smooth), self.current.minimum(smooth), self.blocks)

    def renewed(self) -> Minimum:
        """The minimum at the end of a block, in which what lies more than U blocks back is forgotten."""
        blocks = torch.cat([self.blocks[..., 1:], self.current[..., None]], -1)
        return Minimum(self.smooth, blocks.amin(-1), self.smooth, blocks)


@dataclass(frozen=True)
class State:
    """What IMCRA remembers between frames, (batch, bins) each.

    Args:
        noise: Noise power L.
        average: The same before the correction of its bias, A.
        prior: G^2 gamma, the power of the speech in the last frame over that of the noise.
        all_bins: S and its minimum.
        quiet_bins: R and its minimum.
    """

    noise: Tensor
    average: Tensor
    prior: Tensor
    all_bins: Minimum
    quiet_bins: Minimum

    @classmethod
    def start(cls, power: Tensor) -> State:
        """The state after the first frame, which is taken for noise."""
        smooth = across(power)
        return cls(power, power, torch.ones_like(power), Minimum.start(smooth), Minimum.start(smooth))


def noise_power(power: Tensor, interval: float) -> Tensor:
    """Noise power (batch, bins, frames) under `power` (batch, bins, frames) of frames `interval` seconds apart.

    A clip starts at its first frame that is not silent; before it the estimate is zero, and silent frames change
    nothing. Every frame depends on earlier ones only.
    """
    sounding = power.sum(1) > 0
    count = sounding.cumsum(1)
    block = max(2, round(BLOCK * FRAME / interval))
    starting, full = sounding & (count == 1), sounding & (count % block == 0)
    starts, renews, complete = starting.any(0).tolist(), full.any(0).tolist(), sounding.all(0).tolist()
    state = State.start(torch.zeros_like(power[..., 0]))
    estimates = []
    for i, now in enumerate(power.unbind(-1)):
        after = step(state, now, interval)
        if renews[i]:
            done = full[:, i, None]
            after = chosen(done, State(after.noise, after.average, after.prior, after.all_bins.renewed(),
                                       after.quiet_bins.renewed()), after)  # fmt: skip
        if starts[i]:
            after = chosen(starting[:, i, None], State.start(now), after)
        state = after if complete[i] else chosen(sounding[:, i, None], after, state)
        estimates.append(state.noise)
    return torch.stack(estimates, -1)


def step(state: State, power: Tensor, interval: float) -> State:
    """One frame of `power` (batch, bins) on; the numbers are those of the module's docstring."""
    keep, slow = SMOOTHING ** (interval / FRAME), AVERAGING ** (interval / FRAME)
    xi, v = signal_to_noise(state.prior, power, state.noise)[1:]  # 1
    all_bins = state.all_bins.step(across(power), keep)  # 2
    least = (MINIMUM_BIAS * all_bins.lowest).clamp(min=FLOOR)
    quiet = ((power < ONE_BIN * least) & (all_bins.smooth < SMOOTHED * least)).to(power.dtype)  # 3
    weight, total = across(torch.stack([quiet, quiet * power]))
    arrived = torch.where(weight > 0, total / weight.clamp(min=0.25), state.quiet_bins.smooth)
    quiet_bins = state.quiet_bins.step(arrived, keep)  # 4
    q = absence(power, all_bins.smooth, quiet_bins.lowest)  # 5
    p = presence(q, xi, v)  # 6
    average = torch.lerp(power, state.average, slow + (1 - slow) * p)  # 7
    noise = NOISE_BIAS * average
    gamma, xi, v = signal_to_noise(state.prior, power, noise)
    return State(noise, average, amplitude_gain(xi, v).square() * gamma, all_bins, quiet_bins)


def signal_to_noise(prior: Tensor, power: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The a-posteriori SNR gamma, the a-priori SNR xi and v = gamma xi / (1 + xi), as powers."""
    gamma = power / noise.clamp(min=FLOOR)
    xi = torch.lerp((gamma - 1).clamp(min=0), prior, DECISION).clamp(min=LOWEST_SNR)
    return gamma, xi, gamma * (xi / (1 + xi))


def absence(power: Tensor, smooth: Tensor, lowest: Tensor) -> Tensor:
    """A-priori probability q that a bin holds no speech."""
    least = (MINIMUM_BIAS * lowest).clamp(min=FLOOR)
    doubt = ((ABSENT - power / least) / (ABSENT - 1)).clamp(0, 1)
    return torch.where(smooth < SMOOTHED * least, doubt, 0.0)


def presence(q: Tensor, xi: Tensor, v: Tensor) -> Tensor:
    """Probability p that a bin holds speech; 1 where q is 0, 0 where q is 1."""
    odds = q * (1 + xi) * torch.exp(-v)
    return (1 - q) / (1 - q + odds).clamp(min=torch.finfo(q.dtype).tiny)


def amplitude_gain(xi: Tensor, v: Tensor) -> Tensor:
    """Gain of the log-spectral amplitude estimator, xi / (1 + xi) exp(E1(v) / 2), at most one."""
    return (xi / (1 + xi) * torch.exp(exponential_integral(v) / 2)).clamp(max=1)


def exponential_integral(v: Tensor) -> Tensor:
    """E1(v), the integral of exp(-t) / t from v on, to 3e-7; its argument is raised to 1e-10."""
    v = v.clamp(1e-10, 80)
    near = polynomial(SERIES, v) - torch.log(v)
    far = polynomial(ABOVE, v) / polynomial(BELOW, v) * torch.exp(-v) / v
    return torch.where(v <= 1, near, far)


def polynomial(coefficients: tuple[float, ...], x: Tensor) -> Tensor:
    """c_0 + c_1 x + c_2 x^2 + ..., by Horner's rule."""
    value = torch.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        value = value * x + c
    return value


def across(x: Tensor) -> Tensor:
    """`x` (..., bins) smoothed over frequency by [1/4, 1/2, 1/4], its edges repeated."""
    wide = torch.cat([x[..., :1], x, x[..., -1:]], -1)
    return wide[..., 1:-1] / 2 + (wide[..., :-2] + wide[..., 2:]) / 4


def chosen(where: Tensor, yes: State, no: State) -> State:
    """For each clip the one state or the other; `where` is (batch, 1)."""

    def pick(a: Tensor, b: Tensor) -> Tensor:
        return torch.where(where.view(-1, *[1] * (a.dim() - 1)), a, b)

    def both(a: Minimum, b: Minimum) -> Minimum:
        return Minimum(**{f.name: pick(getattr(a, f.name), getattr(b, f.name)) for f in fields(Minimum)})

    return State(
        pick(yes.noise, no.noise), pick(yes.average, no.average), pick(yes.prior, no.prior),
        both(yes.all_bins, no.all_bins), both(yes.quiet_bins, no.quiet_bins),
    )  # fmt: skip
