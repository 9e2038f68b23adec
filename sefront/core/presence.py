"""Presence of speech: noise power and gain from an a-priori probability that a bin holds no speech.

Per frame l, with P = |Y|^2 and the a-priori absence q of speech, from IMCRA (`core/imcra.py`) or from a mask:

    1. gamma = P / L(l-1),  xi = max(0.92 G(l-1)^2 gamma(l-1) + 0.08 max(gamma - 1, 0), -18 dB),  v = gamma xi / (1+xi)
    2. p = 1 / (1 + q / (1 - q) (1 + xi) exp(-v)): presence of speech
    3. A = a A(l-1) + (1 - a) P with a = a_d + (1 - a_d) p,  L = c A with c against the bias of A
    4. gamma, xi and v as in 1 with the new L;  G = min(1, xi / (1+xi) exp(E1(v) / 2)), E1(v) = int_v^inf exp(-t)/t dt

G estimates log-spectral amplitudes where there is speech; OM-LSA applies G^p G_min^(1-p). The recursion needs no more
of G than G^2 gamma = xi / (1+xi) v exp(E1(v)).

Sources: Cohen 2003, doi:10.1109/TSA.2003.811544, for 1 to 3; Ephraim and Malah 1985, doi:10.1109/TASSP.1985.1164550,
for G; Cohen 2002, doi:10.1109/97.1001645, for OM-LSA.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

DECISION = 0.92  # weight of the previous frame in the a-priori SNR
LOWEST_SNR = 10 ** (-18 / 10)
LEAST_GAIN = LOWEST_SNR**0.5  # G_min
FLOOR = 1e-12  # of every denominator, for waves in [-1, 1]
ABOVE, BELOW = (0.56146009, 0.29382962, 0.04994121), (0.30445147, 0.05308974)  # a_0 to a_2, b_1 and b_2 of `speech`


class Estimate(NamedTuple):
    """Noise power L, probability p that there is speech, and G, the gain if there is: (batch, bins, frames) each."""

    noise: Tensor
    presence: Tensor
    gain: Tensor


class Level(NamedTuple):
    """Noise power L, the same before its bias is corrected, A, and G^2 gamma, all of the last frame: (batch, bins)."""

    noise: Tensor
    average: Tensor
    prior: Tensor


def levels(
    level: Level, power: Tensor, q: Tensor, phase: tuple[Tensor, Tensor], constants: tuple[float, float]
) -> tuple[Estimate, Level]:
    """Noise, presence and gain in the frames that follow on `level`; frames come first in all but the estimate.

    Args:
        level: What was remembered of the frames before.
        power: Noisy power, (frames, batch, bins).
        q: A-priori absence of speech, of the same shape.
        phase: Whether a clip starts with a frame, and whether it goes on; else it is silent and nothing changes.
            (frames, batch, 1) each.
        constants: a_d and c.
    """
    found: list[Level] = []
    presences: list[Tensor] = []
    starting, going = phase
    plain = going.flatten(1).all(1).tolist()
    for i, (now, absent) in enumerate(zip(power.unbind(), q.unbind(), strict=True)):
        if not plain[i]:
            level = chosen(starting[i], Level(now, now, torch.ones_like(now)), level)
        after, p = step(level, now, absent, *constants)
        level = after if plain[i] else chosen(going[i], after, level)
        found.append(level)
        presences.append(p)
    noise, _, prior = (torch.stack(one) for one in zip(*found, strict=True))
    gamma = power / noise.clamp(min=FLOOR)
    gain = (prior / gamma.clamp(min=torch.finfo(gamma.dtype).tiny)).sqrt().clamp(max=1)
    return Estimate(*(one.permute(1, 2, 0) for one in (noise, torch.stack(presences), gain))), level


def chosen(where: Tensor, yes: Level, no: Level) -> Level:
    """For each clip the one level or the other; `where` is (batch, 1)."""
    return Level(*(torch.where(where, a, b) for a, b in zip(yes, no, strict=True)))


def step(level: Level, power: Tensor, q: Tensor, slow: float, bias: float) -> tuple[Level, Tensor]:
    """One frame of `power` (batch, bins) on: the noise, and the presence p of speech."""
    gamma, xi, wiener = signal_to_noise(level.prior, power, level.noise)  # 1
    p = presence(q, xi, gamma * wiener)  # 2
    average = torch.lerp(power, level.average, slow + (1 - slow) * p)  # 3
    noise = bias * average
    gamma, _, wiener = signal_to_noise(level.prior, power, noise)  # 4
    return Level(noise, average, speech(gamma, wiener)), p


def signal_to_noise(prior: Tensor, power: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The a-posteriori SNR gamma and the a-priori SNR xi, as powers, and xi / (1 + xi)."""
    gamma = power / noise.clamp(min=FLOOR)
    xi = torch.lerp((gamma - 1).clamp(min=0), prior, DECISION).clamp(min=LOWEST_SNR)
    return gamma, xi, xi / (1 + xi)


def presence(q: Tensor, xi: Tensor, v: Tensor) -> Tensor:
    """Probability p that a bin holds speech; 1 where q is 0, 0 where q is 1."""
    odds = q * (1 + xi) * torch.exp(-v)
    return (1 - q) / (1 - q + odds).clamp(min=torch.finfo(q.dtype).tiny)


def speech(gamma: Tensor, wiener: Tensor) -> Tensor:
    """Power of the speech over that of the noise, G^2 gamma = w v exp(E1(v)) with w = xi / (1+xi), at most gamma.

    With v exp(E1(v)) = v + exp(-v) (a_0 + a_1 v + a_2 v^2) / (1 + b_1 v + b_2 v^2), fitted to 1e-6 of it for all v.
    """
    v = gamma * wiener
    x = v.clamp(max=80)
    above = ABOVE[0] + x * (ABOVE[1] + x * ABOVE[2])
    below = 1 + x * (BELOW[0] + x * BELOW[1])
    return (wiener * (v + torch.exp(-x) * above / below)).minimum(gamma)


def suppression(estimate: Estimate, least: float = LEAST_GAIN) -> Tensor:
    """OM-LSA's gain of amplitudes, G^p `least`^(1-p): (batch, bins, frames)."""
    return least * (estimate.gain / least) ** estimate.presence
