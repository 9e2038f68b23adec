"""Iterative optimisation with sample importance: the recogniser's difficulty steers the enhancer.

For each batch of mixtures y with clean parts x and targets t:

    1. the backend g learns from the enhanced waves:  phi <- step on mean_i l_CA(g(sg[f(y_i)]), t_i)
    2. the updated backend says how hard each sample is:  c_i = l_CA(g(sg[f(y_i)]), t_i),  w = weights(c),  sum w = 1
    3. the frontend f learns, hard samples first:  theta <- step on sum_i sg[w_i] l_AE(x_i, f(y_i))

No gradient passes between the parts: the frontend feels the task through the weights alone. Source: Milling et al.
2024, doi:10.1007/s11390-024-2934-x, equations 2 and 3; there the weights are linear and divided by their sum. The
factor 1/N that equation 3 adds on top would only scale the learning rate, and is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from sefront.core.chain import enhance, predict
from sefront.core.modes import judging, learning
from sefront.core.phases import learn_backend, learn_frontend, needs_learner, teach_backend
from sefront.core.protocols import Backend, Frontend
from sefront.core.types import Batch, Enhanced, Phase
from sefront.core.update import Update
from sefront.core.weighting import linear, softmax, uniform


class Iterative:
    """Backend and frontend take turns on every batch; the task loss of a sample is its weight for the frontend.

    Args:
        weights: linear (the paper's), softmax, or uniform, which is plain alternate training.
        temperature: Divides the task losses before the softmax.
        share_forward: One forward pass of the frontend in train mode serves both steps, instead of one in eval mode for
            the backend and another for the frontend: faster, and the same where the frontend has neither BatchNorm nor
            dropout.
        init: warm trains both parts apart first; scratch does not.
    """

    def __init__(
        self,
        *,
        weights: Literal["linear", "softmax", "uniform"] = "linear",
        temperature: float = 1.0,
        share_forward: bool = False,
        init: Literal["warm", "scratch"] = "warm",
    ) -> None:
        if not temperature > 0:
            raise ValueError(f"temperature must be above 0, but is {temperature}")
        self.share_forward, self.init = share_forward, init
        self.weights: Callable[[Tensor, Update], Tensor] = {
            "linear": linear,
            "softmax": lambda losses, update: softmax(losses, update, temperature),
            "uniform": uniform,
        }[weights]

    def phases(self, frontend: Frontend, backend: Backend) -> Sequence[Phase]:
        """Warm start, then one phase in which both take turns."""
        needs_learner("iterative", frontend)

        def step(batch: Batch, update: Update) -> Mapping[str, Tensor]:
            return self.take_turns(frontend, backend, batch, update)

        warm = [learn_frontend(frontend), learn_backend(backend, "clean")] if self.init == "warm" else []
        return [*warm, Phase("joint", ("frontend", "backend"), "enhanced", step, smallest_batch=2)]

    def take_turns(self, frontend: Frontend, backend: Backend, batch: Batch, update: Update) -> Mapping[str, Tensor]:
        """One batch of the algorithm above; a clip left alone in its batch weighs 1, which is the plain loss."""

        def heard() -> Enhanced:
            with learning(frontend):
                return enhance(frontend, batch.noisy, batch.lengths)

        # 1. the backend learns from what the frontend makes of the mixtures, the frontend looking on
        if self.share_forward:
            enhanced = heard()
            loss_backend = teach_backend(backend, enhanced.waves.detach(), batch, update)
        else:
            with judging(frontend):
                waves = enhance(frontend, batch.noisy, batch.lengths).waves
            loss_backend = teach_backend(backend, waves, batch, update)
            enhanced = heard()

        # 2. the updated backend judges each sample
        with judging(backend):
            difficulty = backend.loss(predict(backend, enhanced.waves.detach(), batch.lengths), batch)
            weight = self.weights(difficulty, update)

        # 3. the frontend learns by its own loss, weighted
        with learning(frontend):
            losses = frontend.loss(enhanced, batch)
        loss_weighted = update(losses, "frontend", weights=weight)
        return {
            "loss_backend": loss_backend,
            "loss_frontend": losses.detach().mean(),
            "loss_weighted": loss_weighted,
            "weight_entropy": -update.total(torch.xlogy(weight, weight).sum()),
            "weight_max": update.largest(weight.max()),
        }
