"""A trained run: its folder, its modules, and what one does with them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from sefront.core import checkpoint
from sefront.core.aggregation import Evaluation
from sefront.core.checkpoint import put_weights
from sefront.core.clips import Task
from sefront.core.decoded import Decoded
from sefront.core.decoding import Decoding
from sefront.core.division import warning
from sefront.core.errors import SefrontError
from sefront.core.evaluation import judge
from sefront.core.experiment import Experiment
from sefront.core.inference import Listener
from sefront.core.kinds import Kind, kind_of
from sefront.core.lock import trained
from sefront.core.measures import defined, metric_of, usual
from sefront.core.opening import check_adjustable, put_best
from sefront.core.parameters import build
from sefront.core.progress import Progress, Quiet
from sefront.core.protocols import Backend, Frontend, Metric
from sefront.core.setup import BOTH, Components, Models, models_of
from sefront.core.table import rendered
from sefront.core.trial import Trial, trial_of
from sefront.core.written import task_in

Waves = NDArray[np.float32]
Place = str | PathLike[str]


@dataclass
class Run:
    """A run folder and the modules in it, with their best weights and in eval mode.

    Args:
        path: The folder.
        experiment: What was asked for, resolved.
        task: What the backend predicts; None for a frontend alone.
        models: The modules.
        components: The installed components, for corpora and metrics by name.
        progress: Who watches.
        changed: Settings in place of those it was trained with; such a run is not the one in the folder.
        cache: Where decoded audio is kept.
    """

    path: Path
    experiment: Experiment
    task: Task | None
    models: Models
    components: Components
    progress: Progress = field(default_factory=Quiet)
    changed: Mapping[str, Any] = field(default_factory=dict)
    cache: Decoded | None = None

    @classmethod
    def open(cls, path: Path, components: Components, options: Mapping[str, Any] | None = None) -> Run:
        """Load a finished run.

        Args:
            path: The run folder.
            components: The installed components.
            options: Settings in place of those it was trained with, such as ``{"frontend.decode": "t1_prm"}``.

        Raises:
            SefrontError: There is no run, it has no trained weights yet, or a setting cannot change any more.
        """
        written = path / "experiment.toml"
        if not written.exists():
            raise SefrontError(f"{path}: not a run folder (it holds no experiment.toml)")
        if not trained(path):
            raise SefrontError(f"{path}: is not trained to its end; continue it with --out {path} --resume")
        experiment, task = Experiment.read(written), task_in(written)
        if experiment.several:
            raise SefrontError(f"{path}: holds a run for each fold or repeat; name one of those below it")
        wanted = replace(experiment, options={**experiment.options, **(options or {})})
        models = models_of(wanted, components, task)
        check_adjustable(experiment, wanted, models, components, path)
        put_best(models, path)
        return cls(path, wanted, task, models, components, changed=options or {})

    def with_frontend(self, frontend: Frontend) -> Run:
        """The same run with another frontend before its backend, such as what `sefront.wrap_enhancer` returns.

        Raises:
            SefrontError: The run has no backend, or the frontend works at another sample rate.
        """
        if self.backend is None:
            raise SefrontError(f"{self.path}: mode '{self.experiment.mode}' has no backend to put a frontend before")
        own = self.experiment.sample_rate
        rate = getattr(frontend, "sample_rate", own)
        if rate != own:
            raise SefrontError(f"{self.path}: works at {own} Hz, but the frontend at {rate} Hz; build it for {own} Hz")
        if isinstance(frontend, nn.Module):
            frontend.eval()
        models = replace(self.models, frontend=frontend, chain=BOTH)
        return replace(self, models=models, changed={**self.changed, "frontend": type(frontend).__name__})

    @property
    def frontend(self) -> Frontend | None:
        """The trained frontend; None in modes without one."""
        return self.models.frontend

    @property
    def backend(self) -> Backend | None:
        """The trained backend; None for a frontend alone."""
        return self.models.backend

    @cached_property
    def original(self) -> Backend | None:
        """The clean-trained backend that the run started from; None where there was none."""
        if (weights := checkpoint.load_part(self.path / "checkpoint" / "original", "backend")) is None:
            return None
        backend = models_of(self.experiment, self.components, self.task).backend
        if isinstance(backend, nn.Module):
            put_weights(backend, weights, f"{self.path}: the original backend")
            backend.eval()
        return backend

    def evaluate(
        self,
        *,
        corpus: Place | None = None,
        noise: Place | Sequence[Place] | None = None,
        intruder: Place | Sequence[Place] | None = None,
        test_snr: str | float | Sequence[float] | None = None,
        metrics: Sequence[str] | str | None = None,
        mixtures: Place | None = None,
        split: str = "test",
        original: Run | None = None,
        device: str | None = None,
        follow_outside: bool | None = None,
        allow_leak: bool = False,
        out: Place | None = None,
        **decoding: Any,
    ) -> Evaluation:
        """Score the chain, the bypassed and the original backend and the mixtures at every SNR and on clean audio.

        Args:
            corpus: Another corpus than the run's own.
            noise: Other test noise.
            intruder: Other speech that disturbs scenes.
            test_snr: Other SNRs in dB.
            metrics: Other metrics by name.
            mixtures: Run or list whose mixtures to judge on, in place of those that would be drawn.
            split: Which split: train, valid, test or all.
            original: Run whose clean-trained backend is the row to compare with, in place of this run's own.
            device: Where to compute, in place of where it was trained.
            follow_outside: Whether the lists that are named may lead out of their folders; by default as in training.
            allow_leak: Go on where the run has learnt from what it is tested on.
            out: Where to write the rows; by default the run folder, unless something other than its own is scored.
            decoding: What `sefront.core.decoding.Decoding` takes, such as ``decoder="beam"``.

        Raises:
            SefrontError: Something is misnamed or missing, or the run has learnt from what it would be tested on.
        """
        begun = self.trial(
            corpus=corpus, noise=noise, intruder=intruder, test_snr=test_snr, metrics=metrics, mixtures=mixtures,
            split=split, original=original, device=device, allow_leak=allow_leak, follow_outside=follow_outside,
            **decoding,
        )  # fmt: skip
        evaluation = begun.evaluation(judge(begun.chain, begun.mixtures, begun.how))
        unchanged = Experiment.read(self.path / "experiment.toml")
        own = not (self.changed or decoding or mixtures) and begun.data.experiment.judges_like(unchanged)
        if out or (own and metrics is None and split == "test" and original is None):
            evaluation.save(Path(out or self.path))
        return evaluation

    def trial(self, **how: Any) -> Trial:
        """The evaluation that `evaluate` with the same arguments begins; raises as it does."""
        return trial_of(self, **how)

    def metrics(self, names: Sequence[str] | str | None = None) -> dict[str, Metric]:
        """The metrics called `names`; by default the task's headline and the signal metrics that apply."""
        rate = self.experiment.sample_rate
        if names is None:
            names, _ = defined(usual(self.task, self.backend is not None), rate)
        wanted = [names] if isinstance(names, str) else names
        return {name: metric_of(name, self.components, rate, self.task) for name in wanted}

    def left_out(self) -> list[str]:
        """A line for each usual metric that is not defined at the sample rate of the run."""
        return defined(usual(self.task, self.backend is not None), self.experiment.sample_rate)[1]

    def table(self) -> str:
        """The table of the last evaluation of its own test, as aligned text.

        Raises:
            SefrontError: It has not been judged yet.
        """
        path = self.path / "evaluation.json"
        if not path.exists():
            raise SefrontError(f"{self.path}: not judged yet; use `sefront evaluate {self.path}`")
        known = json.loads(path.read_text(encoding="utf-8"))
        metrics = self.metrics() | self.metrics(list(dict.fromkeys(row["metric"] for row in known["rows"])))
        return rendered(known["rows"], metrics, self.task, warning(known.get("split")))

    def listener(self, **decoding: Any) -> Listener:
        """The trained chain, ready for waves of any rate; `decoding` is what `Decoding` takes."""
        return Listener(self.frontend, self.backend, self.kind(decoding), self.experiment.sample_rate)

    def kind(self, decoding: Mapping[str, Any]) -> Kind:
        """How the backend's numbers become answers."""
        return kind_of(self.task, build(Decoding, options=decoding, owner="decoding"))

    def enhance(self, waves: Waves, sample_rate: int) -> Waves:
        """`waves` (samples,) or (samples, channels) at `sample_rate` Hz, enhanced; the same shape and rate."""
        return self.listener().enhance(waves, sample_rate)

    def predict(self, waves: Waves, sample_rate: int, **decoding: Any) -> dict[str, Any]:
        """What is heard in `waves` (samples,) or (samples, channels): label and posteriors, a text, or traces."""
        return self.listener(**decoding).predict(waves, sample_rate)
