"""Every fold of a split, and that again with other seeds: a run each, and what they come to together.

The scores of the folds are averaged for each repetition; mean and sample standard deviation are those over repetitions.
Of one repetition they are those over folds, which are no independent samples: their training data overlap.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from sefront.core.clips import Task
from sefront.core.couple import couple
from sefront.core.damages import Damages
from sefront.core.decoded import Decoded
from sefront.core.division import OWN
from sefront.core.errors import BadOptionError, SefrontError
from sefront.core.experiment import Experiment
from sefront.core.files import write_json
from sefront.core.fold_table import rendered
from sefront.core.job import prepared
from sefront.core.measures import metric_of
from sefront.core.processes import Processes
from sefront.core.progress import Progress, Quiet
from sefront.core.reader import Reader
from sefront.core.runs import RESULT, check_free
from sefront.core.setup import Components
from sefront.core.splitting import count_of
from sefront.core.supply import Data
from sefront.core.written import write_experiment

Row = dict[str, Any]


@dataclass(frozen=True)
class Series:
    """Runs that differ in fold and seed, below one folder.

    Args:
        path: The folder.
        experiment: What they share, with how many folds and repeats.
        components: The installed components.
        progress: Who watches.
        cache: Where decoded audio is kept.
    """

    path: Path
    experiment: Experiment
    components: Components
    progress: Progress
    cache: Decoded | None = None

    @classmethod
    def open(cls, path: Path, components: Components) -> Series:
        """Those that lie in `path`.

        Raises:
            SefrontError: There are none, or not all have been judged.
        """
        if not (path / RESULT).exists():
            raise SefrontError(f"{path}: holds no finished folds; continue them with --out {path} --resume")
        return cls(path, Experiment.read(path / "experiment.toml"), components, Quiet())

    @cached_property
    def runs(self) -> list[list[tuple[Path, Experiment]]]:
        """Folder and experiment of every run, by repetition.

        Raises:
            SefrontError: The split has no folds, or not as many.
        """
        e = self.experiment
        if e.fold is not None and e.folds is not None:
            raise BadOptionError(f"--fold {e.fold} is one of those that --folds {e.folds} runs; leave one of them out")
        count = self.count()
        found = []
        for repeat in range(e.repeats):
            place = self.path / f"repeat-{repeat + 1}" if e.repeats > 1 else self.path
            own = replace(e, folds=None, repeats=1, seed=e.seed + repeat)
            digits = max(2, len(str(count)))
            folds = [
                (place / f"fold-{k:0{digits}d}", replace(own, fold=f"{k}/{count}")) for k in range(1, (count or 0) + 1)
            ]
            found.append(folds or [(place, own)])
        return found

    def count(self) -> int | None:
        """How many folds there are; None where each repetition is one run."""
        e = self.experiment
        if e.folds is None:
            return None
        undivided = replace(e, splits=OWN, fold=None)
        corpus = Data(undivided, self.components, Damages(), Reader(e.sample_rate)).corpus(e.corpus, "corpus")
        return count_of(corpus, e.splits, e.folds, e.seed, f"corpus '{e.corpus.partition(':')[0]}'")

    def plan(self) -> list[str]:
        """What will happen, a line each; the first run stands for all."""
        path, experiment = self.runs[0][0]
        first = prepared(experiment, self.components, path, self.progress).plan()
        return [f"{sum(map(len, self.runs))} runs below {self.path}, the first of them:", *first]

    def train(self, resume: bool, command: Sequence[str]) -> Series:
        """Train and judge what has not been, one run after the other, and write what they come to."""
        processes, every = Processes(), [run for runs in self.runs for run in runs]
        states = [((path / "evaluation.json").exists(), (path / "experiment.toml").exists()) for path, _ in every]
        processes.wait()  # all have looked before any writes
        if processes.main and not resume:
            check_free(self.path)
            write_experiment(self.path / "experiment.toml", self.experiment, None)
        for number, ((path, experiment), (judged, begun)) in enumerate(zip(every, states, strict=True), 1):
            if not judged:
                self.progress.note(f"run {number} of {len(every)}: {path}")
                couple(
                    experiment, self.components, path, progress=self.progress, resume=begun, command=command,
                    cache=self.cache,
                )  # fmt: skip
        if processes.main:
            write_json(self.path / RESULT, self.summary())
        processes.wait()
        return self

    def summary(self) -> dict[str, Any]:
        """What the runs come to: a row for each system, SNR, metric and noise type."""
        found = [[read(path) for path, _ in runs] for runs in self.runs]
        first = found[0][0]
        splits = [run["split"] for runs in found for run in runs]
        split = {name: first["split"][name] for name in ("kind", "apart")}
        dependent = any(each["speaker_dependent"] for each in splits)
        return {
            "schema": 1,
            "task": first["task"],
            "split": {**split, "fold": None, "speaker_dependent": dependent},
            "folds": len(found[0]),
            "repeats": len(found),
            "over": "repetitions" if len(found) > 1 else "folds",
            "rows": aggregated([[run["rows"] for run in runs] for runs in found]),
        }

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What `summary` has written."""
        return dict(json.loads((self.path / RESULT).read_text(encoding="utf-8")))

    @property
    def rows(self) -> list[Row]:
        """A row for each system, SNR, metric and noise type."""
        return list(self.facts["rows"])

    def table(self) -> str:
        """Mean and standard deviation of systems by SNR, as aligned text."""
        task = Task(**self.facts["task"]) if self.facts["task"] else None
        names = dict.fromkeys(row["metric"] for row in self.rows)
        rate = self.experiment.sample_rate
        return rendered(self.facts, {name: metric_of(name, self.components, rate, task) for name in names})


def read(run: Path) -> dict[str, Any]:
    """The evaluation of `run`."""
    return dict(json.loads((run / "evaluation.json").read_text(encoding="utf-8")))


def aggregated(repeats: Sequence[Sequence[Sequence[Mapping[str, Any]]]]) -> list[Row]:
    """A row for each system, SNR, metric and noise type of the rows of every repetition and fold.

    `values` holds what mean and standard deviation are over: one number a repetition, of one repetition one a fold.
    """
    tables = [[{key(row): row["value"] for row in rows} for rows in folds] for folds in repeats]
    found = []
    for name in dict.fromkeys(key(row) for folds in repeats for rows in folds for row in rows):
        scores = [[table.get(name) for table in folds] for folds in tables]
        values = [mean(each) for each in scores] if len(scores) > 1 else scores[0]
        defined = [value for value in values if value is not None]
        std = stdev(defined) if len(defined) > 1 else None
        system, snr, metric, noise = name
        found.append(
            {"system": system, "snr": snr, "metric": metric, "value": mean(values), "std": std, "values": values,
             "noise": noise}
        )  # fmt: skip
    return found


def key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a row is about."""
    return row["system"], row["snr"], row["metric"], row["noise"]


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of the values that are defined, if there are any."""
    defined = [value for value in values if value is not None]
    return fmean(defined) if defined else None
