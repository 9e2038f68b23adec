"""The contract of backends, checked on a classification of four classes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core.chain import differentiable, pads, predict
from sefront.core.modes import judging, learning, mode
from sefront.core.protocols import Backend
from sefront.core.types import Batch, Prediction
from sefront.testing.constructor import built, check_citation, check_constructor, check_rebuild
from sefront.testing.material import LENGTHS, RATE, TASK, example, noise, only, silence_and_full_scale
from sefront.testing.modules import (
    apart,
    check_determinism,
    check_gradient,
    check_learning,
    check_losses,
    check_module,
    check_state,
    check_statistics,
    close,
    gradient,
)
from sefront.testing.verdict import require

SIZES = (1, 255, 16001)  # samples


def check_backend(component: type, /, **options: Any) -> None:
    """Check a backend that is built for four classes at 16 kHz with `options`.

    Raises:
        ConformanceError: It breaks the contract.
    """
    check_constructor(component, 2)
    check_citation(component)
    backend = built(component, TASK, RATE, options=options)
    check_module(backend, component, Backend)
    batch = example(LENGTHS if pads(backend) else (8000,) * 4)
    check_statistics(backend, built(component, TASK, RATE, options=options), component, batch)

    def behaviour(module: nn.Module) -> Tensor:
        return predicted(module, batch).scores

    check_shapes(backend, component, batch)
    check_labels(component, batch, options)
    check_waves(backend, component)
    check_clips(backend, component, batch)
    check_loss(backend, component, batch)
    check_wave_gradient(backend, component, batch)
    check_stages(backend, component, batch)
    check_determinism(backend, component, behaviour)

    def losses() -> Tensor:
        with learning(backend):
            return torch.as_tensor(backend.loss(predict(backend, batch.noisy, batch.lengths), batch))

    check_learning(backend, component, "backend", losses)
    check_state(backend, built(component, TASK, RATE, options=options, seed=1), component, behaviour)
    check_rebuild(component, TASK, RATE, options=options, same=lambda a, b: torch.equal(behaviour(a), behaviour(b)))


def predicted(backend: Any, batch: Batch) -> Prediction:
    """What `backend` says to `batch` in eval mode."""
    with judging(backend):
        return predict(backend, batch.noisy, batch.lengths)


def check_shapes(backend: Any, component: type, batch: Batch) -> None:
    """Scores are (batch, classes), an embedding (batch, features)."""
    prediction, count = predicted(backend, batch), len(batch.ids)
    require(
        isinstance(prediction, Prediction), component,
        f"returns a {type(prediction).__name__}; a backend returns Prediction",
    )  # fmt: skip
    require(
        prediction.scores.shape == (count, len(TASK.labels)), component,
        f"its scores have the shape {tuple(prediction.scores.shape)} for {count} clips and {len(TASK.labels)} classes",
    )  # fmt: skip
    shape = None if prediction.embedding is None else tuple(prediction.embedding.shape)
    fits = shape is None or (len(shape) == 2 and shape[0] == count)
    require(fits, component, f"its embedding has the shape {shape} for {count} clips; it is (batch, features)")


def check_labels(component: type, batch: Batch, options: dict[str, Any]) -> None:
    """It predicts as many classes as the task has."""
    backend = built(component, replace(TASK, labels=tuple("abcdefg")), RATE, options=options)
    classes = predicted(backend, batch).scores.shape[-1]
    require(classes == 7, component, f"has {classes} scores for a task of 7 labels; take their number from the task")


def check_waves(backend: Any, component: type) -> None:
    """Any length has scores, and extremes have finite ones."""
    for size in SIZES:
        with judging(backend):
            scores = predict(backend, noise(2, size), torch.tensor([size, size])).scores
        require(bool(scores.isfinite().all()), component, f"its scores are not finite for {size} samples of noise")
    extremes = silence_and_full_scale()
    with judging(backend):
        scores = predict(backend, extremes, torch.full((len(extremes),), extremes.shape[1])).scores
    require(bool(scores.isfinite().all()), component, "its scores are not finite for silence, full scale or a click")


def check_clips(backend: Any, component: type, batch: Batch) -> None:
    """The scores of a clip depend neither on its batch mates nor on its padding."""
    scores = predicted(backend, batch).scores
    mates = batch.noisy.clone()
    mates[1:] = -0.7 * mates[1:].flip(0)
    other = predicted(backend, replace(batch, noisy=mates)).scores
    require(
        close(scores[0], other[0]), component,
        f"scores change by {apart(scores[0], other[0])} when the batch mates change; in eval mode none may",
    )  # fmt: skip
    if not pads(backend):
        return
    longer = replace(batch, noisy=F.pad(batch.noisy, (0, 8000)))
    alone, within = predicted(backend, only(batch, 0)).scores[0], predicted(backend, longer).scores[0]
    require(
        close(alone, within), component,
        f"scores change by {apart(alone, within)} when the clip is padded; mask the padding, or say `pads = False`",
    )  # fmt: skip


def check_loss(backend: Any, component: type, batch: Batch) -> None:
    """Its loss is per sample and never negative, since couplings weigh samples by it."""
    with judging(backend):
        losses = backend.loss(predict(backend, batch.noisy, batch.lengths), batch)
    check_losses(losses, component, len(batch.ids))
    require(
        bool((losses >= 0).all()), component,
        f"its loss is negative ({float(losses.min()):.3g}); couplings use it as a weight, so it must be at least 0",
    )  # fmt: skip


def check_wave_gradient(backend: Any, component: type, batch: Batch) -> None:
    """A frontend before it can learn from the task."""
    if not differentiable(backend):
        return
    waves = batch.noisy.clone().requires_grad_()
    with mode(False, backend):
        losses = backend.loss(predict(backend, waves, batch.lengths), batch)
    check_gradient(gradient(losses, waves), component, "loss")


def check_stages(backend: Any, component: type, batch: Batch) -> None:
    """`features` and `classify`, where it has them, are its forward in two halves."""
    if not (hasattr(backend, "features") and hasattr(backend, "classify")):
        return
    with judging(backend):
        scores = backend.classify(*backend.features(batch.noisy, batch.lengths)).scores
    whole = predicted(backend, batch).scores
    require(
        close(scores, whole), component,
        f"classify(features(waves)) differs from forward(waves) by {apart(scores, whole)}; forward is both in turn",
    )  # fmt: skip
