"""Couple any audio enhancement frontend with any recogniser, train them together, and measure whether it helps."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sefront.plugins import hookimpl

if TYPE_CHECKING:
    from sefront.core.aggregation import Evaluation
    from sefront.core.clips import Task
    from sefront.core.folds import Series
    from sefront.core.job import Job
    from sefront.core.progress import Progress
    from sefront.core.run import Run
    from sefront.core.wrapped import Wrapped
    from sefront.core.wrapped_classifier import WrappedClassifier

__version__ = "0.1.0"
__all__ = [
    "__version__", "couple", "evaluate", "fuse", "hookimpl", "open_run", "plan", "wrap_classifier", "wrap_enhancer",
]  # fmt: skip


def couple(
    *,
    out: str | PathLike[str] | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    command: Sequence[str] | None = None,
    cache: str | PathLike[str] | None = None,
    cache_gb: float | None = None,
    **experiment: Any,
) -> Run | Series:
    """Train a frontend and a backend together and judge them; the command ``sefront couple`` from Python.

    Args:
        out: Run folder; by default the next free name in ``runs/``.
        resume: Go on with the run in `out`, or with the last unfinished one in ``runs/``.
        progress: Who watches.
        command: What to note in ``lock.json`` as the command.
        cache: Folder that keeps decoded audio, so that it need not be decoded again; runs may share it.
        cache_gb: Most gigabytes of it, 20 by default.
        experiment: The command's long options, as in ``frontend="unet", test_snr=(10, 0)``, and
            ``options={"frontend.width": 8}`` for its ``-o``.

    Returns:
        The finished run; with ``folds="all"`` or ``repeats``, all of them.

    Raises:
        SefrontError: A mistake in what was asked for; the message says what would be right.
    """
    from sefront.core.couple import couple as main_job
    from sefront.core.decoded import decoded
    from sefront.core.folds import Series
    from sefront.core.progress import Quiet
    from sefront.core.runs import placed
    from sefront.plugins import Catalogue

    components = Catalogue.installed()
    wanted, folder = placed(out, resume, experiment, components.corpora)
    words = sys.argv if command is None else command
    watcher, kept = progress or Quiet(), decoded(cache, cache_gb)
    if wanted.several:
        return Series(folder, wanted, components, watcher, kept).train(resume, words)
    return main_job(wanted, components, folder, progress=watcher, resume=resume, command=words, cache=kept)


def plan(*, out: str | PathLike[str] | None = None, resume: bool = False, **experiment: Any) -> Job | Series:
    """What `couple` with the same arguments would do, built and checked, but not begun."""
    from sefront.core.folds import Series
    from sefront.core.job import prepared
    from sefront.core.progress import Quiet
    from sefront.core.runs import check_same, placed
    from sefront.plugins import Catalogue

    components = Catalogue.installed()
    wanted, folder = placed(out, resume, experiment, components.corpora)
    if wanted.several:
        return Series(folder, wanted, components, Quiet())
    job = prepared(wanted, components, folder, Quiet())
    if resume:
        check_same(folder, job.run.experiment)
    return job


def open_run(path: str | PathLike[str], options: Mapping[str, Any] | None = None) -> Run:
    """Load a finished run.

    Args:
        path: The run folder.
        options: Settings in place of those it was trained with, such as ``{"frontend.decode": "t1_prm"}``.

    Raises:
        SefrontError: There is no finished run, or a setting cannot change any more.
    """
    from sefront.core.run import Run
    from sefront.plugins import Catalogue

    return Run.open(Path(path), Catalogue.installed(), options)


def evaluate(path: str | PathLike[str], **how: Any) -> Evaluation:
    """Score a finished run; `how` is what `Run.evaluate` takes."""
    return open_run(path).evaluate(**how)


def wrap_enhancer(
    enhancer: Callable[..., Any],
    sample_rate: int,
    *,
    own_rate: int | None = None,
    delay: int = 0,
    takes: Literal["torch", "numpy"] = "torch",
    differentiable: bool | None = None,
    pads: bool = False,
    loss: Literal["wsdr", "si_sdr"] = "wsdr",
) -> Wrapped:
    """Make a frontend of any enhancer: a function or torch module from waves to waves of the same length.

    Its output is brought back to the chain's rate, aligned with its input and checked. A torch module is part of the
    frontend: it moves, trains and is saved with it. What should stay as it is, is frozen first, by
    ``module.requires_grad_(False)``. A function hides the modules that it calls, so these do nothing of the kind.

    Args:
        enhancer: The function or module. One that wants (batch, 1, time) stands between ``nn.Unflatten(1, (1, -1))``
            and ``nn.Flatten(1)`` in an ``nn.Sequential``.
        sample_rate: Rate of the chain's waves in Hz.
        own_rate: Rate in Hz that the enhancer works at, if another: waves are resampled on their way there and back.
        delay: Samples at its own rate by which the enhancer's output lags behind its input.
        takes: torch: it is called with float32 tensors (batch, time). numpy: it is called with one clip after the
            other, float32 arrays (time,) on the processor, without padding.
        differentiable: Whether gradients pass; by default through torch modules and through nothing else. A module
            through which none pass is frozen.
        pads: Whether the enhancer ignores zeros behind a clip; if not, batches hold clips of one length only.
        loss: What a trainable enhancer learns from by itself: wSDR or negative SI-SDR.

    Returns:
        The frontend, for `sefront.core.Coupler`, for `Run.with_frontend` before the backend of a finished run, or to be
        called with waves (batch, time) and their lengths (batch,).
        Called, it raises a SefrontError where the enhancer fails or returns anything but finite waves of the shape it
        was given, up to 0.1 s longer or shorter.

    Raises:
        SefrontError: The enhancer cannot be called, or an argument does not fit.

    Example:
        >>> import torch
        >>> from scipy.signal import medfilt
        >>> frontend = wrap_enhancer(medfilt, 16000, own_rate=8000, takes="numpy")
        >>> enhanced = frontend(torch.randn(2, 4000), lengths=torch.tensor([4000, 3000]))
        >>> enhanced.waves.shape
        torch.Size([2, 4000])
    """
    from sefront.core.parameters import build
    from sefront.core.wrapped import Wrapped

    options = {
        "own_rate": own_rate, "delay": delay, "takes": takes, "differentiable": differentiable, "pads": pads,
        "loss": loss,
    }  # fmt: skip
    frontend: Wrapped = build(Wrapped, enhancer, sample_rate, options=options, owner="wrap_enhancer")
    return frontend


def wrap_classifier(
    classifier: Callable[..., Any],
    task: Task,
    sample_rate: int,
    *,
    own_rate: int | None = None,
    labels: Sequence[str] | None = None,
    differentiable: bool | None = None,
    pads: bool = False,
) -> WrappedClassifier:
    """Make a backend of any classifier: a function or torch module from waves to logits.

    It is called with float32 tensors (batch, time) and returns logits (batch, classes), one for each label of the task;
    its loss is the cross-entropy. A torch module is part of the backend: it moves, trains and is saved with it. What
    should stay as it is, is frozen first, by ``module.requires_grad_(False)``.

    Args:
        classifier: The function or module. One that wants (batch, 1, time) stands behind ``nn.Unflatten(1, (1, -1))``
            in an ``nn.Sequential``.
        task: What it is asked to predict, a classification.
        sample_rate: Rate of the chain's waves in Hz.
        own_rate: Rate in Hz that the classifier works at, if another: waves are resampled on their way there.
        labels: The task's labels in the order of the classifier's classes, if it is not the task's order.
        differentiable: Whether gradients pass; by default through torch modules and through nothing else. A module
            through which none pass is frozen.
        pads: Whether the classifier ignores zeros behind a clip; if not, batches hold clips of one length only.

    Returns:
        The backend, for `sefront.core.Coupler`, or to be called with waves (batch, time) and their lengths (batch,).
        Called, it raises a SefrontError where the classifier fails or returns anything but finite logits.

    Raises:
        SefrontError: The classifier cannot be called, the task is no classification, or an argument does not fit.

    Example:
        >>> import torch
        >>> from sefront.core import Task
        >>> task = Task("classification", ("quiet", "loud"), "uar")
        >>> model = torch.nn.Sequential(torch.nn.AdaptiveAvgPool1d(100), torch.nn.Linear(100, 2))
        >>> backend = wrap_classifier(model, task, 16000, own_rate=8000, labels=["loud", "quiet"])
        >>> backend(torch.randn(3, 4000), lengths=torch.tensor([4000, 4000, 4000])).scores.shape
        torch.Size([3, 2])
    """
    from sefront.core.parameters import build
    from sefront.core.wrapped_classifier import WrappedClassifier

    options = {"own_rate": own_rate, "labels": labels, "differentiable": differentiable, "pads": pads}
    backend: WrappedClassifier = build(
        WrappedClassifier, classifier, task, sample_rate, options=options, owner="wrap_classifier"
    )
    return backend


def fuse(
    runs: Sequence[str | PathLike[str] | Run],
    weights: Sequence[float] | None = None,
    fusion: str = "mean",
    **how: Any,
) -> Evaluation:
    """Score several finished runs and the fusion of their class posteriors, all on the test of the first.

    Args:
        runs: Run folders or opened runs, at least two; one run may be opened with several settings.
        weights: One for each run, scaled to sum to one; by default equal.
        fusion: "mean" of posteriors, or "log" for that of their logarithms, scaled to sum to one.
        how: What `Run.evaluate` takes; only the task's headline metric is computed unless `metrics` are named, and
            nothing is written unless `out` is.

    Raises:
        SefrontError: The runs do not fit together, or something is misnamed or missing.
    """
    from sefront.core.members import fuse as main_fusion
    from sefront.core.run import Run

    opened = [run if isinstance(run, Run) else open_run(run) for run in runs]
    return main_fusion(opened, weights, fusion, **how)
