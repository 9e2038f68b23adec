"""Whether enhancement and task pull a frontend apart: the angle between their gradients.

    a = grad_theta mean_i l_AE,i,   b = grad_theta mean_i l_CA(g(f_theta(y_i)), t_i),   cosine = <a, b> / (|a| |b|)

Below zero, a step that helps one hurts the other. Source: Yu et al. 2020, arXiv:2001.06782, definition 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from sefront.core.balance import products
from sefront.core.chain import differentiable, enhance, predict
from sefront.core.modes import passing, trainable
from sefront.core.protocols import Backend, Frontend
from sefront.core.types import Batch
from sefront.core.update import Update

Probe = Callable[[Batch, Update], Mapping[str, Tensor]]


def conflict(frontend: Frontend, backend: Backend) -> Probe | None:
    """The probe of a phase in which both learn; None where no gradient of the task could reach the frontend.

    It logs `cosine` and the norms of both gradients, `norm_enhancement` and `norm_task`, over all processes; nothing if
    a part passes no gradient after all. Both are in eval mode, so that neither dropout nor the statistics of the batch
    have a say, and nothing of them changes.
    """
    if not (differentiable(frontend) and differentiable(backend)):
        return None

    def probe(batch: Batch, update: Update) -> Mapping[str, Tensor]:
        parameters = trainable(frontend)
        with passing(frontend, backend):
            heard = felt(frontend, backend, batch, update)
            enhanced = enhance(frontend, batch.noisy, batch.lengths)
            loss = update.mean(frontend.loss(enhanced, batch))
        if heard is None or not enhanced.waves.requires_grad:
            return {}
        with torch.autocast(loss.device.type, enabled=False):
            own = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
            task = torch.autograd.grad(enhanced.waves, parameters, heard, allow_unused=True)
        aa, bb, ab = products(*([update.total(flat(parameters, found))] for found in (own, task)))
        return {"cosine": ab / (aa * bb).sqrt(), "norm_enhancement": aa.sqrt(), "norm_task": bb.sqrt()}

    return probe


def felt(frontend: Frontend, backend: Backend, batch: Batch, update: Update) -> Tensor | None:
    """The gradient (batch, time) of the task loss on the enhanced waves, or None where it does not depend on them.

    The frontend's graph is not there meanwhile, so a probe needs no more memory than a step of each part alone.
    """
    with torch.no_grad():
        waves = enhance(frontend, batch.noisy, batch.lengths).waves
    waves = waves.detach().requires_grad_()
    loss = update.mean(backend.loss(predict(backend, waves, batch.lengths), batch))
    with torch.autocast(loss.device.type, enabled=False):
        return torch.autograd.grad(loss, waves, allow_unused=True)[0] if loss.requires_grad else None


def flat(parameters: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> Tensor:
    """All gradients as one vector, zeros for parameters that have none."""
    pairs = zip(parameters, gradients, strict=True)
    return torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for p, g in pairs])
