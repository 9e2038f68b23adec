"""The phases that couplings share: learn the frontend, learn the backend on clean, noisy or enhanced waves."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from sefront.core.chain import differentiable, enhance, predict
from sefront.core.errors import SefrontError
from sefront.core.losses import reference
from sefront.core.modes import judging, learning, trainable
from sefront.core.protocols import Backend, Frontend
from sefront.core.types import Batch, Phase, Sees
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

    def waves(batch: Batch) -> Tensor:
        if sees == "clean":
            return reference(batch)
        if sees == "noisy" or frontend is None:
            return batch.noisy
        with judging(frontend):
            return enhance(frontend, batch.noisy, batch.lengths).waves

    def step(batch: Batch, update: Update) -> Mapping[str, Tensor]:
        return {"loss_backend": teach_backend(backend, waves(batch), batch, update)}

    return Phase("backend", ("backend",), sees, step)


def teach_backend(backend: Backend, waves: Tensor, batch: Batch, update: Update) -> Tensor:
    """One step of the backend on `waves` (batch, time); returns its mean loss, detached."""
    with learning(backend):
        losses = backend.loss(predict(backend, waves, batch.lengths), batch)
    return update(losses, "backend")


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
