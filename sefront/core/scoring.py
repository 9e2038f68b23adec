"""Development scores: what a phase is judged by while it trains, on development data only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any, cast

import torch
from torch import Tensor, nn

from sefront.core.batches import Report, load
from sefront.core.chain import enhance, part_of, predict
from sefront.core.data import Mixtures
from sefront.core.epochs import equal_lengths, in_order
from sefront.core.losses import reference
from sefront.core.modes import judging
from sefront.core.precision import autocast
from sefront.core.protocols import Backend, Frontend, Metric
from sefront.core.recorded import levels_of, named
from sefront.core.types import Batch, Phase, Sees


@dataclass(frozen=True, order=True)
class Score:
    """How good an epoch was, higher being better.

    Args:
        value: The mean over the SNRs.
        tie: What decides between equal values.
        by_snr: The value at every SNR, for the log.
    """

    value: float
    tie: float = 0.0
    by_snr: dict[str, float] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Judge:
    """Scores a phase on development mixtures.

    Args:
        frontend: The frontend.
        backend: The backend.
        metric: Headline metric of the task; without one, the task loss decides.
        levels: SNRs in dB of the development grid.
        device: Where to compute.
        bf16: Whether to compute under bfloat16 autocast, as training does.
        equal: Whether batches hold clips of one length only.
        report: Called with each damaged clip.
    """

    frontend: Frontend
    backend: Backend
    metric: Metric | None
    levels: Sequence[float]
    device: torch.device
    bf16: bool
    equal: bool
    report: Report

    def score(self, phase: Phase, mixtures: Mixtures, batch_size: int) -> Score:
        """A phase without a backend by the frontend's loss, others by the task, each on what it sees.

        Recordings in noise have one level.
        """
        levels = levels_of(mixtures, [math.inf] if phase.sees == "clean" else self.levels)
        task = any(name.startswith("backend") for name in phase.learners)
        branch = next((name for name in phase.learners if name.startswith("backend.")), "backend")
        backend = cast(Backend, part_of({"backend": cast(nn.Module, self.backend)}, branch))
        judge = replace(self, backend=backend)
        scores = [judge.at(level, phase.sees, mixtures, batch_size, task) for level in levels]
        names = [name if isinstance(name := named(level), str) else f"{name:g}" for level in levels]
        by_snr = {name: score.value for name, score in zip(names, scores, strict=True)}
        return Score(fmean(by_snr.values()), fmean(s.tie for s in scores), by_snr)

    def at(self, level: float, sees: Sees, mixtures: Mixtures, batch_size: int, task: bool) -> Score:
        """The score at one SNR in dB."""
        losses: list[Tensor] = []
        pairs: list[tuple[Any, Any]] = []
        keys = in_order(mixtures, batch_size, level)
        for cpu in load(mixtures, equal_lengths(mixtures, keys) if self.equal else keys, report=self.report):
            batch = cpu.to(self.device)
            with judging(self.frontend, self.backend), autocast(self.bf16, self.device):
                if not task:
                    losses.append(self.frontend.loss(enhance(self.frontend, batch.noisy, batch.lengths), batch))
                    continue
                prediction = predict(self.backend, self.waves(batch, sees), batch.lengths)
                losses.append(self.backend.loss(prediction, batch))
            pairs += mixtures.kind.pairs(cpu, prediction)
        loss = float(torch.cat(losses).mean()) if losses else math.nan
        if not task or self.metric is None:
            return Score(-loss)
        value = self.metric([truth for truth, _ in pairs], [answer for _, answer in pairs])
        return Score(value if self.metric.card().higher_is_better else -value, -loss)

    def waves(self, batch: Batch, sees: Sees) -> Tensor:
        """What the backend is given, (batch, time)."""
        if sees == "clean":
            return reference(batch)
        return enhance(self.frontend, batch.noisy, batch.lengths).waves if sees == "enhanced" else batch.noisy
