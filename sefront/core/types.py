"""What passes between frontends, backends and couplings."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

if TYPE_CHECKING:
    from sefront.core.update import Update

Sees = Literal["clean", "noisy", "enhanced"]


@dataclass(frozen=True)
class Batch:
    """The same clips noisy and clean; the noise is ``noisy - clean``, exactly.

    Args:
        noisy: Mixtures, (batch, time) float32 in [-1, 1], zero beyond `lengths`.
        clean: What must survive, (batch, time); None where a recording has no clean reference.
        lengths: Samples before padding, (batch,) int64.
        target: Class ids (batch,), symbol ids (batch, symbols) or traces (batch, frames, dims).
        target_lengths: Valid symbols or frames, (batch,); ones for class ids.
        ids: Stable names, so that a coupling can remember a sample.
        snr: Signal-to-noise ratio in dB, (batch,); inf where clean, nan where recorded.
    """

    noisy: Tensor
    clean: Tensor | None
    lengths: Tensor
    target: Tensor
    target_lengths: Tensor
    ids: tuple[str, ...]
    snr: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same batch on `device`."""
        if self.noisy.device == device:
            return self
        moved: dict[str, Any] = {
            k: v.to(device, non_blocking=True) for k, v in vars(self).items() if isinstance(v, Tensor)
        }
        return replace(self, **moved)


@dataclass(frozen=True)
class Enhanced:
    """What a frontend returns.

    Args:
        waves: Enhanced audio, (batch, time): same length as the input, zero beyond the valid samples.
        extras: Masks and intermediate targets that this frontend's own loss needs.
    """

    waves: Tensor
    extras: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Prediction:
    """What a backend returns.

    Args:
        scores: Logits (batch, classes), log-probabilities (batch, frames, symbols) or traces (batch, frames, dims).
        lengths: Valid frames, (batch,); None for classification.
        embedding: Features for fusion, (batch, features).
        extras: What this backend's own loss needs beside the scores.
    """

    scores: Tensor
    lengths: Tensor | None = None
    embedding: Tensor | None = None
    extras: Mapping[str, Tensor] = field(default_factory=dict)


def everything() -> Container[str] | None:
    """The `keep` of a phase that trains on all clips."""
    return None


def nothing(update: Update) -> Mapping[str, Tensor]:
    """The `close` of a phase that leaves nothing for the end of an epoch."""
    return {}


@dataclass(frozen=True)
class Phase:
    """A stretch of training in which the same parts learn from the same signal.

    Args:
        name: Short name: the key of ``-o epochs.NAME``.
        learners: Who learns: "frontend", "backend", "backend.BRANCH" or "coupling".
        sees: Which waves the learners get, and which development scores are computed on.
        step: One training step; returns what to log, detached.
        keep: Ids to train on, asked when the phase starts; None means all.
        epochs: Upper bound of its own; None means the experiment's.
        smallest_batch: Fewest clips a step, for one that compares them; less is refused before training.
        instead: What else would do where there are fewer, such as an option.
        close: What is left to do after the last batch of an epoch; returns what to log, as `step` does.
        probe: What to log of one batch after every epoch, the same batch each time; it changes nothing.
        replaceable: Whether a part that arrives trained does without it, if it is a frontend's own or on clean waves.
        left_out: Why it does not run; empty for one that does.
        single: Why losses and answers have to be those of one clip each, so that mixup is refused; else empty.
    """

    name: str
    learners: tuple[str, ...]
    sees: Sees
    step: Callable[[Batch, Update], Mapping[str, Tensor]]
    keep: Callable[[], Container[str] | None] = everything
    epochs: int | None = None
    smallest_batch: int = 1
    instead: str = ""
    close: Callable[[Update], Mapping[str, Tensor]] = nothing
    probe: Callable[[Batch, Update], Mapping[str, Tensor]] | None = None
    replaceable: bool = True
    left_out: str = ""
    single: str = ""

    @property
    def needs_clean(self) -> bool:
        """Whether it learns from the clean part of its clips: from clean waves, or by a frontend's own loss."""
        return self.sees == "clean" or "frontend" in self.learners
