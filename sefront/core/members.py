"""Runs that are judged together: what they have to share, and their rows beside those of the fused scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from sefront.core.aggregation import SYSTEMS, Evaluation
from sefront.core.batches import ignore
from sefront.core.clips import Task
from sefront.core.errors import SefrontError
from sefront.core.evaluation import Chain, Row, judge
from sefront.core.exposure import REMEDIES
from sefront.core.fusion import FUSED, check_fusible, check_fusion, fused_rows, normalised
from sefront.core.leaks import check
from sefront.core.precision import uses_bf16
from sefront.core.run import Place, Run
from sefront.core.trial import Trial, learnt, sides


def fuse(
    runs: Sequence[Run],
    weights: Sequence[float] | None = None,
    fusion: str = "mean",
    *,
    metrics: Sequence[str] | str | None = None,
    out: Place | None = None,
    **how: Any,
) -> Evaluation:
    """Judge several runs and the fusion of their scores on the test of the first.

    Args:
        runs: The members, at least two; the same run may be opened with several settings.
        weights: One for each member, at least 0; by default equal.
        fusion: "mean" or "log".
        metrics: Metrics by name; by default the headline of the task alone.
        out: Where to write the rows; by default nowhere.
        how: What else `Run.evaluate` of the first run takes.

    Returns:
        Rows per clip and per table cell. Each member is a system in place of ``coupled``, named by the settings it was
        opened with or by its folder; the last system is ``fused``.

    Raises:
        SefrontError: The runs do not fit together, or something is misnamed or missing.
    """
    check_fusion(fusion)
    if len(runs) < 2:
        raise SefrontError(f"fusion needs at least two members, but there {'is one' if runs else 'is none'}; name more")
    shares = normalised(weights, len(runs))
    tasks = [check_member(run, runs[0]) for run in runs]
    task = tasks[0]
    check_fusible(task, fusion)
    if out and (Path(out) / "experiment.toml").exists():
        raise SefrontError(f"{out}: holds a run, whose own evaluation stays as it is; name another place with --out")
    trial = runs[0].trial(metrics=[task.metric] if metrics is None else metrics, **how)
    check_metrics(trial)
    for run in runs[1:]:
        check_unlearnt(run, runs[0], trial, how.get("allow_leak", False))
    judged = [judge(trial.chain, trial.mixtures, trial.how), *(member_rows(run, trial) for run in runs[1:])]
    named = [called(name, rows) for name, rows in zip(names(runs), judged, strict=True)]
    members = [[row for row in rows if row["system"] not in SYSTEMS] for rows in named]
    fused = fused_rows(list(zip(members, shares, strict=True)), fusion, task)
    evaluation = trial.evaluation([*chain.from_iterable(named), *fused])
    if out:
        evaluation.save(Path(out))
    return evaluation


def names(runs: Sequence[Run]) -> list[str]:
    """What each run is called in the table: the settings that it does not share with all, or its folder; each once."""
    found: list[str] = []
    for run in runs:
        own = [item for item in run.changed.items() if not all(item in other.changed.items() for other in runs)]
        stem = ",".join(str(value) for _, value in own) or run.path.resolve().name
        taken = {*SYSTEMS, FUSED, *found}
        found.append(next(n for n in (stem, *(f"{stem}-{i}" for i in range(2, len(runs) + 2))) if n not in taken))
    return found


def called(name: str, rows: Sequence[Row]) -> list[Row]:
    """`rows` with `name` for the system ``coupled``."""
    return [{**row, "system": name} if row["system"] == "coupled" else row for row in rows]


def check_metrics(trial: Trial) -> None:
    """Refuse metrics that say nothing about decisions, which are all that is fused.

    Raises:
        SefrontError: There is no other one.
    """
    if trial.task and all(metric.card().compares == "waves" for metric in trial.how.metrics.values()):
        raise SefrontError(
            "none of the metrics judges decisions, which are what is fused; name one that does, such as "
            f"{trial.task.metric}"
        )


def check_member(run: Run, first: Run) -> Task:
    """The task of a run, whose scores can be fused with those of the `first` one.

    Raises:
        SefrontError: It has no scores, other labels, or another sample rate.
    """
    mode, rate = run.experiment.mode, run.experiment.sample_rate
    if run.task is None or run.backend is None:
        raise SefrontError(f"{run.path}: mode '{mode}' has no backend, so no scores to fuse; name runs with one")
    if first.task is not None and run.task.labels != first.task.labels:
        raise SefrontError(
            f"{run.path}: predicts {', '.join(run.task.labels)}, but {first.path} {', '.join(first.task.labels)}; "
            "fuse runs of the same labels"
        )
    if rate != first.experiment.sample_rate:
        raise SefrontError(
            f"{run.path}: works at {rate} Hz, but {first.path} at {first.experiment.sample_rate} Hz; "
            "fuse runs of one sample rate"
        )
    return run.task


def check_unlearnt(run: Run, first: Run, trial: Trial, allowed: bool) -> None:
    """Refuse a run that has learnt from what the `first` one is tested on and has not learnt from itself.

    Raises:
        SefrontError: Naming the run and what it has learnt from, unless that is `allowed`.
    """
    new = learnt(run) - learnt(first)
    found = new.breaches(str(run.path), *sides(trial.data, trial.mixtures), "speaker" in trial.split["apart"])
    if line := check(list(found), allowed, dict.fromkeys(REMEDIES, "fuse runs whose data is divided alike")):
        trial.how.progress.note(line)


def member_rows(run: Run, trial: Trial) -> list[Row]:
    """The rows of the chain of `run` on what the `trial` of another one is judged on."""
    bf16 = uses_bf16(run.experiment.precision, trial.how.device)
    how = replace(trial.how, bf16=bf16, systems=("coupled",), seen=ignore)
    return judge(Chain(run.frontend, run.backend, None), trial.mixtures, how)
