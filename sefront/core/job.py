"""What an experiment names, built and checked, ready to train."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

from torch import nn

from sefront.core.augmentable import check_clips
from sefront.core.checkpoint import Weights, load_part, load_state, put_weights, weights_of
from sefront.core.clips import Task
from sefront.core.coupler import Coupler
from sefront.core.damages import Damages
from sefront.core.data import Material, Mixtures
from sefront.core.decoded import Decoded
from sefront.core.division import division_of
from sefront.core.errors import SefrontError
from sefront.core.experiment import Experiment
from sefront.core.exposure import Exposure, keep, kept
from sefront.core.files import clear_failures, write_json
from sefront.core.leaks import Breach
from sefront.core.lock import lock, mark_trained
from sefront.core.measures import metric_of
from sefront.core.mixed import fitting, lacks_gate
from sefront.core.precautions import Precautions
from sefront.core.progress import Progress
from sefront.core.reader import Reader
from sefront.core.recorded import check_measurable, check_references, described, unmixed
from sefront.core.run import Run
from sefront.core.runs import check_free
from sefront.core.setup import Components, Models, augment_of, lengths_of, models_of, optimiser_of, training_of
from sefront.core.sources import wanted_of
from sefront.core.speed import with_copies
from sefront.core.supply import Data, check_named
from sefront.core.written import write_experiment, written


@dataclass(frozen=True)
class Job:
    """An experiment whose every part has been built and checked, ready to train.

    Args:
        run: The run that it will leave.
        coupler: What trains it.
        material: What it learns from.
        test: What it will be judged on.
        frontend_material: What the frontend alone learns from first, where that is something else.
        original: A clean-trained backend that arrived with ``--init-backend``.
        precautions: What was looked at before.
        leaks: What leaks though it should not.
    """

    run: Run
    coupler: Coupler
    material: Material
    test: Mixtures
    frontend_material: Material | None
    original: Weights | None
    precautions: Precautions
    leaks: Sequence[Breach] = ()

    def mixtures(self) -> dict[str, Mixtures]:
        """Every set of mixtures by name."""
        named = {"train": self.material.train, "valid": self.material.valid}
        if self.frontend_material is not None:
            named |= {"frontend train": self.frontend_material.train, "frontend valid": self.frontend_material.valid}
        return {**named, "test": self.test}

    def plan(self) -> list[str]:
        """What will happen, a line each."""
        lines = [f"{name}: {described(m)}" for name, m in self.mixtures().items()]
        for phase in self.coupler.planned():
            reason = self.coupler.left_out(phase)
            if reason:
                lines.append(f"phase {phase.name}: left out, because {reason}")
                continue
            run = self.coupler.phase_run(phase, self.material_of(phase.learners))
            sizes = {n: sum(p.numel() for p in learner.parameters) for n, learner in run.update.learners.items()}
            who = " and ".join(f"{name} ({size:,} parameters)" for name, size in sizes.items())
            lines.append(
                f"phase {phase.name}: {who} from {phase.sees} waves, at most {run.epochs} epochs of "
                f"{-(-len(run.train) // run.batch_size)} steps of {run.batch_size} clips"
            )
        return [*lines, *self.run.left_out()]

    def check(self) -> None:
        """Refuse phases and metrics that miss clean references, and noise where it is already: a SefrontError."""
        phases = [phase for phase in self.coupler.planned() if not self.coupler.left_out(phase)]
        check_references((phase, self.material_of(phase.learners)) for phase in phases)
        check_clips(self.coupler.augment, [self.material.train])
        check_measurable(self.test, self.run.metrics())

    def material_of(self, learners: tuple[str, ...]) -> Material:
        """What a phase with these learners learns from."""
        return self.frontend_material if learners == ("frontend",) and self.frontend_material else self.material

    def lessons(self, part: str) -> Iterator[tuple[Material, bool]]:
        """What `part` will learn from, and whether it hears its noise."""
        for phase in self.coupler.planned():
            if part in {name.split(".")[0] for name in phase.learners} and not self.coupler.left_out(phase):
                yield self.material_of(phase.learners), phase.sees != "clean"
        if part == "backend" and hasattr(self.coupler.coupling, "finish"):
            yield self.material, True

    def splits(self) -> dict[str, Any]:
        """How the corpus was divided: kind, fold, seed, what is kept apart, and the ids of the clips of each split."""
        parts = {"train": self.material.train, "valid": self.material.valid, "test": self.test}
        ids = {split: [clip.id for clip in mixtures.clips] for split, mixtures in parts.items()}
        return {"schema": 1, **self.precautions.division.facts(), "ids": ids}

    def train(self, metric_name: str | None, resume: bool, command: Sequence[str]) -> Run:
        """Train, leaving experiment, lock, log and checkpoints in the run folder."""
        run, main = self.run, self.coupler.processes.main
        self.coupler.processes.wait()  # none looks any more whether the folder is free
        if main and not resume:
            check_free(run.path)  # again: another process may have taken the name meanwhile
            with clear_failures(run.path):
                run.path.mkdir(parents=True, exist_ok=True)
            write_experiment(run.path / "experiment.toml", run.experiment, run.task)
        if main and not (run.path / "lock.json").exists():
            write_json(run.path / "splits.json", self.splits())
            leaks = [breach.as_dict() for breach in self.leaks]
            write_json(run.path / "lock.json", {**lock(run.experiment.seed, self.mixtures(), command), "leaks": leaks})
        if self.original is not None:
            self.coupler.store.save("original", {"backend": self.original})
        metric = metric_of(metric_name, run.components) if metric_name else None
        lessons = {part: list(self.lessons(part)) for part in run.models.chain}
        self.coupler.fit(self.material, frontend_material=self.frontend_material, metric=metric, resume=resume)
        if main:
            keep(run.path, {part: self.precautions.exposure(part, lessons[part]) for part in run.models.chain})
            mark_trained(run.path)
        for part in self.coupler.parts.values():
            part.to("cpu")
        summary = self.coupler.damages.summary()
        if summary:
            run.progress.note(summary)
        return run


def prepared(
    experiment: Experiment, components: Components, folder: Path, progress: Progress, cache: Decoded | None = None
) -> Job:
    """Build and check everything that `experiment` names, without writing anything; `cache` keeps decoded audio.

    Raises:
        SefrontError: Something is misnamed, missing, out of range, or does not go together.
    """
    damages = Damages(experiment.strict, progress)
    data = Data(experiment, components, damages, Reader(experiment.sample_rate, decoded=cache))
    corpus = data.corpus(experiment.corpus, "corpus")
    if corpus.task() is None and wanted_of(corpus) == "scene":
        raise SefrontError(f"corpus '{experiment.corpus}': scenes need labels; put them into a folder for each class")
    asked, experiment = experiment, experiment.suited(corpus.task())
    check_named(experiment, components)
    data = replace(data, experiment=experiment)
    models = models_of(experiment, components, corpus.task())
    initial = initialised(experiment, components, models, corpus.task())
    coupler = Coupler(
        models.frontend, models.backend, models.coupling, training=training_of(experiment),
        optimiser=optimiser_of(experiment), seed=experiment.seed, device=experiment.device,
        precision=experiment.precision, folder=folder, progress=progress, damages=damages,
        given=initial.given, loaded=initial.loaded, augment=augment_of(experiment, components),
    )  # fmt: skip
    lengths = lengths_of(experiment, corpus, coupler.planned())
    coupler.lengths = lengths
    coupler.check()
    resolved = written(experiment, models, components, lengths, wanted_of(corpus), phases=coupler.planned())
    run = Run(folder, resolved, corpus.task(), models, components, progress, cache=cache)
    unheard = replace(data, damages=Damages(experiment.strict))  # the evaluation will name what is damaged
    material = data.material(corpus)
    if initial.remembered:
        learnt = with_copies(material.train, coupler.augment.speed)
        cast(Any, models.coupling).adopt(initial.remembered, [clip.id for clip in learnt.clips])
    test, own = unheard.test(corpus), data.frontend_material(corpus)
    precautions = Precautions(data, division_of(corpus), material, test, own, initial.before)
    job = Job(run, coupler, material, test, own, initial.original, precautions)
    job.check()
    leaks, line = precautions.taken()
    if line:
        progress.note(line)
    return replace(job, leaks=leaks, run=replace(run, experiment=unmixed(asked, resolved, job.mixtures())))


class Initial(NamedTuple):
    """What came from other runs.

    Args:
        loaded: Parts with weights.
        given: Those of them that are trained.
        original: A clean-trained backend.
        remembered: The state of a coupling of the same mode.
        before: What each part has learnt from there.
    """

    loaded: list[str]
    given: list[str]
    original: Weights | None
    remembered: Mapping[str, Any]
    before: Mapping[str, Exposure]


def initialised(experiment: Experiment, components: Components, models: Models, task: Task | None) -> Initial:
    """Load the parts of other runs that take the place of pre-training.

    Raises:
        SefrontError: The mode or the other run lacks the part, or the weights do not fit.
    """
    loaded: list[str] = []
    given: list[str] = []
    original: Weights | None = None
    remembered: Mapping[str, Any] = {}
    before: dict[str, Exposure] = {}
    for part, source in (("frontend", experiment.init_frontend), ("backend", experiment.init_backend)):
        if source is None:
            continue
        module = getattr(models, part)
        if module is None:
            raise SefrontError(f"--init-{part} {source}: mode '{experiment.mode}' has no {part}")
        other = Run.open(Path(source), components)
        theirs = getattr(other, part)
        if not isinstance(theirs, nn.Module):
            raise SefrontError(f"--init-{part} {source}: that run (mode '{other.experiment.mode}') has no {part}")
        weights = weights_of(theirs)
        put_weights(module, fitting(weights, module), f"--init-{part} {source}")
        loaded.append(part)
        before[part] = kept(other.path).get(part, Exposure())
        if part == "backend" and other.experiment.mode == experiment.mode and hasattr(models.coupling, "adopt"):
            remembered = (load_state(other.path / "checkpoint" / "last") or {}).get("coupling", {})
        if not lacks_gate(weights, module):  # else pre-training has yet to teach it
            given.append(part)
        if part == "backend" and task and other.task and task.labels == other.task.labels:
            original = load_part(other.path / "checkpoint" / "original", "backend")
    return Initial(loaded, given, original, remembered, before)
