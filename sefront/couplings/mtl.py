"""Multi-task learning: one loss for both, the task's gradient flowing through the frontend.

    x_hat = f(y);   L = lambda_AE mean_i l_AE,i + lambda_CA mean_i l_CA(g(x_hat_i), t_i)

The enhancement loss is taken between the two parts, so it moves only the frontend; the task loss moves both. With
``lambda_CA = 0`` the frontend's gradients are bit-equal to enhancement alone. Source: Milling et al. 2024,
doi:10.1007/s11390-024-2934-x, equation 1, where both weights are one.

The two gradients on the frontend may differ in size and pull it apart; `balance` says how they are added there, see
`sefront.core.balance`, and `warmup` lets the task's grow. The backend's gradient is that of the sum in any case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from sefront.core.balance import (
    Balance,
    Factors,
    Uncertainty,
    above_least,
    gradient,
    needs_least,
    passed,
    pcgrad,
    remedy,
)
from sefront.core.chain import enhance, predict
from sefront.core.conflict import conflict
from sefront.core.modes import learning
from sefront.core.phases import judged, learn_backend, learn_frontend, needs_gradients, needs_learner
from sefront.core.protocols import Backend, Frontend
from sefront.core.recipe import Recipe
from sefront.core.types import Batch, Phase
from sefront.core.update import Update


class MTL(nn.Module):
    """Frontend and backend learn together from the sum of their losses.

    Args:
        lambda_frontend: Weight of the enhancement loss.
        lambda_backend: Weight of the task loss.
        balance: How the frontend's gradients of both weighted losses are added: sum (the paper's); uncertainty, with
            learnt weights that start at one; gradient, the task's scaled to lambda_backend / lambda_frontend times the
            norm of the other; pcgrad, without what is in conflict; remedy, the enhancement's turned towards the
            task's and kept from dominating. All but sum and uncertainty cost a second pass back through the frontend.
        warmup: Epochs over which the task's share of the frontend's gradient goes from nothing to lambda_backend; for
            the balance sum, since the others find shares of their own.
        init: warm trains both parts apart first; scratch does not.
    """

    def __init__(
        self,
        *,
        lambda_frontend: float = 1.0,
        lambda_backend: float = 1.0,
        balance: Balance = "sum",
        warmup: int = 0,
        init: Literal["warm", "scratch"] = "warm",
    ) -> None:
        super().__init__()
        if min(lambda_frontend, lambda_backend) < 0 or lambda_frontend + lambda_backend == 0:
            raise ValueError("lambda_frontend and lambda_backend must not be negative, nor both zero")
        if balance == "uncertainty" and 0 in (lambda_frontend, lambda_backend):
            raise ValueError("balance 'uncertainty' learns the weights of two losses: no lambda may be zero")
        if warmup < 0 or (warmup and balance != "sum"):
            raise ValueError(
                f"warmup must be at least 0, and 0 with any balance but 'sum'; it is {warmup} with '{balance}'"
            )
        self.lambda_frontend, self.lambda_backend, self.init = lambda_frontend, lambda_backend, init
        self.warmup = warmup
        self.uncertainty = Uncertainty() if balance == "uncertainty" else None
        ratio = lambda_backend / lambda_frontend if lambda_frontend else 1.0
        surgery: Mapping[Balance, Factors] = {
            "gradient": partial(gradient, ratio=ratio), "pcgrad": pcgrad, "remedy": remedy,
        }  # fmt: skip
        self.factors = surgery.get(balance)
        self.recipe = Recipe(lr=1e-2)  # of the learnt weights, which have a few hundred steps to get there

    def phases(self, frontend: Frontend, backend: Backend) -> Sequence[Phase]:
        """Warm start, then one phase in which both learn."""
        needs_learner("mtl", frontend)
        needs_gradients("mtl", frontend, backend)
        if self.uncertainty is not None:
            needs_least(frontend)

        def step(batch: Batch, update: Update) -> Mapping[str, Tensor]:
            return self.both_learn(frontend, backend, batch, update)

        warm = [learn_frontend(frontend), learn_backend(backend, "clean")] if self.init == "warm" else []
        learners = ("frontend", "backend") if self.uncertainty is None else ("frontend", "backend", "coupling")
        return [*warm, Phase("joint", learners, "enhanced", step, probe=conflict(frontend, backend))]

    def both_learn(self, frontend: Frontend, backend: Backend, batch: Batch, update: Update) -> Mapping[str, Tensor]:
        """One step of both, and of the learnt weights."""
        with learning(frontend, backend):
            enhanced = enhance(frontend, batch.noisy, batch.lengths)
            own = frontend.loss(enhanced, batch)
            share = self.share(update.epoch)
            waves = enhanced.waves if share is None else passed(enhanced.waves, share)
            prediction = predict(backend, waves, batch.lengths)
            loss = backend.loss(prediction, batch)
        enhancement, task = self.lambda_frontend * own, self.lambda_backend * loss
        logged = {"loss_frontend": update.average(own), "loss_backend": update.average(loss)}
        logged |= judged(loss, prediction)
        if self.factors is not None:
            total, weights = update.balanced(enhancement, task, "backend", shared="frontend", factors=self.factors)
        elif self.uncertainty is not None:
            weights = self.uncertainty.weights()
            counted = self.lambda_frontend * above_least(own, frontend)
            total = update(self.uncertainty(counted, task), "frontend", "backend", "coupling")
        else:
            warming = {} if share is None else {"weight_task": share}
            return {"loss": update(enhancement + task, "frontend", "backend"), **logged, **warming}
        return {"loss": total, **logged, "weight_enhancement": weights[0], "weight_task": weights[1]}

    def share(self, epoch: int) -> Tensor | None:
        """What the task's gradient on the frontend is multiplied by in `epoch` (from 0), if at all."""
        if self.uncertainty is not None:
            return self.uncertainty.weights()[1]
        return torch.tensor(epoch / self.warmup) if epoch < self.warmup else None
