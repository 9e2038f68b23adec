"""Judging a trained chain: four systems, every SNR, signal and task metrics, one row a clip.

noisy      signal metrics of the unprocessed mixture
original   task metrics of the clean-trained backend alone; absent where there is none, never substituted
bypass     task metrics of the coupled backend without its frontend
coupled    signal and task metrics of the chain as it was trained
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from joblib import Parallel, delayed
from torch import Tensor

from sefront.core.aggregation import SYSTEMS
from sefront.core.batches import Report, Seen, ignore, load
from sefront.core.chain import enhance, pads, predict
from sefront.core.data import Mixtures
from sefront.core.epochs import equal_lengths, in_order
from sefront.core.kinds import Kind
from sefront.core.losses import reference
from sefront.core.mixture_entry import Entry
from sefront.core.modes import judging
from sefront.core.pairs import measured
from sefront.core.precision import arranged, autocast
from sefront.core.progress import Progress, Quiet
from sefront.core.protocols import Backend, Frontend, Metric
from sefront.core.recorded import lacking, levels_of, named, titled
from sefront.core.types import Batch

Row = dict[str, Any]
BATCH = 16


@dataclass(frozen=True)
class Chain:
    """What is judged.

    Args:
        frontend: The trained frontend, or None.
        backend: The trained backend, or None.
        original: The clean-trained backend, or None.
    """

    frontend: Frontend | None
    backend: Backend | None
    original: Backend | None

    def parts(self) -> list[Any]:
        """The parts there are."""
        return [part for part in (self.frontend, self.backend, self.original) if part is not None]


@dataclass(frozen=True)
class Judgement:
    """How to judge.

    Args:
        metrics: Metrics by name; those on waves are computed per clip, those on labels over sets.
        levels: SNRs in dB; infinity stands for clean.
        device: Where to compute.
        bf16: Whether models run under bfloat16 autocast, as they did in training.
        jobs: Processes that compute signal metrics.
        systems: Which systems to judge.
        kind: How numbers become answers; by default as in training.
        report: Called with each damaged clip.
        seen: Called with each mixture.
        progress: Who watches.
    """

    metrics: Mapping[str, Metric]
    levels: Sequence[float]
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    bf16: bool = False
    jobs: int = -1
    systems: Container[str] = SYSTEMS
    kind: Kind | None = None
    report: Report = ignore
    seen: Seen = ignore
    progress: Progress = field(default_factory=Quiet)


def judge(chain: Chain, mixtures: Mixtures, how: Judgement) -> list[Row]:
    """One row per clip, SNR and system; the parts are on the device meanwhile, and back in memory afterwards."""
    for part in chain.parts():
        arranged(part, how.device, how.bf16)
    with Parallel(n_jobs=how.jobs, return_as="generator") as pool:
        rows = list(Examination(chain, mixtures, how, pool).rows())
    for part in chain.parts():
        part.to("cpu")
    return rows


@dataclass(frozen=True)
class Examination:
    """One evaluation under way.

    Args:
        chain: What is judged.
        mixtures: What it is judged on.
        how: How to judge.
        pool: Runs delayed calls in several processes.
    """

    chain: Chain
    mixtures: Mixtures
    how: Judgement
    pool: Any

    @cached_property
    def kind(self) -> Kind:
        """How numbers become answers."""
        return self.how.kind or self.mixtures.kind

    @cached_property
    def of_waves(self) -> dict[str, Metric]:
        """The signal metrics that apply; none where a clip has no clean reference."""
        if lacking(self.mixtures.clips):
            return {}
        cards = {name: metric.card() for name, metric in self.how.metrics.items()}
        wanted = str(self.mixtures.wanted)
        return {n: self.how.metrics[n] for n, c in cards.items() if c.compares == "waves" and c.applies(wanted)}

    @cached_property
    def noise_of(self) -> dict[str, str]:
        """The noise type of each clip, once it was seen in noise."""
        return {}

    def seen(self, entry: Entry) -> None:
        """Note the noise type of a mixture, and let others see it."""
        self.noise_of[entry.id] = entry.kind
        self.how.seen(entry)

    def rows(self) -> Iterator[Row]:
        """The rows of every SNR, or of the one level of recordings in noise."""
        for level in levels_of(self.mixtures, self.how.levels):
            keys = in_order(self.mixtures, BATCH, level)
            if not all(map(pads, self.chain.parts())):
                keys = equal_lengths(self.mixtures, keys)
            self.how.progress.start(f"evaluating {titled(level)}", len(keys))
            for batch in load(self.mixtures, keys, report=self.how.report, seen=self.seen):
                yield from self.batch_rows(batch)
                self.how.progress.advance()

    def batch_rows(self, cpu: Batch) -> Iterator[Row]:
        """The rows of one batch."""
        batch = cpu.to(self.how.device)
        enhanced = None
        with judging(*self.chain.parts()), autocast(self.how.bf16, self.how.device):
            if self.chain.frontend is not None:
                enhanced = enhance(self.chain.frontend, batch.noisy, batch.lengths).waves
            facts = dict(self.task_facts(batch, enhanced))
        estimates = {} if float(cpu.snr[0]) == math.inf else {"noisy": cpu.noisy}
        if enhanced is not None:
            estimates["coupled"] = enhanced.cpu()
        wanted = {name: waves for name, waves in estimates.items() if name in self.how.systems}
        for name, signals in self.signal_facts(cpu, wanted).items():
            tasks = facts.get(name, [{} for _ in signals])
            facts[name] = [{**task, **signal} for task, signal in zip(tasks, signals, strict=True)]
        for i, clip in enumerate(cpu.ids):
            level = named(float(cpu.snr[i]))
            where = {"snr": level, "noise": None if isinstance(level, str) else self.noise_of[clip]}
            for system, rows in facts.items():
                yield {"id": clip, **where, "system": system, **rows[i]}

    def signal_facts(self, batch: Batch, estimates: Mapping[str, Tensor]) -> dict[str, list[Row]]:
        """Signal metrics of every estimate, a row a clip; computed by several processes."""
        if not self.of_waves:
            return {}
        rate, clean = self.mixtures.reader.sample_rate, reference(batch)
        pairs = [
            (clean[i, :n].numpy(), waves[i, :n].numpy())
            for waves in estimates.values()
            for i, n in enumerate(batch.lengths.tolist())
        ]
        # all at once, lest joblib say that it was left before the end
        values = iter(list(self.pool(delayed(measured)(self.of_waves, x, y, rate) for x, y in pairs)))
        return {name: [next(values) for _ in batch.ids] for name in estimates}

    def task_facts(self, batch: Batch, enhanced: Tensor | None) -> Iterator[tuple[str, list[Row]]]:
        """Prediction, scores and task loss of every system with a backend, a row a clip."""
        systems: list[tuple[str, Backend | None, Tensor]] = [("original", self.chain.original, batch.noisy)]
        if enhanced is not None:
            systems.append(("bypass", self.chain.backend, batch.noisy))
        systems.append(("coupled", self.chain.backend, batch.noisy if enhanced is None else enhanced))
        for name, backend, waves in systems:
            if backend is not None and name in self.how.systems:
                prediction = predict(backend, waves, batch.lengths)
                losses = map(number, backend.loss(prediction, batch).tolist())
                columns = zip(self.kind.pairs(batch, prediction), self.kind.scores(prediction), losses, strict=True)
                yield name, [{"target": t, "prediction": p, **s, "loss": loss} for (t, p), s, loss in columns]


def number(value: float) -> float | None:
    """`value` as JSON can hold it."""
    return value if math.isfinite(value) else None
