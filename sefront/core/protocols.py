"""What a component must be able to do. Protocols are structural: conform by having the methods, not by inheriting.

Protocols hold methods only, so that ``isinstance`` works; optional attributes (`differentiable`, `pads`, `latency`,
`recipe`, `adjustable`, `toy`, `chain`) are read on the built instance with a default. `adjustable` names the
options that may change after training; by default none of a component with parameters to train, and all of any other.
There are optional methods too: `fit(waves, lengths)` is shown what a component will learn from, before its first phase;
for `stream()` see `sefront.core.streaming`.
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

    Optional: the attribute `chain`, the parts used at test time in order (default ``("frontend", "backend")``); a part
    that it lacks is not built, and `phases` must not look at it.
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
