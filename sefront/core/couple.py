"""The main job: train what an experiment names, judge it, and leave a run folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sefront.core.decoded import Decoded
from sefront.core.experiment import Experiment
from sefront.core.job import prepared
from sefront.core.progress import Progress
from sefront.core.run import Run
from sefront.core.runs import check_same
from sefront.core.setup import Components


def couple(
    experiment: Experiment, components: Components, folder: Path, *, progress: Progress, resume: bool = False,
    command: Sequence[str] = (), cache: Decoded | None = None,
) -> Run:  # fmt: skip
    """Train and judge `experiment`, leaving everything in `folder`; `cache` keeps decoded audio.

    Raises:
        SefrontError: A mistake in the experiment, or in what it was given.
    """
    job = prepared(experiment, components, folder, progress, cache)
    if resume:
        check_same(folder, job.run.experiment)
    task = job.run.task if job.run.backend is not None else None
    run = job.train(task.metric if task else None, resume, command)
    processes = job.coupler.processes
    del job  # and with it the recordings that training has kept
    if processes.main:
        run.evaluate()
    processes.wait()  # one that ends would end the others
    return run
