"""The phases that couplings share: learn the frontend, learn the backend on clean, noisy or enhanced waves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import cast

import torch
from torch import Tensor

from sefront.core.chain import differentiable, enhance, predict
from sefront.core.errors import SefrontError
from sefront.core.joined import Decision, Joined
from sefront.core.losses import reference
from sefront.core.mixup import is_mixed
from sefront.core.modes import judging, learning, trainable
from sefront.core.protocols import Backend, Frontend
from sefront.core.svm import LinearSVM
from sefront.core.types import Batch, Phase, Prediction, Sees
from sefront.core.update import Update


def learn_frontend(frontend: Frontend) -> Phase:
    """The frontend learns by its own loss, without a backend."""

    def step(batch: Batch, update: Update) -> Mapping[str, Tensor]:
        with learning(frontend):
            losses = frontend.loss(enhance(frontend, batch.noisy, batch.lengths), batch)
        return {"loss_frontend": update(losses, "frontend")}

    return Phase("frontend", ("frontend",), "noisy", step)


def learn_backend(backend: Backend, sees: Sees, frontend: Frontend | None = None) -> Phase:
    """The backend learns the task from clean, noisy or enhanced waves; a frontend on its way only looks on.

    Args:
        backend: Who learns.
        sees: Which waves it is given.
        frontend: What makes the enhanced waves, frozen with its buffers.
    """

    waves = waves_for(sees, frontend)

    def step(batch: Batch, update: Update) -> Mapping[str, Tensor]:
        with learning(backend):
            prediction = predict(backend, waves(batch), batch.lengths)
            losses = backend.loss(prediction, batch)
        return {"loss_backend": update(losses, "backend"), **judged(losses, prediction)}

    return Phase("backend", ("backend",), sees, step)


def judged(losses: Tensor, prediction: Prediction) -> dict[str, Tensor]:
    """The task loss of every sample; of a classifier also the class it answered, and how sure it was, (batch,) each.

    Nothing of mixed clips, whose answers and losses are not those of one.
    """
    if is_mixed(prediction):
        return {}
    known = {"task_loss": losses.detach()}
    if prediction.scores.dim() == 2:
        surest, answer = prediction.scores.detach().float().softmax(-1).max(-1)
        known |= {"answer": answer, "confidence": surest}
    return known


def waves_for(sees: Sees, frontend: Frontend | None) -> Callable[[Batch], Tensor]:
    """What gives a backend its waves (batch, time): clean, noisy, or enhanced by a frontend that only looks on."""

    def waves(batch: Batch) -> Tensor:
        if sees == "clean":
            return reference(batch)
        if sees == "noisy" or frontend is None:
            return batch.noisy
        with judging(frontend):
            return enhance(frontend, batch.noisy, batch.lengths).waves

    return waves


def branches_of(backend: Backend) -> dict[str, Backend]:
    """The branches of a joined backend by name; a backend alone is the only one, called "backend"."""
    return dict(backend.named()) if isinstance(backend, Joined) else {"backend": backend}


def fit_svm(
    backend: Joined, decision: Decision, waves: Callable[[Batch], Tensor], batches: Iterable[Batch], c: float
) -> None:
    """Fit a support vector machine to what `backend` makes of `batches`, and let it decide.

    Args:
        backend: The branches, trained.
        decision: Whether to decide from embeddings side by side ("joined") or from those that were "fused".
        waves: What gives the backend its waves.
        batches: The training clips.
        c: Weight of errors.
    """
    embeddings, targets = [], []
    for batch in batches:
        together = backend.embeddings(waves(batch), batch.lengths)
        embeddings.append(together if decision == "joined" else backend.fused(together))
        targets.append(batch.target)
    svm = cast(LinearSVM, backend.svms[decision])
    svm.fit(torch.cat(embeddings), torch.cat(targets), c)
    backend.decide_by(decision)


def needs_learner(mode: str, frontend: Frontend) -> None:
    """Refuse a frontend that cannot learn in a mode that must train it.

    Raises:
        SefrontError: Naming the modes that would work.
    """
    if not trainable(frontend):
        raise SefrontError(
            f"{mode} trains the frontend, but {type(frontend).__name__} has nothing to train; "
            "it works with cold_cascade and frozen, and with frontend_only, which then only judges it"
        )


def needs_gradients(mode: str, *parts: object) -> None:
    """Refuse parts that pass no gradient on in a mode that sends one through them.

    Raises:
        SefrontError: Naming the modes that would work.
    """
    for part in parts:
        if not differentiable(part):
            raise SefrontError(
                f"{mode} sends gradients through {type(part).__name__}, which is not differentiable; "
                "it works with cold_cascade, frozen and iterative"
            )
