"""Which metrics judge a run: the headline of its task, and the signal metrics that its audio allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sefront.core.clips import Task
from sefront.core.errors import SefrontError
from sefront.core.parameters import build
from sefront.core.protocols import Metric
from sefront.core.setup import Components

SIGNAL = ("si_sdr", "stoi", "pesq")
RATES: Mapping[str, Mapping[int, Mapping[str, Any]]] = {"pesq": {8000: {"band": "nb"}, 16000: {"band": "wb"}}}
"""The sample rates in Hz of metrics that are not defined at every one, and what each takes there."""
COMPARED = {"classification": ("labels",), "transcription": ("transcripts", "labels"), "trace": ("traces",)}
"""What can be compared in each kind of task; whole texts are labels, too."""


def metric_of(name: str, components: Components, sample_rate: int | None = None, task: Task | None = None) -> Metric:
    """The metric called `name`, as it is defined at `sample_rate` Hz.

    Raises:
        SefrontError: There is no such metric, or it is not defined at this rate or for this kind of task.
    """
    component, options = components.metrics[name], RATES.get(name, {})
    if sample_rate is not None and options and sample_rate not in options:
        raise SefrontError(f"metric '{name}' {undefined(name, sample_rate)}; leave it out")
    metric: Metric = build(component, options=options.get(sample_rate or 0, {}), owner=f"metric '{name}'")
    compares = metric.card().compares
    if task and compares not in ("waves", *COMPARED[task.kind]):
        raise SefrontError(
            f"metric '{name}' compares {compares}, but the task here is {task.kind}; use another, such as {task.metric}"
        )
    return metric


def undefined(name: str, sample_rate: int) -> str:
    """Why the metric called `name` cannot be had at `sample_rate` Hz, or nothing."""
    rates = sorted(RATES.get(name, {}))
    if not rates or sample_rate in rates:
        return ""
    return f"is defined at {' and '.join(map(str, rates))} Hz, but everything here is at {sample_rate} Hz"


def usual(task: Task | None, judges_task: bool) -> list[str]:
    """The metrics that nobody has to name: the headline of the task, and those on waves."""
    return [*([task.metric] if task and judges_task else []), *SIGNAL]


def defined(names: Sequence[str], sample_rate: int) -> tuple[list[str], list[str]]:
    """Those of `names` that can be computed at `sample_rate` Hz, and a line for each that cannot."""
    lines = [f"{name} is left out, because it {why}" for name in names if (why := undefined(name, sample_rate))]
    return [name for name in names if not undefined(name, sample_rate)], lines
