"""The contract of frontends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core.chain import differentiable, enhance, pads
from sefront.core.modes import judging, learning, mode
from sefront.core.protocols import Frontend
from sefront.core.streaming import Streaming
from sefront.core.types import Batch, Enhanced
from sefront.testing.constructor import built, check_citation, check_constructor, check_rebuild
from sefront.testing.material import LENGTHS, RATE, example, harmonics, noise, only, silence_and_full_scale
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
BLOCK = 997  # samples that arrive at once


def check_frontend(component: type, /, **options: Any) -> None:
    """Check a frontend that is built at 16 kHz with `options`.

    Raises:
        ConformanceError: It breaks the contract.
    """
    check_constructor(component, 1)
    check_citation(component)
    frontend = built(component, RATE, options=options)
    check_module(frontend, component, Frontend)
    batch = example(LENGTHS if pads(frontend) else (8000,) * 4)
    check_statistics(frontend, built(component, RATE, options=options), component, batch)

    def behaviour(module: nn.Module) -> Tensor:
        return enhanced(module, batch).waves

    check_waves(frontend, component)
    check_clips(frontend, component, batch)
    check_stream(frontend, component)
    check_input_gradient(frontend, component, batch)
    check_loss(frontend, component, batch)
    check_determinism(frontend, component, behaviour)

    def losses() -> Tensor:
        with learning(frontend):
            return torch.as_tensor(frontend.loss(enhance(frontend, batch.noisy, batch.lengths), batch))

    check_learning(frontend, component, "frontend", losses)
    check_state(frontend, built(component, RATE, options=options, seed=1), component, behaviour)
    check_rebuild(component, RATE, options=options, same=lambda a, b: torch.equal(behaviour(a), behaviour(b)))


def enhanced(frontend: Any, batch: Batch) -> Enhanced:
    """What `frontend` makes of `batch` in eval mode."""
    with judging(frontend):
        return enhance(frontend, batch.noisy, batch.lengths)


def check_waves(frontend: Any, component: type) -> None:
    """Any length comes back as it went in, and extremes stay finite."""
    for size in SIZES:
        waves = noise(2, size)
        with judging(frontend):
            out = enhance(frontend, waves, torch.tensor([size, size]))
        require(isinstance(out, Enhanced), component, f"returns a {type(out).__name__}; a frontend returns Enhanced")
        require(
            out.waves.shape == waves.shape, component,
            f"makes waves of shape {tuple(out.waves.shape)} from {tuple(waves.shape)}; a frontend keeps the length",
        )  # fmt: skip
        require(bool(out.waves.isfinite().all()), component, f"its waves are not finite for {size} samples of noise")
    extremes = silence_and_full_scale()
    with judging(frontend):
        loud = enhance(frontend, extremes, torch.full((len(extremes),), extremes.shape[1])).waves
    require(
        bool(loud.isfinite().all()), component, "its waves are not finite for silence, a full-scale wave or a click"
    )


def check_clips(frontend: Any, component: type, batch: Batch) -> None:
    """A clip sees neither its batch mates nor its padding, and stays silent beyond its end."""
    out = enhanced(frontend, batch).waves
    mates = batch.noisy.clone()
    mates[1:] = -0.7 * mates[1:].flip(0)
    other = enhanced(frontend, replace(batch, noisy=mates)).waves
    size = int(batch.lengths[0])
    require(
        close(out[0, :size], other[0, :size]), component,
        f"a clip changes by {apart(out[0], other[0])} when its batch mates change; in eval mode clips are independent",
    )  # fmt: skip
    if not pads(frontend):
        return
    beyond = [float(out[row, int(n) :].abs().sum()) for row, n in enumerate(batch.lengths)]
    require(not any(beyond), component, "its waves are not zero beyond `lengths`; mask them")
    longer = replace(batch, noisy=F.pad(batch.noisy, (0, 8000)))
    alone, within = enhanced(frontend, only(batch, 0)).waves[0], enhanced(frontend, longer).waves[0, :size]
    require(
        close(alone, within), component,
        f"a clip changes by {apart(alone, within)} when it is padded; mask the padding, or say `pads = False`",
    )  # fmt: skip


def check_stream(frontend: Any, component: type) -> None:
    """What it puts out while the audio arrives is what it makes of the whole, and as soon as it says."""
    if getattr(frontend, "latency", None) is None:
        return
    require(
        isinstance(frontend, Streaming), component,
        "states a latency but has no method `stream`; add one, or let `latency` be None",
    )  # fmt: skip
    for size in SIZES:
        waves = torch.stack([harmonics(size, 1), harmonics(size, 2)]) + noise(2, size)
        with judging(frontend):
            whole = enhance(frontend, waves, torch.tensor([size, size])).waves
            stream, parts = frontend.stream(), []
            for number, block in enumerate(torch.split(waves, BLOCK, 1), 1):
                parts.append(stream.push(block))
                lag = min(size, number * BLOCK) - sum(part.shape[1] for part in parts)
                require(
                    lag <= frontend.latency, component,
                    f"its stream is {lag} samples behind; its latency is said to be {frontend.latency}",
                )  # fmt: skip
            out = torch.cat([*parts, stream.finish()], 1)
        require(
            close(out, whole), component,
            f"its stream differs by {apart(out, whole)} from what it makes of the whole recording",
        )  # fmt: skip


def check_input_gradient(frontend: Any, component: type, batch: Batch) -> None:
    """A task's gradient can pass through it."""
    if not differentiable(frontend):
        return
    waves = batch.noisy.clone().requires_grad_()
    with mode(False, frontend):
        out = enhance(frontend, waves, batch.lengths).waves
    check_gradient(gradient(out.square(), waves), component, "enhanced waves")


def check_loss(frontend: Any, component: type, batch: Batch) -> None:
    """Its loss is per sample, finite on silence too, and the same for a clip alone."""
    with judging(frontend):
        losses = frontend.loss(enhance(frontend, batch.noisy, batch.lengths), batch)
        check_losses(losses, component, len(batch.ids))
        silent = replace(batch, noisy=torch.zeros_like(batch.noisy), clean=torch.zeros_like(batch.noisy))
        check_losses(frontend.loss(enhanced(frontend, silent), silent), component, len(batch.ids))
        single = only(batch, 0)
        alone = frontend.loss(enhanced(frontend, single), single)
    require(
        close(losses[:1], alone), component,
        f"the loss of a clip changes by {apart(losses[:1], alone)} with padding and batch mates; count valid samples",
    )  # fmt: skip
