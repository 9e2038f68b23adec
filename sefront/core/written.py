"""What an experiment comes to: every component, option and number, as ``experiment.toml`` holds it."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import tomli_w

from sefront.core.clips import Task
from sefront.core.experiment import Experiment, read_toml
from sefront.core.files import write_text
from sefront.core.mixed import options_of
from sefront.core.parameters import filled, resolved
from sefront.core.recipe import Recipe
from sefront.core.setup import Components, Models, optimiser_of, training_of
from sefront.core.sources import located
from sefront.core.supply import corpus_hints
from sefront.core.training import Lengths


def written(experiment: Experiment, models: Models, components: Components, lengths: Lengths) -> Experiment:
    """`experiment` with every option of its components, optimisers and phases as resolved."""
    for part in models.chain:
        table = options_of(part, getattr(components, f"{part}s")[getattr(experiment, part)])
        experiment = experiment.with_options(part, filled(table, experiment.section(part), part))
    experiment = with_corpora(experiment, components)
    coupling = components.couplings[experiment.mode]
    experiment = experiment.with_options("coupling", resolved(coupling, experiment.section("coupling"), "mode"))
    settings = optimiser_of(experiment)
    shared = {key for key in experiment.options if key.startswith("optimiser.") and key.count(".") == 1}
    experiment = replace(experiment, options={k: v for k, v in experiment.options.items() if k not in shared})
    for part in models.chain:
        recipe = Recipe.of(getattr(models, part), settings[part], part)
        experiment = experiment.with_options(f"optimiser.{part}", asdict(recipe))
    experiment = experiment.with_options("training", asdict(training_of(experiment)))
    return replace(experiment.with_options("epochs", lengths.by_phase), epochs=lengths.epochs)


def with_corpora(experiment: Experiment, components: Components) -> Experiment:
    """`experiment` with every option of its corpora; noises that share a section keep what was given for them."""
    for section in ("corpus", "valid_corpus", "frontend_corpus"):
        if spec := getattr(experiment, section):
            component = components.corpora[located(spec, components.corpora)[0]]
            chosen = {**corpus_hints(experiment, component, components), **experiment.section(section)}
            experiment = experiment.with_options(section, resolved(component, chosen, section))
    for section in ("noise", "test_noise", "frontend_noise"):
        specs = getattr(experiment, section)
        if len(specs) == 1:
            component = components.corpora[located(specs[0], components.corpora)[0]]
            experiment = experiment.with_options(section, resolved(component, experiment.section(section), section))
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
