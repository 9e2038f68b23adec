"""Couple any audio enhancement frontend with any recogniser, train them together, and measure whether it helps."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sefront.plugins import hookimpl

if TYPE_CHECKING:
    from sefront.core.job import Job
    from sefront.core.progress import Progress
    from sefront.core.run import Evaluation, Run

__version__ = "0.1.0"
__all__ = ["__version__", "couple", "evaluate", "hookimpl", "open_run", "plan"]


def couple(
    *,
    out: str | PathLike[str] | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    command: Sequence[str] | None = None,
    **experiment: Any,
) -> Run:
    """Train a frontend and a backend together and judge them; the command ``sefront couple`` from Python.

    Args:
        out: Run folder; by default the next free name in ``runs/``.
        resume: Go on with the run in `out`, or with the last unfinished one in ``runs/``.
        progress: Who watches.
        command: What to note in ``lock.json`` as the command.
        experiment: The command's long options, as in ``frontend="unet", test_snr=(10, 0)``, and
            ``options={"frontend.width": 8}`` for its ``-o``.

    Returns:
        The finished run.

    Raises:
        SefrontError: A mistake in what was asked for; the message says what would be right.
    """
    from sefront.core.couple import couple as main_job
    from sefront.core.progress import Quiet
    from sefront.core.runs import placed
    from sefront.plugins import Catalogue

    components = Catalogue.installed()
    wanted, folder = placed(out, resume, experiment, components.corpora)
    words = sys.argv if command is None else command
    return main_job(wanted, components, folder, progress=progress or Quiet(), resume=resume, command=words)


def plan(*, out: str | PathLike[str] | None = None, resume: bool = False, **experiment: Any) -> Job:
    """What `couple` with the same arguments would do, built and checked, but not begun."""
    from sefront.core.job import prepared
    from sefront.core.progress import Quiet
    from sefront.core.runs import check_same, placed
    from sefront.plugins import Catalogue

    components = Catalogue.installed()
    wanted, folder = placed(out, resume, experiment, components.corpora)
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
        SefrontError: There is no finished run.
    """
    from sefront.core.run import Run
    from sefront.plugins import Catalogue

    return Run.open(Path(path), Catalogue.installed(), options)


def evaluate(path: str | PathLike[str], **how: Any) -> Evaluation:
    """Score a finished run; `how` is what `Run.evaluate` takes."""
    return open_run(path).evaluate(**how)
