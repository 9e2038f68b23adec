"""How much of the noisy input is added back, learnt from what was heard of the clip so far.

With the input y, the estimate x_hat, n_hat = y - x_hat, frames k of K = 256 samples and two numbers a and b to learn,
which begin as logit(0.2) / 10 and 0, the share m is

    r_k = (sum_(s < k K) x_hat(s)^2 + e) / (sum_(s < k K) n_hat(s)^2 + e),   m_k = sigmoid(10 (a + b ln r_k))
    m(k K + j) = m_(k-1) + (j + 1) / K (m_k - m_(k-1)),   m_(-1) = m_0

r is the signal-to-noise ratio that was found so far, whatever the level, so the share settles as the clip goes on. The
10 keeps a and b at the size of a network's weights, whose learning rate they get beside a frontend that is trained too.
Nothing depends on what comes later. Source: none; the share of observation adding is a constant in the literature.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core.losses import EPSILON

FRAME = 256  # samples
FIRST = 0.2  # the share before anything is learnt
SCALE = 10.0  # how much faster than its two numbers the share moves


class Gate(nn.Module):
    """From the energies that were heard to the share of the input: m = sigmoid(10 (a + b ln r))."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = nn.Parameter(torch.tensor(math.log(FIRST / (1 - FIRST)) / SCALE))
        self.slope = nn.Parameter(torch.tensor(0.0))

    def forward(self, heard: Tensor) -> Tensor:
        """Shares (batch, frames) for the energies of estimate and noise, (2, batch, frames), before each frame."""
        logarithms = torch.log(heard + EPSILON)
        return torch.sigmoid(SCALE * (self.offset + self.slope * (logarithms[0] - logarithms[1])))


class Shares:
    """The shares of a recording from its beginning, piece by piece or at once.

    Args:
        gate: What says the share of a frame.
    """

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.place = 0  # samples into the frame that is under way
        self.state: tuple[Tensor, Tensor, Tensor] | None = None  # energies before it and in it, share of the last one

    def __call__(self, estimate: Tensor, noisy: Tensor) -> Tensor:
        """Shares of the next samples of `estimate` and `noisy`, (batch, time) each, of which there is at least one."""
        begin, end = self.place, self.place + estimate.shape[1]
        energies = torch.stack([estimate, noisy - estimate]).square()
        frames = F.pad(energies, (begin, -end % FRAME)).view(2, len(noisy), -1, FRAME).sum(3)
        nothing = torch.zeros_like(frames[..., :1])
        before, under_way, last = self.state or (nothing, nothing, None)
        frames = frames + F.pad(under_way, (0, frames.shape[2] - 1))
        heard = torch.cat([before, frames], 2).cumsum(2)
        shares = self.gate(heard[..., :-1])
        shares = torch.cat([shares[:, :1] if last is None else last, shares], 1)
        done, self.place = end // FRAME, end % FRAME
        after = slice(done, done + 1)
        self.state = heard[..., after], F.pad(frames, (0, 1))[..., after], shares[:, after]
        ramp = torch.arange(1, FRAME + 1, device=shares.device) / FRAME
        return torch.lerp(shares[:, :-1, None], shares[:, 1:, None], ramp).flatten(1)[:, begin:end]
