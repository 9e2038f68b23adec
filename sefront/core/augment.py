"""What backends learn from beside the clips as they are: which augmentation, how much of it, and where it makes sense.

Sources: mixup and copies at other speeds as in Latif et al. 2020, doi:10.21437/Interspeech.2020-3190, section 3; masks
from Park et al. 2019, doi:10.21437/Interspeech.2019-2680.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch

from sefront.core.chain import root_of
from sefront.core.data import Mixtures
from sefront.core.errors import SefrontError
from sefront.core.modes import judging
from sefront.core.types import Phase

LISTENED = 16000  # samples in which any backend makes several frames
MASKS = ("freq_masks", "freq_width", "time_masks", "time_width")


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Augmentation of what backends learn from: ``-o augment.NAME=``. All of it is off by default.

    Args:
        mixup: A of the Beta(A, A) distribution that shares of two clips are drawn from, such as 0.2; 0 mixes nothing.
        speed: Factors, such as 0.9,1.1, at each of which a further copy of every training clip is played.
        specaugment: Whether bands and stretches of a backend's features are hidden.
        freq_masks: Stretches of neighbouring bands that are hidden of a clip.
        freq_width: Most bands of one.
        time_masks: Stretches of time that are hidden of a clip.
        time_width: Most frames of one.
        noise: Probability that a clip that would be heard clean is heard as its mixture.
        crop: Most seconds of a clip, from a random place of it in each epoch; none for whole clips.
    """

    mixup: float = 0.0
    speed: tuple[float, ...] = ()
    specaugment: bool = False
    freq_masks: int = 2
    freq_width: int = 8
    time_masks: int = 2
    time_width: int = 20
    noise: float = 0.0
    crop: float | None = None

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ValueError: A number out of its range, or a size of masks where there are none.
        """
        if not 0 <= self.mixup < math.inf:
            raise ValueError(f"mixup must be at least 0, but is {self.mixup:g}")
        if not all(0.5 <= factor <= 2 and factor != 1 for factor in self.speed):
            raise ValueError(f"speed must hold factors from 0.5 to 2 other than 1, but is {self.speed}")
        if len(set(self.speed)) < len(self.speed):
            raise ValueError(f"speed must hold each factor once, but is {self.speed}")
        sizes = {name: getattr(self, name) for name in MASKS}
        if min(sizes.values()) < 0:
            raise ValueError(f"sizes and numbers of masks must be at least 0, but they are {sizes}")
        usual = {field.name: field.default for field in fields(Augment) if field.name in MASKS}
        if not self.specaugment and sizes != usual:
            changed = ", ".join(name for name in MASKS if sizes[name] != usual[name])
            raise ValueError(f"{changed}: there are no masks without specaugment=true")
        if not 0 <= self.noise <= 1:
            raise ValueError(f"noise is a probability, from 0 to 1, but is {self.noise:g}")
        if self.crop is not None and not 0 < self.crop < math.inf:
            raise ValueError(f"crop must be above 0 s, or none, but is {self.crop:g}")

    @property
    def on(self) -> list[str]:
        """The names of what is augmented with."""
        return [name for name in ("mixup", "speed", "specaugment", "noise", "crop") if getattr(self, name)]

    def check(self, backend: Any, phases: Sequence[tuple[Phase, int]], device: torch.device) -> None:
        """Refuse what would do nothing, or what this backend or one of the phases could not learn from.

        Args:
            backend: Who is to learn; None where there is none.
            phases: What will run, and the clips of each in a step.
            device: Where the backend is.

        Raises:
            SefrontError: Naming the setting, the reason, and what would be right.
        """
        taught = [(phase, size) for phase, size in phases if teaches(phase)]
        if self.on and not taught:
            raise refused(self.on[0], "no phase trains a backend", "leave it out")
        if self.on:
            self.check_backend(backend, device)
        if self.noise and not any(phase.sees == "clean" for phase, _ in taught):
            seen = " or ".join(sorted({phase.sees for phase, _ in taught}))
            raise refused("noise", f"the backend learns from {seen} waves, so noise is in all of them", "leave it out")
        for phase, size in taught if self.mixup else []:
            if phase.single:
                raise refused("mixup", f"phase {phase.name} {phase.single}", "leave one of them out")
            if size < 2:
                why = f"it mixes the clips of a batch, and phase {phase.name} has {size} a step"
                raise refused("mixup", why, "give it --batch-size 2 or more")

    def check_clips(self, sets: Iterable[Mixtures]) -> None:
        """Refuse to hear clips in noise that were recorded in some, with a SefrontError."""
        if self.noise and any(mixtures.recorded for mixtures in sets):
            raise refused("noise", "the clips were recorded in noise, so nothing is mixed into them", "leave it out")

    def check_backend(self, backend: Any, device: torch.device) -> None:
        """Refuse what the task or the build of `backend` does not allow, with a SefrontError."""
        kind, name = getattr(backend, "kind", "classification"), type(backend).__name__
        if self.speed and kind == "trace":
            raise refused("speed", "the frames of a trace belong to the recording as it is", "leave it out")
        if self.crop and kind != "classification":
            raise refused("crop", f"part of a clip does not have its whole {kind}", "leave it out")
        if self.mixup and hasattr(backend, "branches"):
            raise refused("mixup", f"{name} joins several backends, each with features of its own", "name one backend")
        if self.mixup and kind != "classification" and not hasattr(backend, "frames"):
            why = f"each of two mixed clips is taught its own frames, and {name} has no method frames to tell them"
            raise refused("mixup", why, "leave it out")
        if self.specaugment and not (has_features(backend) and has_frames(backend, device)):
            raise refused("specaugment", f"{name} has no features with frames to hide", "leave it out")


def teaches(phase: Phase) -> bool:
    """Whether a backend, or a branch of one, learns in `phase`."""
    return "backend" in map(root_of, phase.learners)


def has_features(backend: Any) -> bool:
    """Whether a backend, or its class, goes from waves to a prediction by way of features."""
    return hasattr(backend, "features") and hasattr(backend, "classify")


def has_frames(backend: Any, device: torch.device) -> bool:
    """Whether the features of a backend follow a clip, (batch, ..., bands, time), and do not describe it as a whole."""
    silence, lengths = torch.zeros(1, LISTENED, device=device), torch.tensor([LISTENED], device=device)
    with judging(backend):
        features, _ = backend.features(silence, lengths)
    return bool(features.dim() > 2 and features.shape[-1] > 1)


def refused(setting: str, reason: str, remedy: str) -> SefrontError:
    """The error about a `setting` of this section."""
    return SefrontError(f"-o augment.{setting}: {reason}; {remedy}")
