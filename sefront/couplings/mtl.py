"""Multi-task learning: one loss for both, the task's gradient flowing through the frontend.

    x_hat = f(y);   L = lambda_AE mean_i l_AE,i + lambda_CA mean_i l_CA(g(x_hat_i), t_i)

The enhancement loss is taken between the two parts, so it moves only the frontend; the task loss moves both. With
``lambda_CA = 0`` the frontend's gradients are bit-equal to enhancement alone. Source: Milling et al. 2024,
doi:10.1007/s11390-024-2934-x, equation 1, where both weights are one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from torch import Tensor

from sefront.core.chain import enhance, predict
from sefront.core.modes import learning
from sefront.core.phases import learn_backend, learn_frontend, needs_gradients, needs_learner
from sefront.core.protocols import Backend, Frontend
from sefront.core.types import Batch, Phase
from sefront.core.update import Update


class MTL:
    """Frontend and backend learn together from the sum of their losses.

    Args:
        lambda_frontend: Weight of the enhancement loss.
        lambda_backend: Weight of the task loss.
        init: warm trains both parts apart first; scratch does not.
    """

    def __init__(
        self, *, lambda_frontend: float = 1.0, lambda_backend: float = 1.0, init: Literal["warm", "scratch"] = "warm"
    ) -> None:
        if min(lambda_frontend, lambda_backend) < 0 or lambda_frontend + lambda_backend == 0:
            raise ValueError("lambda_frontend and lambda_backend must not be negative, nor both zero")
        self.lambda_frontend, self.lambda_backend, self.init = lambda_frontend, lambda_backend, init

    def phases(self, frontend: Frontend, backend: Backend) -> Sequence[Phase]:
        """Warm start, then one phase in which both learn."""
        needs_learner("mtl", frontend)
        needs_gradients("mtl", frontend, backend)

        def step(batch: Batch, update: Update) -> Mapping[str, Tensor]:
            with learning(frontend, backend):
                enhanced = enhance(frontend, batch.noisy, batch.lengths)
                enhancement = frontend.loss(enhanced, batch)
                task = backend.loss(predict(backend, enhanced.waves, batch.lengths), batch)
            losses = self.lambda_frontend * enhancement + self.lambda_backend * task
            total = update(losses, "frontend", "backend")
            return {"loss": total, "loss_frontend": enhancement.detach().mean(), "loss_backend": task.detach().mean()}

        warm = [learn_frontend(frontend), learn_backend(backend, "clean")] if self.init == "warm" else []
        return [*warm, Phase("joint", ("frontend", "backend"), "enhanced", step)]
