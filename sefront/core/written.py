"""What an experiment comes to: every component, option and number, as ``experiment.toml`` holds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import tomli_w

from sefront.core.clips import Task, Wanted
from sefront.core.experiment import Experiment
from sefront.core.files import write_text
from sefront.core.mixed import options_of
from sefront.core.modes import trainable
from sefront.core.parameters import filled, resolved
from sefront.core.recipe import recipe_of
from sefront.core.setup import Components, Models, augment_of, mixing_of, optimiser_of, training_of
from sefront.core.sources import located
from sefront.core.spelling import SEVERAL
from sefront.core.supply import corpus_hints, noise_hints
from sefront.core.toml import read_toml
from sefront.core.training import Lengths
from sefront.core.types import Phase


def written(
    experiment: Experiment,
    models: Models,
    components: Components,
    lengths: Lengths,
    wanted: Wanted,
    *,
    phases: Sequence[Phase] = (),
) -> Experiment:
    """`experiment` with every option of its components, optimisers and phases as resolved; `wanted` must survive.

    Epochs that a phase owes to options of the coupling are left to these.
    """
    for part in models.chain:
        table = options_of(part, getattr(components, f"{part}s")[getattr(experiment, part)])
        experiment = experiment.with_options(part, filled(table, experiment.section(part), part))
    experiment = with_corpora(experiment, components, wanted)
    coupling = components.couplings[experiment.mode]
    experiment = experiment.with_options("coupling", resolved(coupling, experiment.section("coupling"), "mode"))
    experiment = with_recipes(experiment, models, [name for phase in phases for name in phase.learners])
    experiment = experiment.with_options("training", asdict(training_of(experiment)))
    experiment = experiment.with_options("augment", asdict(augment_of(experiment, components)))
    experiment = experiment.with_options("mixing", asdict(mixing_of(experiment)))
    experiment = experiment.with_options("test_mixing", asdict(mixing_of(experiment, test=True)))
    own = {} if experiment.epochs else {phase.name: phase.epochs for phase in phases if phase.epochs}
    if not own:
        return replace(experiment.with_options("epochs", lengths.by_phase), epochs=lengths.epochs)
    stated = {phase.name: lengths.of(phase) for phase in phases if lengths.of(phase) != own.get(phase.name)}
    return experiment.with_options("epochs", stated)


def with_recipes(experiment: Experiment, models: Models, learners: Sequence[str]) -> Experiment:
    """`experiment` with every setting of the optimisers of its parts, or of those branches that are `learners`."""
    settings = optimiser_of(experiment)
    parts = {name: getattr(models, name) for name in (*models.chain, "coupling")}
    named = [*models.chain, *(["coupling"] if trainable(models.coupling) else [])]
    branches = {part: [n for n in dict.fromkeys(learners) if n.startswith(f"{part}.")] for part in named}
    prefixes = [f"optimiser.{part}." for part in named if branches[part]]
    kept = {
        key: value for key, value in experiment.options.items()
        if not (key.startswith("optimiser.") and key.count(".") == 1) and not key.startswith(tuple(prefixes))
    }  # fmt: skip
    experiment = replace(experiment, options=kept)
    for name in (name for part in named for name in branches[part] or [part]):
        experiment = experiment.with_options(f"optimiser.{name}", asdict(recipe_of(parts, name, settings)))
    return experiment


def with_corpora(experiment: Experiment, components: Components, wanted: Wanted) -> Experiment:
    """`experiment` with every option of its corpora; noises that share a section keep what was given for them."""
    for section in ("corpus", "valid_corpus", "frontend_corpus"):
        if spec := getattr(experiment, section):
            component = components.corpora[located(spec, components.corpora)[0]]
            chosen = {**corpus_hints(experiment, component, components), **experiment.section(section)}
            experiment = experiment.with_options(section, resolved(component, chosen, section))
    for section in SEVERAL:
        specs = getattr(experiment, section)
        if len(specs) == 1:
            component = components.corpora[located(specs[0], components.corpora)[0]]
            chosen = {**noise_hints(section, component, wanted), **experiment.section(section)}
            experiment = experiment.with_options(section, resolved(component, chosen, f"-o {section}"))
    return experiment


def write_experiment(path: Path, experiment: Experiment, task: Task | None) -> None:
    """Write ``experiment.toml``: what was asked for, resolved, and the task."""
    table = {"schema": 1, **experiment.as_toml()}
    if task is not None:
        table["task"] = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(task).items() if v is not None}
    write_text(path, tomli_w.dumps(table))


def task_in(path: Path) -> Task | None:
    """The task in an ``experiment.toml``, or None."""
    facts = read_toml(path).get("task")
    return Task(**{**facts, "labels": tuple(facts["labels"])}) if facts else None
