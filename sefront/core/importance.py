"""How much each sample matters to the frontend: task losses of all processes in, weights of this process' samples out.

    sum:          w_i = weighting(c)_i                       the weights of what is weighed together sum to one
    literal_eq3:  w_i = weighting(c)_i / N                   equation 3 to the letter: N times smaller a step under SGD
    running:      w_i = weighting(c, memory)_i (N + M) / N   M remembered losses; a sample as hard as these weighs 1/N

With the linear weighting, `running` is c_i / (N m), m being the running mean of the task loss. It gives a meaning to
the weight of a sample that is alone in its batch, under every weighting. Source: Milling et al. 2024,
doi:10.1007/s11390-024-2934-x, equations 2 and 3; the memory is this project's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from sefront.core.update import Update
from sefront.core.weighting import Weighting, shares

Normalise = Literal["sum", "literal_eq3", "running"]
REMEMBERED = 64  # losses that a new one is compared with; more would be of models long gone where there are few files
HUGE = 1e30  # no loss counts for more, so that sums stay finite


class Importance:
    """Turns task losses into the weights of samples.

    Args:
        normalise: sum, literal_eq3 or running, as above.
        warmup: Epochs over which weights go from uniform to full: w = (1 - s) / N + s w, s = epoch / warmup.

    Raises:
        ValueError: `warmup` is negative.
    """

    def __init__(self, normalise: Normalise = "sum", warmup: int = 0) -> None:
        if warmup < 0:
            raise ValueError(f"warmup must not be negative, but is {warmup}")
        self.normalise, self.warmup = normalise, warmup
        self.remembered = torch.zeros(0)

    def weigh(
        self, losses: Sequence[Tensor], weighting: Weighting, update: Update
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Weights for batches that are weighed together.

        Args:
            losses: The task losses of this process' share of every batch, (batch,) each.
            weighting: Weights that sum to one, from all losses that are compared.
            update: Who trains together, and the epoch.

        Returns:
            A weight for each of `losses`; and what to log: the entropy and the largest of all processes' weights.
        """
        gathered = [update.gathered(part.detach()) for part in losses]
        everyone = torch.cat([values for values, _ in gathered])
        compared = comparable(everyone, self.remembered)
        weights = self.warmed(weighting(compared, update), update.epoch)[: len(everyone)]
        if self.normalise == "running":
            weights = weights * (len(compared) / len(everyone))
            self.remembered = torch.cat([compared[len(everyone) :], compared[: len(everyone)]])[-REMEMBERED:]
        elif self.normalise == "literal_eq3":
            weights = weights / len(everyone)
        share = shares(weights)
        logged = {"weight_entropy": -torch.xlogy(share, share).sum(), "weight_max": weights.max()}
        batches = torch.split(weights, [len(values) for values, _ in gathered])
        return [batch[own] for batch, (_, own) in zip(batches, gathered, strict=True)], logged

    def warmed(self, weights: Tensor, epoch: int) -> Tensor:
        """`weights` as far as they count in `epoch` (from 0)."""
        if epoch >= self.warmup:
            return weights
        full = epoch / self.warmup
        return (1 - full) / len(weights) + full * weights

    def state_dict(self) -> dict[str, Tensor]:
        """The losses that are remembered, the newest last."""
        return {"remembered": self.remembered.cpu()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Remember what a saved `state` did."""
        self.remembered = state["remembered"]


def comparable(losses: Tensor, remembered: Tensor) -> Tensor:
    """`losses` before those that are `remembered`, none of them negative or not finite.

    A loss that is infinite or not a number counts as the largest of the finite ones, so the sample is among the hardest
    but not alone; where none is finite all count as equal, and so all weights are. A negative loss counts as zero.
    """
    together = torch.cat([losses.float(), remembered.to(losses.device)])
    finite = together.isfinite()
    capped = torch.where(finite, together, 0.0).clamp(0.0, HUGE)
    return torch.where(finite, capped, capped.max())
