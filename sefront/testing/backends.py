"""The contract of backends, checked on a small task of the kind that they are made for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core.chain import differentiable, pads, predict
from sefront.core.clips import Task
from sefront.core.kinds import EXAMPLES
from sefront.core.modes import judging, learning, mode
from sefront.core.protocols import Backend
from sefront.core.types import Batch, Prediction
from sefront.testing.constructor import built, check_citation, check_constructor, check_rebuild
from sefront.testing.material import LENGTHS, RATE, example, noise, only, silence_and_full_scale
from sefront.testing.modules import (
    CLOSE,
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
    """Check a backend that is built at 16 kHz with `options` for a task of its kind.

    Raises:
        ConformanceError: It breaks the contract.
    """
    check_constructor(component, 2)
    check_citation(component)
    task = task_for(component)
    backend = built(component, task, RATE, options=options)
    check_module(backend, component, Backend)
    batch = example(LENGTHS if pads(backend) else (8000,) * 4, task)
    check_statistics(backend, built(component, task, RATE, options=options), component, batch)

    def behaviour(module: nn.Module) -> Tensor:
        return torch.cat([scores.flatten() for scores in valid_scores(predicted(module, batch))])

    check_shapes(backend, component, batch, task)
    check_labels(component, batch, options, task)
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
    check_state(backend, built(component, task, RATE, options=options, seed=1), component, behaviour)
    check_rebuild(component, task, RATE, options=options, same=lambda a, b: torch.equal(behaviour(a), behaviour(b)))


def task_for(component: type) -> Task:
    """A task of the kind that a backend is made for."""
    kind = getattr(component, "kind", "classification")
    require(kind in EXAMPLES, component, f"is made for '{kind}', which is no kind of task: {', '.join(EXAMPLES)}")
    return EXAMPLES[kind]


def predicted(backend: Any, batch: Batch) -> Prediction:
    """What `backend` says to `batch` in eval mode."""
    with judging(backend):
        return predict(backend, batch.noisy, batch.lengths)


def valid_scores(prediction: Prediction) -> list[Tensor]:
    """The scores of each clip without what padding gave: (classes,), or (frames, symbols or dims)."""
    if prediction.lengths is None:
        return list(prediction.scores)
    return [row[:size] for row, size in zip(prediction.scores, prediction.lengths.tolist(), strict=True)]


def check_shapes(backend: Any, component: type, batch: Batch, task: Task) -> None:
    """Scores are (batch, classes) or (batch, frames, symbols or dims), an embedding (batch, features)."""
    prediction, count = predicted(backend, batch), len(batch.ids)
    require(
        isinstance(prediction, Prediction), component,
        f"returns a {type(prediction).__name__}; a backend returns Prediction",
    )  # fmt: skip
    shape, labels = tuple(prediction.scores.shape), len(task.labels)
    if task.kind == "classification":
        wanted = f"its scores have the shape {shape} for {count} clips and {labels} classes"
        require(shape == (count, labels), component, wanted)
    else:
        fits = len(shape) == 3 and (shape[0], shape[2]) == (count, labels)
        wanted = f"its scores have the shape {shape} for {count} clips; they are (batch, frames, {labels})"
        require(fits, component, wanted)
        check_frames(component, prediction)
    if task.kind == "transcription":
        sums = torch.cat([scores.exp().sum(-1) for scores in valid_scores(prediction)])
        ones = torch.allclose(sums, torch.ones_like(sums), atol=CLOSE)
        require(ones, component, "the probabilities of a frame do not sum to 1; scores are logarithms of them")
    found = None if prediction.embedding is None else tuple(prediction.embedding.shape)
    fits = found is None or (len(found) == 2 and found[0] == count)
    require(fits, component, f"its embedding has the shape {found} for {count} clips; it is (batch, features)")


def check_frames(component: type, prediction: Prediction) -> None:
    """It says how many frames of each clip are valid."""
    lengths, (count, most) = prediction.lengths, prediction.scores.shape[:2]
    fits = lengths is not None and lengths.shape == (count,) and 1 <= int(lengths.min()) <= int(lengths.max()) <= most
    found = None if lengths is None else lengths.tolist()
    require(fits, component, f"its lengths are {found} for {count} clips of up to {most} frames")


def check_labels(component: type, batch: Batch, options: dict[str, Any], task: Task) -> None:
    """It predicts as many classes, symbols or dimensions as the task has."""
    backend = built(component, replace(task, labels=("", *"abcdef")), RATE, options=options)
    count = predicted(backend, batch).scores.shape[-1]
    require(count == 7, component, f"has {count} scores for a task of 7 labels; take their number from the task")


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
    scores = valid_scores(predicted(backend, batch))
    mates = batch.noisy.clone()
    mates[1:] = -0.7 * mates[1:].flip(0)
    other = valid_scores(predicted(backend, replace(batch, noisy=mates)))
    require(
        close(scores[0], other[0]), component,
        f"scores change by {apart(scores[0], other[0])} when the batch mates change; in eval mode none may",
    )  # fmt: skip
    if not pads(backend):
        return
    longer = replace(batch, noisy=F.pad(batch.noisy, (0, 8000)))
    alone, within = (valid_scores(predicted(backend, b))[0] for b in (only(batch, 0), longer))
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
