"""From an experiment to modules and mixtures: everything named is built, checked and written down as resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sefront.core.clips import SPLITS, Split, Task
from sefront.core.coupler import Material
from sefront.core.damages import Damages
from sefront.core.data import Mixtures, Reader
from sefront.core.errors import SefrontError, unknown
from sefront.core.experiment import Experiment
from sefront.core.parameters import build, parameters, resolved
from sefront.core.protocols import Backend, Corpus, Coupling, Frontend, Metric
from sefront.core.randomness import derive, seeded
from sefront.core.recipe import Recipe
from sefront.core.sources import Source, located, noises, opened, test_noises
from sefront.core.training import Lengths, Training

BOTH = ("frontend", "backend")


class Components(Protocol):
    """The installed components by family and name."""

    @property
    def frontends(self) -> Mapping[str, type[Any]]:
        """Frontends by name."""
        ...

    @property
    def backends(self) -> Mapping[str, type[Any]]:
        """Backends by name."""
        ...

    @property
    def couplings(self) -> Mapping[str, type[Any]]:
        """Couplings by name."""
        ...

    @property
    def corpora(self) -> Mapping[str, type[Any]]:
        """Corpora by name."""
        ...

    @property
    def metrics(self) -> Mapping[str, type[Any]]:
        """Metrics by name."""
        ...


@dataclass(frozen=True)
class Models:
    """The parts of a chain and how they learn from each other; a part that the chain lacks is None."""

    frontend: Frontend | None
    backend: Backend | None
    coupling: Coupling
    chain: tuple[str, ...]


def coupling_of(experiment: Experiment, components: Components) -> Coupling:
    """The coupling that the mode names, with its options."""
    component = components.couplings[experiment.mode]
    coupling: Coupling = build(component, options=experiment.section("coupling"), owner=f"mode '{experiment.mode}'")
    return coupling


def models_of(experiment: Experiment, components: Components, task: Task | None) -> Models:
    """Frontend, backend and coupling, each initialised from a seed of its own.

    Raises:
        SefrontError: An unknown name or option, a value out of range, or a mode that needs labels without any.
    """
    coupling = coupling_of(experiment, components)
    chain = tuple(getattr(coupling, "chain", BOTH))
    check_idle(experiment, components, chain)
    frontend = backend = None
    if "frontend" in chain:
        with seeded(experiment.seed, "init", "frontend"):
            frontend = build(
                components.frontends[experiment.frontend], experiment.sample_rate,
                options=experiment.section("frontend"), owner=f"frontend '{experiment.frontend}'",
            )  # fmt: skip
    if "backend" in chain:
        if task is None:
            raise SefrontError(
                f"mode '{experiment.mode}' needs a task, but corpus '{experiment.corpus}' has no labels; "
                "use --mode frontend_only, or a corpus with labels"
            )
        with seeded(experiment.seed, "init", "backend"):
            backend = build(
                components.backends[experiment.backend], task, experiment.sample_rate,
                options=experiment.section("backend"), owner=f"backend '{experiment.backend}'",
            )  # fmt: skip
    return Models(frontend, backend, coupling, chain)


def check_idle(experiment: Experiment, components: Components, chain: tuple[str, ...]) -> None:
    """Check name and options of a part that was named though the mode does without it.

    Raises:
        SefrontError: An unknown name or option, or a value of the wrong type.
    """
    for part in set(BOTH) - set(chain):
        name, options = getattr(experiment, part), experiment.section(part)
        if options or name != getattr(Experiment(), part):
            resolved(getattr(components, f"{part}s")[name], options, f"{part} '{name}'")


def metric_of(name: str, components: Components) -> Metric:
    """The metric called `name`, with its default options."""
    metric: Metric = build(components.metrics[name], options={}, owner=f"metric '{name}'")
    return metric


@dataclass(frozen=True)
class Data:
    """What is learnt from and what is tested on; built only as far as it is asked for."""

    experiment: Experiment
    components: Components
    damages: Damages

    def corpus(self, spec: str, section: str) -> Corpus:
        """The corpus that `spec` names; the toy corpus takes the task that fits the backend."""
        name, root = located(spec, self.components.corpora)
        component = self.components.corpora[name]
        hints = corpus_hints(self.experiment, component, self.components)
        return opened(name, root, component, {**hints, **self.experiment.section(section)})

    def noise(self, specs: tuple[str, ...], section: str) -> list[Corpus]:
        """The corpora named as noise."""
        found = [located(spec, self.components.corpora) for spec in specs]
        options = self.experiment.section(section)
        return [opened(name, root, self.components.corpora[name], options) for name, root in found]

    def source(self, task: Task | None) -> Source:
        """What all mixtures of the experiment share."""
        return Source(Reader(self.experiment.sample_rate), self.damages, self.experiment.snr, task)

    def material(self, corpus: Corpus) -> Material:
        """Training and development mixtures of the task."""
        e = self.experiment
        valid = self.corpus(e.valid_corpus, "valid_corpus") if e.valid_corpus else corpus
        return self._material(
            (e.corpus, corpus), (e.valid_corpus or e.corpus, valid), self.noise(e.noise, "noise"), corpus.task()
        )

    def frontend_material(self, corpus: Corpus) -> Material | None:
        """What the frontend's own phase learns from, where that was named apart."""
        e = self.experiment
        if not e.frontend_corpus and not e.frontend_noise:
            return None
        speech = self.corpus(e.frontend_corpus, "frontend_corpus") if e.frontend_corpus else corpus
        noise = self.noise(e.frontend_noise, "frontend_noise") if e.frontend_noise else self.noise(e.noise, "noise")
        named = (e.frontend_corpus or e.corpus, speech)
        return self._material(named, named, noise, None)

    def _material(
        self, train: tuple[str, Corpus], valid: tuple[str, Corpus], noise: list[Corpus], task: Task | None
    ) -> Material:
        source, apart = self.source(task), bool(self.experiment.test_noise)

        def mixtures(named: tuple[str, Corpus], split: Split, seed: int) -> Mixtures:
            what = f"corpus '{named[0]}', {split} split"
            return source.mixtures(what, named[1].clips(split), noises(noise, split, apart), seed)

        # development mixtures are the same for every seed, so that runs can be compared
        return Material(mixtures(train, "train", derive(self.experiment.seed, "train")), mixtures(valid, "valid", 1))

    def test(self, corpus: Corpus, split: str = "test", task: Task | None = None) -> Mixtures:
        """Test mixtures, the same for every seed.

        Raises:
            SefrontError: There is no such split, or nothing in it.
        """
        e = self.experiment
        splits = [s for s in SPLITS if split in (s, "all")]
        if not splits:
            raise unknown("split", split, (*SPLITS, "all"))
        clips = [clip for s in splits for clip in corpus.clips(s)]
        noise = (
            test_noises(self.noise(e.test_noise, "test_noise"))
            if e.test_noise
            else noises(self.noise(e.noise, "noise"), "test", False)
        )
        return self.source(task or corpus.task()).mixtures(f"corpus '{e.corpus}', {split} split", clips, noise, 2)


