"""From rows per clip to a table: everything here can be recomputed from ``predictions.jsonl``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sefront.core.clips import Task
from sefront.core.files import write_json, write_text
from sefront.core.intervals import interval
from sefront.core.protocols import Metric
from sefront.core.table import hardest, rendered

Row = Mapping[str, Any]
SYSTEMS = ("noisy", "original", "bypass", "coupled")


@dataclass(frozen=True)
class Evaluation:
    """What was measured: one row per clip, and the table that follows from them."""

    predictions: list[dict[str, Any]]
    rows: list[dict[str, Any]]
    metrics: Mapping[str, Metric]
    task: Task | None = None

    def table(self) -> str:
        """Aligned text: systems by SNR, and noise types at the hardest one."""
        return rendered(self.rows, self.metrics, hardest(self.task))

    def save(self, folder: Path) -> None:
        """Write ``predictions.jsonl`` and ``evaluation.json`` into `folder`."""
        again, task = "evaluate again", asdict(self.task) if self.task else None
        write_text(folder / "predictions.jsonl", "".join(json.dumps(row) + "\n" for row in self.predictions), again)
        write_json(folder / "evaluation.json", {"schema": 1, "task": task, "rows": self.rows}, again)


def aggregated(rows: Sequence[Row], metrics: Mapping[str, Metric]) -> list[dict[str, Any]]:
    """One row per metric, system, SNR and noise type (and "all"), with an interval and the number of failures."""
    table = []
    for name, metric in metrics.items():
        summarise = over_clips if metric.card().compares == "waves" else over_labels
        for system, snr, noise, members in groups(rows):
            summary = summarise(name, metric, members)
            if summary is not None:
                table.append({"system": system, "snr": snr, "metric": name, **summary, "noise": noise})
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


def over_clips(name: str, metric: Metric, rows: Sequence[Row]) -> dict[str, Any] | None:
    """The mean of a metric that has a value per clip; failures are counted, never imputed."""
    values = [row["signal"][name] for row in rows if name in row.get("signal", {})]
    failed = sum(name in row.get("failed", ()) for row in rows)
    if not values and not failed:
        return None
    return summary(values, lambda v: float(np.mean(v)), failed)


def over_labels(name: str, metric: Metric, rows: Sequence[Row]) -> dict[str, Any] | None:
    """A metric over the whole set of labels."""
    pairs = [(row["target"], row["prediction"]) for row in rows if "prediction" in row]
    if not pairs:
        return None
    ids = {label: i for i, label in enumerate(sorted({label for pair in pairs for label in pair}))}
    codes = [(ids[target], ids[prediction]) for target, prediction in pairs]
    return summary(codes, lambda v: metric(v[:, 0], v[:, 1]), 0)


def summary(values: Sequence[Any], statistic: Callable[[Any], float], failed: int) -> dict[str, Any]:
    """Value, interval and counts; no value where all failed."""
    value = statistic(np.asarray(values)) if values else None
    bounds = interval(values, statistic)
    return {"value": value, "ci95": list(bounds) if bounds else None, "n": len(values), "failed": failed}
