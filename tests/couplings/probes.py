"""Pairs to couple, an update that remembers, and mixtures without files; shared by the tests of couplings and core."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sefront.core.checkpoint import Weights, weights_of
from sefront.core.clips import Clip, Task
from sefront.core.coupler import Material
from sefront.core.data import Mixtures, Reader
from sefront.core.errors import DamagedAudioError
from sefront.core.randomness import derive, seeded
from sefront.core.recipe import Recipe
from sefront.core.update import Update
from sefront.testing.by_hand import Gain, Slope, batch_of
from sefront.testing.probes import ProbeBackend, ProbeFrontend

__all__ = [
    "RATE", "SGD", "TASK", "Call", "Detached", "Gain", "Slope", "Tone", "Tones", "Watched", "batch_of", "gradients_of",
    "material", "pair", "plain_pair", "same", "same_dropout",
]  # fmt: skip

RATE = 1000  # Hz
TASK = Task("classification", ("low", "high"), "uar")
SGD = Recipe(algorithm="sgd", lr=0.1, batch_size=4)


class Detached(ProbeFrontend):
    """A frontend that can learn but passes no gradient on."""

    differentiable = False


def pair(seed: int = 0, **options: Any) -> tuple[ProbeFrontend, ProbeBackend]:
    """A frontend and a backend with BatchNorm and dropout, initialised from seeds of their own."""
    with seeded(seed, "frontend"):
        frontend = ProbeFrontend(RATE, **options)
    with seeded(seed, "backend"):
        backend = ProbeBackend(TASK, RATE, **options)
    return frontend, backend


def plain_pair() -> tuple[ProbeFrontend, ProbeBackend]:
    """The same without BatchNorm and dropout."""
    return pair(dropout=0.0, normalise=False)


@dataclass(frozen=True)
class Call:
    """One call of an update: what it was given, and what it left behind."""

    losses: Tensor
    learners: tuple[str, ...]
    weights: Tensor | None
    loss: float
    gradients: dict[str, dict[str, Tensor | None]]  # of the summed losses, on every part
    moved_by: dict[str, dict[str, Tensor]]  # the gradients that the learners' optimisers saw
    states: dict[str, Weights]  # afterwards
    left: list[str]  # parameters that still hold a gradient afterwards


class Watched(Update):
    """An update that remembers its calls."""

    def __init__(self, parts: Mapping[str, nn.Module], recipe: Recipe = SGD) -> None:
        super().__init__(parts, dict.fromkeys(parts, recipe))
        self.parts, self.calls = parts, list[Call]()
        self._seen: dict[str, dict[str, Tensor]] = {}
        for name, learner in self.learners.items():
            learner.optimiser.register_step_pre_hook(self._remember(name))

    def _remember(self, name: str) -> Any:
        def hook(*_: Any) -> None:
            named = self.parts[name].named_parameters()
            self._seen[name] = {k: p.grad.clone() for k, p in named if p.grad is not None}

        return hook

    def __call__(self, losses: Tensor, *learners: str, weights: Tensor | None = None, more: bool = False) -> Tensor:
        gradients = {name: gradients_of(losses, part) for name, part in self.parts.items()}
        self._seen = {}
        loss = super().__call__(losses, *learners, weights=weights, more=more)
        states = {name: weights_of(part) for name, part in self.parts.items()}
        left = [k for part in self.parts.values() for k, p in part.named_parameters() if p.grad is not None]
        self.calls.append(
            Call(losses.detach(), learners, weights, float(loss), gradients, self._seen, states, left)
        )  # fmt: skip
        return loss


def gradients_of(losses: Tensor, part: nn.Module) -> dict[str, Tensor | None]:
    """The gradient of the sum of `losses` on every parameter of `part`; None where it does not appear."""
    names, parameters = zip(*part.named_parameters(), strict=True)
    found = torch.autograd.grad(losses.sum(), parameters, retain_graph=True, allow_unused=True)
    return dict(zip(names, found, strict=True))


@contextmanager
def same_dropout(seed: int = 0) -> Iterator[None]:
    """A block whose random numbers follow from `seed`."""
    with seeded(seed, "step"):
        yield


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Whether two sets of weights are bit-identical."""
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


@dataclass(frozen=True)
class Tone:
    """A tone in noise of its own; a negative number stands for a file that cannot be read."""

    number: int
    frequency: float = 60.0
    seconds: float = 0.2

    def duration(self) -> float:
        return self.seconds

    def read(self, sample_rate: int) -> NDArray[np.float32]:
        if self.number < 0:
            raise DamagedAudioError(f"tone{self.number}.wav: truncated")
        t = np.arange(round(self.seconds * sample_rate)) / sample_rate
        rng = np.random.default_rng(self.number)
        wave = 0.3 * np.sin(2 * np.pi * (self.frequency * t + rng.uniform())) + 0.02 * rng.standard_normal(len(t))
        return np.asarray(wave, dtype=np.float32)


@dataclass
class Tones:
    """What `mixtures` makes: `count` clips, low and high tones in turn, of two lengths."""

    count: int = 12
    damaged: tuple[int, ...] = ()
    seed: int = 0
    task: Task | None = field(default_factory=lambda: TASK)

    def mixtures(self) -> Mixtures:
        numbers = [-1 - i if i in self.damaged else derive(self.seed, i) % 10**6 for i in range(self.count)]
        tones = [Tone(n, (60.0, 180.0)[i % 2], (0.2, 0.24)[i // 2 % 2]) for i, n in enumerate(numbers)]
        clips = [Clip(f"clip{i}", tone, TASK.labels[i % 2]) for i, tone in enumerate(tones)]
        noises = [Clip(f"noise{i}", Tone(1000 + i, 110.0 + 7 * i, 0.5), f"type{i % 2}") for i in range(4)]
        durations = [tone.seconds for tone in tones]
        return Mixtures(clips, noises, self.task, Reader(RATE), self.seed, (0.0, 10.0), durations)


def material(**options: Any) -> Material:
    """Twelve clips to learn from, six to be judged on."""
    return Material(Tones(**options).mixtures(), Tones(count=6, seed=1).mixtures())
