"""What a component must be able to do. Protocols are structural: conform by having the methods, not by inheriting.

Protocols hold methods only, so that ``isinstance`` works; optional attributes are read on the built instance with a
default: `differentiable`, `pads`, `latency`, `recipe`, `adjustable`, `toy`, `kind`, `chain`, `joins`, `least_loss`.

- `kind`, a class attribute, is the kind of task that a backend is made for, classification by default.
- `adjustable` names options that may change after training; by default none of a component with parameters to train,
  and all of any other.
- `least_loss` is the least value that a frontend's loss can have, 0 by default, minus infinity for none.

There are optional methods, too: `fit(waves, lengths)` is shown what a component will learn from, before its first
phase; `frames(lengths)` of a backend that transcribes says how many frames clips of some samples have, so that longer
texts are left out; for `stream()` see `sefront.core.streaming`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol, runtime_checkable

from torch import Tensor

from sefront.core.clips import Card, Clip, MetricCard, Split, Task
from sefront.core.types import Batch, Enhanced, Phase, Prediction


@runtime_checkable
class Frontend(Protocol):
    """Turns noisy waves into enhanced waves. Constructor: ``(sample_rate: int, *, options)``."""

    def forward(self, waves: Tensor, lengths: Tensor) -> Enhanced:
        """Enhance `waves` (batch, time), of which `lengths` (batch,) samples are valid."""
        ...

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """The frontend's own loss per sample, (batch,)."""
        ...


@runtime_checkable
class Backend(Protocol):
    """Turns waves into a prediction. Constructor: ``(task: Task, sample_rate: int, *, options)``."""

    def forward(self, waves: Tensor, lengths: Tensor) -> Prediction:
        """Predict from `waves` (batch, time), of which `lengths` (batch,) samples are valid."""
        ...

    def loss(self, prediction: Prediction, batch: Batch) -> Tensor:
        """The task loss per sample, (batch,), never negative."""
        ...


@runtime_checkable
class Coupling(Protocol):
    """Says how frontend and backend learn from each other. Constructor: ``(*, options)``.

    Optional attributes: `chain`, the parts used at test time in order (default ``("frontend", "backend")``); a part
    that it lacks is not built, and `phases` must not look at it. `joins` is true where the backend has to have
    branches. Optional methods: `state_dict` and `load_state_dict` of what it remembers, which is kept in checkpoints;
    `adopt(state, ids)` of what that of another run remembers, and of the clips to learn from now;
    `finish(frontend, backend, batches)`, which has the last word on the trained backend and returns it.
    """

    def phases(self, frontend: Frontend, backend: Backend) -> Sequence[Phase]:
        """The phases of training, in order."""
        ...


@runtime_checkable
class Corpus(Protocol):
    """Supplies clips. Constructor: ``(root: Path, *, options)``."""

    def role(self) -> Literal["speech", "scene", "noise"]:
        """What its recordings are."""
        ...

    def task(self) -> Task | None:
        """What is labelled; None for unlabelled speech or noise."""
        ...

    def clips(self, split: Split) -> Sequence[Clip]:
        """The clips of one split, in a stable order."""
        ...

    def problems(self) -> list[str]:
        """Missing, unreadable or leaking files, a line each; empty when fit for use."""
        ...

    def card(self) -> Card:
        """Licence, citation, size and where to get it."""
        ...


@runtime_checkable
class Metric(Protocol):
    """A number from truth and estimate. Constructor: ``(*, options)``."""

    def __call__(self, truth: Any, estimate: Any, **facts: Any) -> float:
        """The value; nan where it is not defined. Metrics on waves receive ``sample_rate`` in Hz."""
        ...

    def card(self) -> MetricCard:
        """What it compares and how to read it."""
        ...


@runtime_checkable
class Additive(Metric, Protocol):
    """A metric on transcripts or traces: its value over a set follows from sums, so an interval compares no pair twice.

    Optional: `details(counts, names)`, what a row of a table holds beside the value, from the counts of every clip and
    the labels of the task.
    """

    def counts(self, truth: Any, estimate: Any) -> Any:
        """Numbers of one clip, an array of the same shape for every one."""
        ...

    def value(self, counts: Any) -> float:
        """The value that follows from counts, of one clip or summed over several."""
        ...
