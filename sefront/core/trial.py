"""Evaluations that begin: a run, the mixtures it is judged on, after a look at whether it has met them, and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sefront.core.aggregation import Evaluation, aggregated
from sefront.core.clips import Task
from sefront.core.damages import Damages
from sefront.core.data import Mixtures
from sefront.core.division import division_of
from sefront.core.evaluation import Chain, Judgement, Row
from sefront.core.exposure import REMEDIES, Exposure, kept, together
from sefront.core.frozen import Entries, asked_by, frozen
from sefront.core.leaks import Breach, Side, check
from sefront.core.mixture_list import MixtureList
from sefront.core.opening import clean_trained
from sefront.core.precision import device_named, uses_bf16
from sefront.core.reader import Reader
from sefront.core.recorded import check_measurable, check_unmixed, described, lacking
from sefront.core.runs import altered
from sefront.core.supply import Data

if TYPE_CHECKING:
    from sefront.core.run import Run

ALTERED = {n: n for n in ("corpus", "intruder", "test_snr", "device", "follow_outside")} | {"noise": "test_noise"}
"""What an evaluation may have in place of the run's own, and what it is called in an experiment."""
DISTURBING = ("noise", "test_noise", "intruder")


@dataclass(frozen=True)
class Trial:
    """An evaluation that is ready to begin.

    Args:
        chain: What is judged.
        mixtures: What it is judged on.
        how: How to judge.
        data: What names the mixtures, and counts what is left out of them.
        task: What is predicted; None for a frontend alone.
        split: How the corpus is divided, and what of it leaks.
        entries: The list of the mixtures that were judged.
    """

    chain: Chain
    mixtures: Mixtures
    how: Judgement
    data: Data
    task: Task | None
    split: Mapping[str, Any]
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
        entries = self.entries.ordered(self.how.levels)
        return Evaluation(rows, table, self.how.metrics, self.task, self.split, entries)


def trial_of(
    run: Run,
    *,
    metrics: Sequence[str] | str | None = None,
    mixtures: str | PathLike[str] | None = None,
    split: str = "test",
    original: Run | None = None,
    allow_leak: bool = False,
    **asked: Any,
) -> Trial:
    """The evaluation of `run` that `Run.evaluate` with the same arguments begins.

    Raises:
        SefrontError: Something is misnamed or missing, or the chain has learnt from what it would be tested on.
    """
    changed = {held: value for name, held in ALTERED.items() if (value := asked.pop(name, None)) is not None}
    kind = run.kind(asked)
    listed = MixtureList.read(Path(mixtures)) if mixtures else None
    changed = {**(asked_by(listed) if listed else {}), **changed}
    experiment = altered(run.experiment, changed, run.components.corpora)
    damages = Damages(experiment.strict, run.progress)
    data = Data(experiment, run.components, damages, Reader(experiment.sample_rate, decoded=run.cache))
    corpus = data.corpus(experiment.corpus, "corpus")
    test, levels = data.test(corpus, split, run.task), experiment.levels(run.task)[1]
    if test.recorded:
        settings = {key.partition(".")[0] for key in run.changed}
        check_unmixed({*changed, *settings, *(["mixtures"] if listed else [])}, experiment.corpus)
    facts = division_of(corpus).facts() | exposed(run, data, test, original if split == "test" else None, allow_leak)
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
    return Trial(chain, test, how, data, run.task, facts, entries)


def exposed(run: Run, data: Data, mixtures: Mixtures, original: Run | None, allowed: bool) -> dict[str, Any]:
    """What leaks, as the facts of a split say it; who watches is told of it.

    Raises:
        SefrontError: The chain has learnt from what it would be tested on, and that is not `allowed`.
    """
    found = list(met(run, data, mixtures, original))
    if line := check(found, allowed, REMEDIES):
        run.progress.note(line)
    facts: dict[str, Any] = {"leaks": [breach.as_dict() for breach in found]} if found else {}
    if data.experiment.corpus != run.experiment.corpus:
        facts["speaker_dependent"] = any(breach.what == "speaker" for breach in found)
    return facts


def met(run: Run, data: Data, mixtures: Mixtures, original: Run | None) -> Iterator[Breach]:
    """What of the mixtures is known already to `run`, where they are not its own, or to the `original` of another."""
    tested, noise = sides(data, mixtures)
    other = data.experiment.corpus != run.experiment.corpus
    disturbed = any(getattr(data.experiment, name) != getattr(run.experiment, name) for name in DISTURBING)
    if other or disturbed:
        yield from learnt(run).breaches(str(run.path), tested if other else None, noise if disturbed else None)
    if original is not None:
        new = kept(original.path).get("backend", Exposure()) - learnt(run)
        yield from new.breaches(str(original.path), tested, None)


def sides(data: Data, mixtures: Mixtures) -> tuple[Side, Side]:
    """Speech or scenes and noise of the mixtures of a test."""
    return Side("test", mixtures.clips, data.called(data.experiment.corpus)), Side.noise("test noise", mixtures)


def learnt(run: Run) -> Exposure:
    """What the chain of `run` has learnt from."""
    return together(kept(run.path).values())
