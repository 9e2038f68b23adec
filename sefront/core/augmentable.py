"""What augmentation a backend, its task and the phases of a coupling allow; the rest is refused before training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch

from sefront.core.augment import Augment
from sefront.core.chain import root_of
from sefront.core.data import Mixtures
from sefront.core.errors import SefrontError
from sefront.core.modes import judging
from sefront.core.types import Phase

LISTENED = 16000  # samples in which any backend makes several frames


def check(augment: Augment, backend: Any, phases: Sequence[tuple[Phase, int]], device: torch.device) -> None:
    """Refuse what would do nothing, or what this backend or one of the phases could not learn from.

    Args:
        augment: What it is to learn from.
        backend: Who is to learn; None where there is none.
        phases: What will run, and the clips of each in a step.
        device: Where the backend is.

    Raises:
        SefrontError: Naming the setting, the reason, and what would be right.
    """
    taught = [(phase, size) for phase, size in phases if teaches(phase)]
    if augment.on and not taught:
        raise refused(augment.on[0], "no phase trains a backend", "leave it out")
    if augment.on:
        check_backend(augment, backend, device)
    if augment.noise and not any(phase.sees == "clean" for phase, _ in taught):
        seen = " or ".join(sorted({phase.sees for phase, _ in taught}))
        raise refused("noise", f"the backend learns from {seen} waves, so noise is in all of them", "leave it out")
    for phase, size in taught if augment.mixup else []:
        if phase.single:
            raise refused("mixup", f"phase {phase.name} {phase.single}", "leave one of them out")
        if size < 2:
            why = f"it mixes the clips of a batch, and phase {phase.name} has {size} a step"
            raise refused("mixup", why, "give it --batch-size 2 or more")


def check_clips(augment: Augment, sets: Iterable[Mixtures]) -> None:
    """Refuse to hear clips in noise that were recorded in some, with a SefrontError."""
    if augment.noise and any(mixtures.recorded for mixtures in sets):
        raise refused("noise", "the clips were recorded in noise, so nothing is mixed into them", "leave it out")


def check_backend(augment: Augment, backend: Any, device: torch.device) -> None:
    """Refuse what the task or the build of `backend` does not allow, with a SefrontError."""
    kind, name = getattr(backend, "kind", "classification"), type(backend).__name__
    if augment.speed and kind == "trace":
        raise refused("speed", "the frames of a trace belong to the recording as it is", "leave it out")
    if augment.crop and kind != "classification":
        raise refused("crop", f"part of a clip does not have its whole {kind}", "leave it out")
    if augment.mixup and hasattr(backend, "branches"):
        raise refused("mixup", f"{name} joins several backends, each with features of its own", "name one backend")
    if augment.mixup and kind != "classification" and not hasattr(backend, "frames"):
        why = f"each of two mixed clips is taught its own frames, and {name} has no method frames to tell them"
        raise refused("mixup", why, "leave it out")
    if augment.specaugment and not (has_features(backend) and has_frames(backend, device)):
        raise refused("specaugment", f"{name} has no features with frames to hide", "leave it out")


def has_features(backend: Any) -> bool:
    """Whether a backend, or its class, goes from waves to a prediction by way of features."""
    return hasattr(backend, "features") and hasattr(backend, "classify")


def teaches(phase: Phase) -> bool:
    """Whether a backend, or a branch of one, learns in `phase`."""
    return "backend" in map(root_of, phase.learners)


def has_frames(backend: Any, device: torch.device) -> bool:
    """Whether the features of a backend follow a clip, (batch, ..., bands, time), and do not describe it as a whole."""
    silence, lengths = torch.zeros(1, LISTENED, device=device), torch.tensor([LISTENED], device=device)
    with judging(backend):
        features, _ = backend.features(silence, lengths)
    return bool(features.dim() > 2 and features.shape[-1] > 1)


def refused(setting: str, reason: str, remedy: str) -> SefrontError:
    """The error about a `setting` of this section."""
    return SefrontError(f"-o augment.{setting}: {reason}; {remedy}")
