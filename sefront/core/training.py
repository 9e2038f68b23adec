"""How long training lasts, and how far it has come."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sefront.core.errors import SefrontError
from sefront.core.recipe import Recipe
from sefront.core.scoring import Score
from sefront.core.types import Phase


@dataclass(frozen=True, kw_only=True)
class Training:
    """Lengths and rhythm of training: ``-o training.NAME=``.

    Args:
        patience: Epochs without a better development score before a phase ends.
        valid_snr: SNRs in dB of the development grid, each of them once.
        seconds: Longest part of a clip, drawn anew each epoch, that a frontend learns from in a phase of its own; none
            for whole clips. Other phases always use whole clips.
        workers: Processes that read audio; with 0 a thread reads one batch ahead.
    """

    patience: int = 10
    valid_snr: tuple[float, ...] = (20.0, 10.0, 0.0)
    seconds: float | None = 2.0
    workers: int = 0

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ValueError: A number out of its range.
        """
        if self.patience < 1 or self.workers < 0 or not self.valid_snr:
            raise ValueError(
                "patience must be at least 1, workers at least 0 and valid_snr not empty, "
                f"but they are {self.patience}, {self.workers} and {self.valid_snr}"
            )
        if not all(map(math.isfinite, self.valid_snr)) or len(set(self.valid_snr)) < len(self.valid_snr):
            raise ValueError(f"valid_snr must hold numbers in dB, each of them once, but is {self.valid_snr}")
        if self.seconds is not None and not self.seconds > 0:
            raise ValueError(f"seconds must be above 0, or none, but is {self.seconds}")


@dataclass(frozen=True)
class Lengths:
    """Epochs and batch sizes that were asked for.

    Args:
        epochs: Most epochs of a phase.
        by_phase: Most epochs of single phases by name.
        batch_size: Clips a step; None leaves it to the learners' recipes.
    """

    epochs: int = 100
    by_phase: Mapping[str, int] = field(default_factory=dict)
    batch_size: int | None = None

    def of(self, phase: Phase) -> int:
        """Most epochs of `phase`: what is said of it by name, else by itself, else of all."""
        return self.by_phase.get(phase.name, phase.epochs or self.epochs)

    def clips(self, phase: Phase, recipes: Mapping[str, Recipe], owner: str) -> int:
        """Clips a step of `phase`: what was asked for, else what the recipe of the first of its learners says.

        Raises:
            SefrontError: They are fewer than the phase, one of the coupling `owner`, can learn from.
        """
        size = self.batch_size or next(iter(recipes.values()), Recipe()).batch_size
        if size < (least := phase.smallest_batch):
            instead = phase.instead and f", or {phase.instead}"
            raise SefrontError(
                f"phase {phase.name} of {owner} compares the clips of a batch, so it needs at least {least} a step, "
                f"not {size}; give it --batch-size {least} or more{instead}"
            )
        return size


@dataclass
class Standing:
    """How far training has come: all that resuming needs beside weights and optimiser states.

    Args:
        phase: Number of the phase, from 0.
        epoch: Epochs of it that are done.
        waited: Epochs since its best one.
        best: Its best development score.
        records: Lines of the log so far.
    """

    phase: int = 0
    epoch: int = 0
    waited: int = 0
    best: Score | None = None
    records: int = 0

    def next_phase(self) -> Standing:
        """The beginning of the following phase."""
        return Standing(phase=self.phase + 1, records=self.records)

    def as_dict(self) -> dict[str, Any]:
        """Numbers only."""
        return asdict(self)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Standing:
        """The inverse of `as_dict`."""
        return cls(**{**values, "best": Score(**values["best"]) if values["best"] else None})

    def scored(self, score: Score) -> bool:
        """Count an epoch that scored `score`; whether it is the best so far. Any score is better than nan."""
        better = self.best is None or math.isnan(self.best.value) or score > self.best
        self.best = score if better else self.best
        self.waited = 0 if better else self.waited + 1
        self.epoch += 1
        self.records += 1
        return better
