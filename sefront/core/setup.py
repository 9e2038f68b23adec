"""From an experiment to modules and settings: everything named is built and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sefront.core.augment import Augment
from sefront.core.augmentable import has_features
from sefront.core.clips import Task
from sefront.core.conditions import Conditions, conditions_of
from sefront.core.errors import SefrontError, unknown
from sefront.core.experiment import Experiment
from sefront.core.mixed import frontend_of, options_of
from sefront.core.parameters import build, filled, resolved
from sefront.core.protocols import Backend, Corpus, Coupling, Frontend
from sefront.core.randomness import seeded
from sefront.core.recipe import Recipe
from sefront.core.training import Lengths, Training
from sefront.core.types import Phase

BOTH = ("frontend", "backend")
LEARNERS = (*BOTH, "coupling")
CLASSIFICATION = "classification"
DOES = {CLASSIFICATION: "classifies", "transcription": "transcribes", "trace": "traces"}
HELD = {CLASSIFICATION: "labels", "transcription": "transcripts", "trace": "traces"}


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
        SefrontError: An unknown name or option, a value out of range, or a mode that needs labels that there are not.
    """
    coupling = coupling_of(experiment, components)
    chain = tuple(getattr(coupling, "chain", BOTH))
    check_idle(experiment, components, chain)
    frontend = backend = None
    if "frontend" in chain:
        with seeded(experiment.seed, "init", "frontend"):
            frontend = frontend_of(
                components.frontends[experiment.frontend], experiment.sample_rate,
                experiment.section("frontend"), f"frontend '{experiment.frontend}'",
            )  # fmt: skip
    if "backend" in chain:
        if task is None:
            raise SefrontError(
                f"mode '{experiment.mode}' needs a task, but corpus '{experiment.corpus}' has no labels; "
                "use --mode frontend_only, or a corpus with labels"
            )
        check_kind(experiment, components, task)
        with seeded(experiment.seed, "init", "backend"):
            backend = build(
                components.backends[experiment.backend], task, experiment.sample_rate,
                options=experiment.section("backend"), owner=f"backend '{experiment.backend}'",
            )  # fmt: skip
    return Models(frontend, backend, coupling, chain)


def check_kind(experiment: Experiment, components: Components, task: Task) -> None:
    """Refuse a backend that is made for another kind of task.

    Raises:
        SefrontError: It names the backends that are made for this kind.
    """
    kind = getattr(components.backends[experiment.backend], "kind", CLASSIFICATION)
    if kind == task.kind:
        return
    fitting = [name for name in components.backends if made_for(components.backends, name) == task.kind]
    named = f", such as {', '.join(fitting)}" if fitting else ""
    raise SefrontError(
        f"backend '{experiment.backend}' {DOES[kind]}, but corpus '{experiment.corpus}' has {HELD[task.kind]}; "
        f"name a backend that {DOES[task.kind]}{named}, or another corpus"
    )


def made_for(backends: Mapping[str, type[Any]], name: str) -> str:
    """The kind of task that a backend is made for; nothing for one that cannot be loaded."""
    try:
        return str(getattr(backends[name], "kind", CLASSIFICATION))
    except SefrontError:
        return ""


def check_idle(experiment: Experiment, components: Components, chain: tuple[str, ...]) -> None:
    """Check name and options of a part that was named though the mode does without it.

    Raises:
        SefrontError: An unknown name or option, or a value of the wrong type.
    """
    for part in set(BOTH) - set(chain):
        name, options = getattr(experiment, part), experiment.section(part)
        if options or name != getattr(Experiment(), part):
            filled(options_of(part, getattr(components, f"{part}s")[name]), options, f"{part} '{name}'")


def lengths_of(experiment: Experiment, corpus: Corpus, phases: Sequence[Phase]) -> Lengths:
    """Epochs and batch size: what was asked for by phase, else for all, else what the corpus or the phase itself needs.

    Raises:
        UnknownNameError: Epochs of a phase that the mode does not have.
    """
    asked = experiment.section("epochs")
    names = [phase.name for phase in phases]
    for name in asked:
        if name not in names:
            raise unknown("phase", name, names, owner=f"mode '{experiment.mode}'")
    asked = resolved_numbers(asked)
    said: Mapping[str, int] = {} if experiment.epochs else getattr(corpus, "epochs", {})
    needed = {phase.name: experiment.epochs or phase.epochs for phase in phases if phase.epochs}
    needed |= {name: epochs for name, epochs in said.items() if name in names}
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


def augment_of(experiment: Experiment, components: Components) -> Augment:
    """What the backend learns from beside the clips as they are.

    Raises:
        SefrontError: Features are to be hidden, and it has none; it names backends that have.
    """
    augment: Augment = build(Augment, options=experiment.section("augment"), owner="augment")
    backends, name = components.backends, experiment.backend
    if augment.specaugment and not has_features(backends[name]):
        kind = getattr(backends[name], "kind", CLASSIFICATION)
        fitting = [n for n in backends if made_for(backends, n) == kind and has_features(backends[n])]
        raise SefrontError(
            f"-o augment.specaugment: backend '{name}' has no features of its own to hide; leave it out, or name one "
            f"that has, such as {', '.join(fitting)}"
        )
    return augment


def mixing_of(experiment: Experiment, *, test: bool = False) -> Conditions:
    """How mixtures are made; those of the `test` like the others, where nothing else is said of them."""
    given = experiment.section("mixing")
    if not test:
        return conditions_of(given, "mixing")
    return conditions_of({**given, **experiment.section("test_mixing")}, "test_mixing")


def optimiser_of(experiment: Experiment) -> dict[str, dict[str, Any]]:
    """Optimiser options by part: those of a part over those for all.

    Raises:
        UnknownNameError: Neither a part nor a setting.
    """
    given = experiment.section("optimiser")
    parts = {part: {k[len(part) + 1 :]: v for k, v in given.items() if k.startswith(f"{part}.")} for part in LEARNERS}
    shared = {k: v for k, v in given.items() if k.split(".")[0] not in LEARNERS}
    resolved(Recipe, shared, "optimiser")
    return {part: {**shared, **own} for part, own in parts.items()}