def corpus_hints(experiment: Experiment, corpus: type, components: Components) -> dict[str, Any]:
    """The task that the backend is made for, where the corpus has several to choose from."""
    fitting = getattr(components.backends.get(experiment.backend), "toy", None)
    return {"task": fitting} if fitting and "task" in parameters(corpus) else {}


def lengths_of(experiment: Experiment, corpus: Corpus, phases: list[str]) -> Lengths:
    """Epochs and batch size: what was asked for by phase, else for all, else what the corpus needs.

    Raises:
        UnknownNameError: Epochs of a phase that the mode does not have.
    """
    asked = experiment.section("epochs")
    for name in asked:
        if name not in phases:
            raise unknown("phase", name, phases, owner=f"mode '{experiment.mode}'")
    asked = resolved_numbers(asked)
    needed: Mapping[str, int] = {} if experiment.epochs else getattr(corpus, "epochs", {})
    return Lengths(experiment.epochs or Lengths().epochs, {**needed, **asked}, experiment.batch_size)


def resolved_numbers(values: Mapping[str, Any]) -> dict[str, int]:
    """Whole numbers of at least one.

    Raises:
        SefrontError: Something else.
    """
    for name, value in values.items():
        if not str(value).isdigit() or int(value) < 1:
            raise SefrontError(f"-o epochs.{name}={value}: epochs are a whole number of at least 1")
    return {name: int(value) for name, value in values.items()}


def training_of(experiment: Experiment) -> Training:
    """Patience, development grid and reading."""
    training: Training = build(Training, options=experiment.section("training"), owner="training")
    return training


def optimiser_of(experiment: Experiment) -> dict[str, dict[str, Any]]:
    """Optimiser options by part: those of a part over those for all.

    Raises:
        UnknownNameError: Neither a part nor a setting.
    """
    given = experiment.section("optimiser")
    parts = {part: {k[len(part) + 1 :]: v for k, v in given.items() if k.startswith(f"{part}.")} for part in BOTH}
    shared = {k: v for k, v in given.items() if k.split(".")[0] not in BOTH}
    resolved(Recipe, shared, "optimiser")
    return {part: {**shared, **own} for part, own in parts.items()}
