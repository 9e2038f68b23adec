"""Evaluations that are ready to begin: a run, what it is judged on, and how."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sefront.core.aggregation import Evaluation, aggregated
from sefront.core.clips import Task
from sefront.core.damages import Damages
from sefront.core.data import Mixtures
from sefront.core.evaluation import Chain, Judgement, Row
from sefront.core.experiment import Experiment
from sefront.core.frozen import Entries, asked_by, frozen
from sefront.core.mixture_list import MixtureList
from sefront.core.opening import clean_trained
from sefront.core.precision import device_named, uses_bf16
from sefront.core.reader import Reader
from sefront.core.recorded import check_measurable, check_unmixed, described, lacking
from sefront.core.runs import altered
from sefront.core.sources import check_apart
from sefront.core.supply import Data

if TYPE_CHECKING:
    from sefront.core.run import Run

ALTERED = {n: n for n in ("corpus", "intruder", "test_snr", "device", "follow_outside")} | {"noise": "test_noise"}
"""What an evaluation may have in place of the run's own, and what it is called in an experiment."""


@dataclass(frozen=True)
class Trial:
    """An evaluation that is ready to begin.

    Args:
        chain: What is judged.
        mixtures: What it is judged on.
        how: How to judge.
        data: What names the mixtures, and counts what is left out of them.
        task: What is predicted; None for a frontend alone.
        entries: The list of the mixtures that were judged.
    """

    chain: Chain
    mixtures: Mixtures
    how: Judgement
    data: Data
    task: Task | None
    entries: Entries = field(default_factory=Entries)

    def __post_init__(self) -> None:
        """Refuse metrics that could say nothing."""
        check_measurable(self.mixtures, self.how.metrics)

    def evaluation(self, rows: list[Row]) -> Evaluation:
        """What follows from `rows`, one per clip, SNR and system; who watches is told how many clips were left out."""
        if self.data.damages.reasons:
            self.how.progress.note(self.data.damages.summary())
        if 0 < len(lacking(self.mixtures.clips)) < len(self.mixtures):
            self.how.progress.note(f"signal metrics are left out: {described(self.mixtures)}")
        table = aggregated(rows, self.how.metrics, self.task)
        return Evaluation(rows, table, self.how.metrics, self.task, self.entries.ordered(self.how.levels))


def check_unheard(trained: Experiment, data: Data, mixtures: Mixtures, asked: Collection[str] = ()) -> None:
    """Refuse to test on noise that was trained on, or to mix any into recordings that are noisy already.

    Args:
        trained: What was trained.
        data: What it is tested on.
        mixtures: Its test.
        asked: What was named for it.

    Raises:
        SefrontError: It names such noise, or what is asked for in vain.
    """
    if mixtures.recorded:
        check_unmixed(asked, data.experiment.corpus)
        return
    section = next((name for name in ("test_noise", "intruder") if getattr(data.experiment, name)), "noise")
    if section != "test_noise" and not trained.test_noise:
        return  # what is held back for the test was not trained on
    specs = getattr(data.experiment, section)
    check_apart([*trained.noise, *trained.intruder], dict(zip(specs, data.noise(specs, section), strict=True)))


def trial_of(
    run: Run,
    *,
    metrics: Sequence[str] | str | None = None,
    mixtures: str | PathLike[str] | None = None,
    split: str = "test",
    original: Run | None = None,
    **asked: Any,
) -> Trial:
    """The evaluation of `run` that `Run.evaluate` with the same arguments begins.

    Raises:
        SefrontError: Something is misnamed or missing, or the noise was trained on.
    """
    changed = {held: value for name, held in ALTERED.items() if (value := asked.pop(name, None)) is not None}
    kind = run.kind(asked)
    listed = MixtureList.read(Path(mixtures)) if mixtures else None
    changed = {**(asked_by(listed) if listed else {}), **changed}
    experiment = altered(run.experiment, changed, run.components.corpora)
    damages = Damages(experiment.strict, run.progress)
    data = Data(experiment, run.components, damages, Reader(experiment.sample_rate, decoded=run.cache))
    test, levels = data.test(data.corpus(experiment.corpus, "corpus"), split, run.task), experiment.levels(run.task)[1]
    settings = {key.partition(".")[0] for key in run.changed}
    check_unheard(run.experiment, data, test, {*changed, *settings, *(["mixtures"] if listed else [])})
    if listed:
        test = frozen(test, listed, levels, damages)
    chain = Chain(run.frontend, run.backend, run.original)
    if original:
        owner = original.path, original.experiment.mode
        chain = replace(chain, original=clean_trained(original.original, original.task, run.task, owner))
    on, entries = device_named(experiment.device), Entries()
    how = Judgement(
        run.metrics(metrics), [float("inf"), *levels], on, uses_bf16(experiment.precision, on), kind=kind,
        report=damages, seen=entries, progress=run.progress,
    )  # fmt: skip
    for line in run.left_out() if metrics is None else []:
        run.progress.note(line)
    return Trial(chain, test, how, data, run.task, entries)
