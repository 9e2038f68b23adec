"""What an experiment comes to: every component, option and number, as ``experiment.toml`` holds it."""

from __future__ import annotations

from dataclasses import asdict, replace

from sefront.core.experiment import Experiment
from sefront.core.parameters import resolved
from sefront.core.recipe import Recipe
from sefront.core.setup import Components, Models, corpus_hints, optimiser_of, training_of
from sefront.core.sources import located
from sefront.core.training import Lengths


def written(experiment: Experiment, models: Models, components: Components, lengths: Lengths) -> Experiment:
    """`experiment` with every option of its components, optimisers and phases as resolved."""
    for part in models.chain:
        component = getattr(components, f"{part}s")[getattr(experiment, part)]
        experiment = experiment.with_options(part, resolved(component, experiment.section(part), part))
    name, _ = located(experiment.corpus, components.corpora)
    chosen = {**corpus_hints(experiment, components.corpora[name], components), **experiment.section("corpus")}
    experiment = experiment.with_options("corpus", resolved(components.corpora[name], chosen, "corpus"))
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
