"""ISPP: a gain from an improved speech presence probability, for which a network's mask supplies the a-priori part.

IMCRA and OM-LSA (`core/imcra.py`, `core/presence.py`) on the noisy spectrum, with the network's mask of powers M in
place of a share rho of IMCRA's own a-priori absence q of speech, exactly 0 and 1 included:

    q_ISPP = 1 - (rho M + (1 - rho) (1 - q)),  from it p, L = 1.47^(1-rho) A and G_H1,  G = G_H1^p G_min^(1-p)

1.47 corrects a bias of minima that a mask does not have: it is whole at rho = 0, gone at rho = 1, and a geometric mean
between. The gain and the mask are then combined with the weight delta:

    power      |X|^2 = (delta M + (1 - delta) G^2) |Y|^2
    amplitude  |X| = (delta sqrt(M) + (1 - delta) G) |Y|
    literal    |X| = (delta M + (1 - delta) G) |Y|, equation 3 of the paper as it stands, though M is a ratio of powers

Source: Zhou et al. 2020, section 2.3 and equation 3. The recursion behind the gain is not printed there; it is put
together from Cohen 2003, doi:10.1109/TSA.2003.811544, and from what Tu et al. 2019, doi:10.1109/TASLP.2019.2940662, say
of theirs in the abstract.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from sefront.core.imcra import State, track
from sefront.core.noise_floor import whole
from sefront.core.presence import suppression
from sefront.core.signal import amplitude

Domain = Literal["power", "amplitude", "literal"]


@torch.no_grad()
def gain(
    power: Tensor, mask: Tensor, interval: float, state: State | None = None, *, rho: float = 1.0
) -> tuple[Tensor, State]:
    """The gain G of amplitudes in the next frames of a recording, (batch, bins, frames), and what to remember.

    Args:
        power: Noisy power |Y|^2, (batch, bins, frames), of the frames that `Stft` makes from waves in [-1, 1].
        mask: The network's mask of powers M, of the same shape, 0 to 1.
        interval: Seconds between frames.
        state: What the previous call returned; None at the beginning of the recording.
        rho: Share of the mask in the a-priori presence of speech, 0 to 1; the rest is IMCRA's.
    """
    estimate, state = track(whole(power) if state is None else power, interval, state, mask=mask, rho=rho)
    return suppression(estimate), state


def combined(mask: Tensor, gain: Tensor, delta: float = 0.5, domain: Domain = "power") -> Tensor:
    """The gain of amplitudes that joins the `mask` of powers, with the weight `delta`, and the `gain` of amplitudes.

    All are (batch, bins, frames). A `delta` of 1 leaves the mask, which all but the literal domain decode by
    `amplitude`; a `delta` of 0 leaves the gain.
    """
    if domain == "power":
        return amplitude(delta * mask + (1 - delta) * gain.square())
    return delta * (amplitude(mask) if domain == "amplitude" else mask) + (1 - delta) * gain
