"""An evaluation that begins: what is judged on which mixtures, after a look at whether the chain has met them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sefront.core.damages import Damages
from sefront.core.data import Mixtures, Reader
from sefront.core.division import division_of
from sefront.core.evaluation import Chain, Judgement, Trial
from sefront.core.exposure import REMEDIES, Exposure, kept, together
from sefront.core.leaks import Breach, Side, check
from sefront.core.opening import clean_trained
from sefront.core.precision import device_named, uses_bf16
from sefront.core.recorded import check_unmixed
from sefront.core.runs import altered
from sefront.core.supply import Data

if TYPE_CHECKING:
    from sefront.core.run import Run

ALTERED = {n: n for n in ("corpus", "intruder", "test_snr", "device", "follow_outside")} | {"noise": "test_noise"}
"""What an evaluation may have in place of the run's own, and what it is called in an experiment."""
DISTURBING = ("noise", "test_noise", "intruder")


def trial(
    run: Run,
    *,
    metrics: Sequence[str] | str | None = None,
    split: str = "test",
    original: Run | None = None,
    allow_leak: bool = False,
    **asked: Any,
) -> Trial:
    """The evaluation that `Run.evaluate` with the same arguments begins.

    Raises:
        SefrontError: Something is misnamed or missing, or the chain has learnt from what it would be tested on.
    """
    changed = {held: value for name, held in ALTERED.items() if (value := asked.pop(name, None)) is not None}
    kind = run.kind(asked)
    experiment = altered(run.experiment, changed, run.components.corpora)
    damages = Damages(experiment.strict, run.progress)
    data = Data(experiment, run.components, damages, Reader(experiment.sample_rate))
    corpus = data.corpus(experiment.corpus, "corpus")
    mixtures = data.test(corpus, split, run.task)
    if mixtures.recorded:
        check_unmixed(changed, experiment.corpus)
    facts = division_of(corpus).facts()
    found = list(met(run, data, mixtures, original if split == "test" else None))
    if line := check(found, allow_leak, REMEDIES):
        run.progress.note(line)
    if experiment.corpus != run.experiment.corpus:
        facts["speaker_dependent"] = any(breach.what == "speaker" for breach in found)
    if found:
        facts["leaks"] = [breach.as_dict() for breach in found]
    chain = Chain(run.frontend, run.backend, run.original)
    if original:
        place = original.path, original.experiment.mode
        chain = replace(chain, original=clean_trained(original.original, original.task, run.task, place))
    on = device_named(experiment.device)
    levels = [float("inf"), *experiment.levels(run.task)[1]]
    bf16 = uses_bf16(experiment.precision, on)
    how = Judgement(run.metrics(metrics), levels, on, bf16, kind=kind, report=damages, progress=run.progress)
    for line in run.left_out() if metrics is None else []:
        run.progress.note(line)
    return Trial(chain, mixtures, how, data, run.task, facts)


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
