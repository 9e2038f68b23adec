"""One phase of training, from its first epoch or from wherever it was interrupted."""

from __future__ import annotations

import math
import time
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from sefront.core.batches import Report, load, load_each
from sefront.core.checkpoint import Weights, put_weights, state_of, weights_of
from sefront.core.data import Mixtures
from sefront.core.epochs import Keys, equal_lengths, largest, shuffled
from sefront.core.errors import SefrontError
from sefront.core.joined import Joined
from sefront.core.modes import judging
from sefront.core.processes import Processes
from sefront.core.progress import Progress
from sefront.core.protocols import Coupling
from sefront.core.randomness import seeded, stream
from sefront.core.samples import Samples
from sefront.core.scoring import Judge, Score
from sefront.core.store import Store
from sefront.core.training import Standing
from sefront.core.types import Batch, Phase
from sefront.core.update import Update

GATHERED = 4096  # clips are enough for statistics
FEWEST = 2  # clips that a phase learns from: BatchNorm means nothing for one


@dataclass
class PhaseRun:
    """Everything that one phase needs.

    Args:
        phase: Who learns what, and how.
        parts: All modules by name, learners or not.
        learners: The modules that learn, by name.
        coupling: What the phase belongs to; its state is saved with the parts.
        fresh: Learners that nothing has trained before: what they want to know of their data is gathered first.
        update: What moves the learners.
        judge: What scores an epoch.
        train: Training mixtures.
        valid: Development mixtures.
        batch_size: Clips a step, over all processes.
        epochs: Most epochs.
        patience: Epochs without a better score before the phase ends.
        seconds: Longest part of a clip to learn from; None for whole clips.
        noise: Probability that a clip of a phase on clean waves is heard in noise.
        workers: Processes that read audio.
        seed: Seed of dropout and the like.
        store: Where checkpoints and log go.
        report: Called with each damaged clip.
        progress: Who watches.
        processes: Who trains together.
        device: Where to compute.
    """

    phase: Phase
    parts: Mapping[str, nn.Module]
    learners: Mapping[str, nn.Module]
    coupling: Coupling
    fresh: Sequence[str]
    update: Update
    judge: Judge
    train: Mixtures
    valid: Mixtures
    batch_size: int
    epochs: int
    patience: int
    seconds: float | None
    noise: float
    workers: int
    seed: int
    store: Store
    report: Report
    progress: Progress
    processes: Processes
    device: torch.device

    def run(self, standing: Standing, state: Mapping[str, Any] | None) -> None:
        """Train until the last epoch, or until patience ends; then load the best weights."""
        start = {name: weights_of(module) for name, module in self.learners.items()}
        if state is not None:
            self.update.load(state["update"])
            start = state["start"]
        keep = self.phase.keep()
        count = len(self.train) if keep is None else sum(clip.id in keep for clip in self.train.clips)
        if keep is not None and count < FEWEST:
            self.progress.note(f"phase {self.phase.name}: left out, because it keeps fewer than {FEWEST} clips")
            self.store.save("best", {name: weights_of(part) for name, part in self.parts.items()})
            return
        if state is None:
            for learner in self.learners.values():
                if isinstance(learner, Joined):
                    learner.decide_by("softmax")  # which is what learns
            self._gather(keep)
        self.progress.note(f"phase {self.phase.name}: {who(start)} from {self.phase.sees} waves")
        while standing.epoch < self.epochs and standing.waited < self.patience:
            began = time.perf_counter()
            losses = self._epoch(standing.epoch, keep)
            score = self.judge.score(self.phase, self.valid, self.batch_size)
            score = replace(score, value=self.processes.same(score.value), tie=self.processes.same(score.tie))
            record = {"phase": self.phase.name, "epoch": standing.epoch + 1, **losses, **self._probed(keep)}
            record |= self.update.log()
            self._close(standing, score, record | {"seconds": round(time.perf_counter() - began, 3)}, start)
        self.processes.wait()
        for name, part in self.parts.items():
            put_weights(part, self.store.weights("best", name) or weights_of(part), f"the best {name}")
        if self.phase.learners == ("backend",) and self.phase.sees == "clean" and not self.noise:
            self.store.save("original", {"backend": weights_of(self.parts["backend"])})
        models = [name for name in start if name != "coupling"]  # the weights of losses start at zero, without a length
        shares = ", ".join(f"{name} by {moved(start[name], self.learners[name]):.3g}" for name in models)
        self.progress.note(f"phase {self.phase.name}: moved {shares} of its length")

    def _gather(self, keep: Container[str] | None) -> None:
        """Show fresh learners with a method `fit` what they will learn from: one epoch of it, or the beginning of one.

        Every process sees all of it, so that all gather the same.
        """
        learners: dict[str, Any] = {n: self.learners[n] for n in self.fresh if hasattr(self.learners[n], "fit")}
        if not learners:
            return
        batches = self._batches(0, keep, GATHERED)[: -(-GATHERED // self.batch_size)]
        self.progress.start(f"{self.phase.name}: statistics for {' and '.join(learners)}", len(batches))
        for batch in self.heard(batches):
            with judging(*self.parts.values()):
                for name, part in learners.items():
                    heard = batch.noisy if name == "frontend" else self.judge.waves(batch, self.phase.sees)
                    part.fit(heard, batch.lengths)
            self.progress.advance()

    def heard(self, batches: Sequence[Keys] | None = None) -> Iterator[Batch]:
        """Batches on the device, in every process alike; by default those of the first epoch with all clips."""
        wanted = self._batches(0, None) if batches is None else batches
        for batch in load(self.train, wanted, workers=self.workers, report=self.report):
            yield self._given(batch)

    def _given(self, batch: Batch) -> Batch:
        """`batch` on the device; where clips may be heard in noise, that is what stands in place of clean waves."""
        return (replace(batch, clean=batch.noisy) if self.noise else batch).to(self.device)

    def _batches(self, epoch: int, keep: Container[str] | None, clips: int | None = None) -> Sequence[Keys]:
        """What is drawn for the steps of `epoch`, by all processes together; of so many `clips`, or of all."""
        snr = partial(self._snr, epoch)
        batches = shuffled(self.train, self.batch_size, epoch, keep, snr=snr, seconds=self.seconds)
        batches = batches if clips is None else batches.beginning(clips)
        return equal_lengths(self.train, batches) if self.judge.equal else batches

    def _snr(self, epoch: int, index: int) -> float | None:
        """Infinity for a clip that is heard clean in an epoch, else None, for an SNR that is drawn."""
        if self.phase.sees != "clean":
            return None
        chance = stream(self.train.seed, self.train.clips[index].id, "heard", epoch) if self.noise else None
        return None if chance is not None and chance.random() < self.noise else math.inf

    def _epoch(self, epoch: int, keep: Container[str] | None) -> dict[str, float]:
        """Every step of one epoch; the mean of what they log."""
        batches = self._batches(epoch, keep)
        shares = map(self.processes.share, batches)
        logged: dict[str, list[Tensor]] = {}
        samples = Samples()

        def note(values: Mapping[str, Tensor]) -> None:
            for name, value in values.items():
                if value.dim() == 0:
                    logged.setdefault(name, []).append(value)
            samples.add(values)

        self.update.begin(epoch)
        self.progress.start(f"{self.phase.name} {epoch + 1}/{self.epochs}", len(batches))
        with seeded(self.seed, "epoch", self.phase.name, epoch):
            for batch in load_each(self.train, shares, workers=self.workers, report=self.report):
                self.progress.advance()
                if not self.processes.all_have(batch, self.device) or batch is None:
                    continue
                samples.show(batch)
                with self.update.precision(self.device):
                    note(self.phase.step(self._given(batch), self.update))
            with self.update.precision(self.device):
                note(self.phase.close(self.update))
        self.store.samples(self.phase.name, epoch, self.processes.once(samples.steps()))
        means = {name: float(torch.stack(values).float().mean()) for name, values in logged.items()}
        if not means:
            raise SefrontError(f"phase {self.phase.name}: no usable training clip was left")
        if not all(map(math.isfinite, means.values())):
            lower = " ".join(f"-o optimiser.{n}.lr={learner.lr / 10:g}" for n, learner in self.update.learners.items())
            raise SefrontError(f"phase {self.phase.name}, epoch {epoch + 1}: the loss is not finite; try {lower}")
        return means

    def _probed(self, keep: Container[str] | None) -> dict[str, float]:
        """What the probe of the phase says of the first of its largest batches, drawn as in the first epoch."""
        keys = largest(self._batches(0, keep)) if self.phase.probe else []
        if self.phase.probe is None or not keys:
            return {}
        (batch,) = load_each(self.train, [self.processes.share(keys)])
        if not self.processes.all_have(batch, self.device) or batch is None:
            return {}
        with seeded(self.seed, "probe", self.phase.name), self.update.precision(self.device):
            values = self.phase.probe(batch.to(self.device), self.update)
        return {name: float(value) for name, value in values.items()}

    def _close(self, standing: Standing, score: Score, record: dict[str, Any], start: Mapping[str, Weights]) -> None:
        """Score, log and save an epoch."""
        self.update.end(score.value)
        best = standing.scored(score)
        record |= {"score": score.value, "scores": score.by_snr, "best": best}
        self.store.log(without_nan(record))
        self.progress.record(record)
        weights = {name: weights_of(part) for name, part in self.parts.items()}
        if best:
            self.store.save("best", weights)
        state = {
            "standing": standing.as_dict(), "update": self.update.state(), "start": dict(start),
            "coupling": state_of(self.coupling),
        }  # fmt: skip
        self.store.save("last", weights, state)


def without_nan(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with None in place of numbers that are not finite, which JSON does not know."""
    known: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            known[name] = without_nan(value)
        else:
            known[name] = None if isinstance(value, float) and not math.isfinite(value) else value
    return known


def who(names: Mapping[str, Any]) -> str:
    """Learners as the subject of a sentence."""
    return f"{' and '.join(names)} {'learn' if len(names) > 1 else 'learns'}"


def moved(before: Weights, module: nn.Module) -> float:
    """How far the parameters of `module` are from `before`, as a share of their length then."""
    pairs = [(before[name].double(), p.detach().cpu().double()) for name, p in module.named_parameters()]
    length = math.sqrt(sum(float(old.square().sum()) for old, _ in pairs))
    return math.sqrt(sum(float((new - old).square().sum()) for old, new in pairs)) / max(length, 1e-12)
