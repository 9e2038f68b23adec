"""From rows per clip to a table: everything here can be recomputed from ``predictions.jsonl``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from sefront.core.intervals import interval
from sefront.core.protocols import Metric

Row = Mapping[str, Any]
SYSTEMS = ("noisy", "original", "bypass", "coupled")


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
    """Rows by system, SNR and noise type, in the order of a table."""
    levels = list(dict.fromkeys(row["snr"] for row in rows))
    types = sorted({row["noise"] for row in rows if row["noise"] is not None})
    for system in SYSTEMS:
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
