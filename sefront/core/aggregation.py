"""From rows per clip to a table: everything here can be recomputed from ``predictions.jsonl``."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sefront.core.clips import Task
from sefront.core.division import warning
from sefront.core.files import write_json, write_text
from sefront.core.intervals import interval
from sefront.core.mixture_entry import Entry
from sefront.core.mixture_list import LIST, write_list
from sefront.core.protocols import Additive, Metric
from sefront.core.table import rendered

Row = Mapping[str, Any]
SYSTEMS = ("noisy", "original", "bypass", "coupled")


@dataclass(frozen=True)
class Evaluation:
    """What was measured: one row per clip, the table that follows from them, and the list of the mixtures."""

    predictions: list[dict[str, Any]]
    rows: list[dict[str, Any]]
    metrics: Mapping[str, Metric]
    task: Task | None = None
    split: Mapping[str, Any] | None = None
    mixtures: Sequence[Entry] = ()

    def table(self) -> str:
        """Aligned text: systems by SNR, and noise types at the hardest one."""
        return rendered(self.rows, self.metrics, self.task, warning(self.split))

    def save(self, folder: Path) -> None:
        """Write ``predictions.jsonl``, ``mixtures.jsonl`` and ``evaluation.json`` into `folder`."""
        again, task = "evaluate again", asdict(self.task) if self.task else None
        write_text(
            folder / "predictions.jsonl",
            "".join(json.dumps(row, default=listed) + "\n" for row in self.predictions),
            again,
        )
        if self.mixtures:
            write_list(folder / LIST, self.mixtures, again)
        else:  # nothing is mixed into recordings in noise
            (folder / LIST).unlink(missing_ok=True)
        judged = {"schema": 1, "task": task, "split": self.split, "rows": self.rows}
        write_json(folder / "evaluation.json", judged, again)


def listed(trace: NDArray[np.floating[Any]]) -> list[list[float | None]]:
    """A trace as JSON can hold it, to five digits; None where it is not finite."""
    return [[float(f"{value:.5g}") if math.isfinite(value) else None for value in frame] for frame in trace.tolist()]


def aggregated(rows: Sequence[Row], metrics: Mapping[str, Metric], task: Task | None = None) -> list[dict[str, Any]]:
    """One row per metric, system, SNR and noise type (and "all"), with an interval and the number of failures.

    Args:
        rows: One per clip, SNR and system.
        metrics: Metrics by name.
        task: What names the dimensions of traces; without it they are numbered.
    """
    table = []
    names = task.labels if task else ()
    for name, metric in metrics.items():
        of_waves = metric.card().compares == "waves"
        for system, snr, noise, members in groups(rows):
            found = over_waves(name, members) if of_waves else over_answers(metric, members, names)
            if found is not None:
                table.append({"system": system, "snr": snr, "metric": name, **found, "noise": noise})
    return table


def groups(rows: Sequence[Row]) -> Iterable[tuple[str, Any, str, list[Row]]]:
    """Rows by system, SNR and noise type, in the order of a table: `SYSTEMS`, then others as they come."""
    levels = list(dict.fromkeys(row["snr"] for row in rows))
    types = sorted({row["noise"] for row in rows if row["noise"] is not None})
    found = dict.fromkeys(row["system"] for row in rows)
    for system in [*(s for s in SYSTEMS if s in found), *(s for s in found if s not in SYSTEMS)]:
        for snr in levels:
            here = [row for row in rows if row["system"] == system and row["snr"] == snr]
            yield system, snr, "all", here
            for noise in types if snr != "clean" else []:
                yield system, snr, noise, [row for row in here if row["noise"] == noise]


def over_waves(name: str, rows: Sequence[Row]) -> dict[str, Any] | None:
    """The mean of a metric on waves; failures are counted, never imputed."""
    values = [row["signal"][name] for row in rows if name in row.get("signal", {})]
    failed = sum(name in row.get("failed", ()) for row in rows)
    return over_clips(values, failed) if values or failed else None


def over_answers(metric: Metric, rows: Sequence[Row], names: Sequence[str]) -> dict[str, Any] | None:
    """A metric that compares answers with the truth, over the whole set or clip by clip."""
    pairs = [(row["target"], row["prediction"]) for row in rows if "prediction" in row]
    if not pairs:
        return None
    if isinstance(metric, Additive):
        return over_counts(metric, pairs, names)
    if metric.card().over == "clip":
        return over_defined([metric([target], [answer]) for target, answer in pairs])
    ids = {label: i for i, label in enumerate(sorted({label for pair in pairs for label in pair}))}
    codes = [(ids[target], ids[answer]) for target, answer in pairs]
    return summary(codes, lambda v: metric(v[:, 0], v[:, 1]), 0)


def over_counts(metric: Additive, pairs: Sequence[tuple[Any, Any]], names: Sequence[str]) -> dict[str, Any]:
    """A metric that follows from counts, and its details; clips whose counts are not finite have failed."""
    counts = [np.asarray(metric.counts(*pair), dtype=np.float64) for pair in pairs]
    finite = [count for count in counts if np.isfinite(count).all()]
    failed = len(counts) - len(finite)
    if metric.card().over == "clip":
        return over_defined([*map(metric.value, finite), *[math.nan] * failed])
    details = getattr(metric, "details", None)
    beside = details(np.stack(finite), names) if details and finite else {}
    return {**summary(finite, lambda v: metric.value(v.sum(0)), failed), **beside}


def over_defined(values: Sequence[float]) -> dict[str, Any]:
    """The mean of those of `values` that are finite; the others are counted."""
    finite = [value for value in values if math.isfinite(value)]
    return over_clips(finite, len(values) - len(finite))


def over_clips(values: Sequence[float], failed: int) -> dict[str, Any]:
    """The mean of one value a clip."""
    return summary(values, lambda v: float(np.mean(v)), failed)


def summary(values: Sequence[Any], statistic: Callable[[Any], float], failed: int) -> dict[str, Any]:
    """Value, interval and counts; no value where all failed, or where it is not defined."""
    value = statistic(np.asarray(values)) if values else math.nan
    bounds = interval(values, statistic) if math.isfinite(value) else None
    return {
        "value": value if math.isfinite(value) else None,
        "ci95": list(bounds) if bounds else None, "n": len(values), "failed": failed,
    }  # fmt: skip
