"""The table a person reads: systems by SNR, and noise types at the hardest SNR."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from sefront.core.clips import Task
from sefront.core.edits import shares
from sefront.core.protocols import Metric

Row = Mapping[str, Any]
Chosen = Callable[[Sequence[float]], float]


def rendered(rows: Sequence[Row], metrics: Mapping[str, Metric], task: Task | None = None, warning: str = "") -> str:
    """Aggregated `rows` of a `task` as aligned text, which of the `metrics` do not apply to it, and a `warning`."""
    whole = [row for row in rows if row["noise"] == "all"]
    blocks = [by_snr(whole, metrics), *inside(whole, metrics)]
    if len({row["noise"] for row in rows} - {"all"}) > 1:
        blocks.append(by_noise(rows, metrics, hardest(task)))
    failed = sum(row["failed"] for row in whole)
    if failed:
        example = "such as PESQ where no utterance is found"
        blocks.append(f"{failed} values are not defined ({example}); they were left out.")
    unfit = [name for name, metric in metrics.items() if task and not metric.card().applies(task.wanted)]
    if unfit:
        blocks.append(f"{', '.join(unfit)}: not applicable to scenes")
    recorded = {row["metric"] for row in whole if row["snr"] == "recorded"}
    of_waves = [name for name, metric in metrics.items() if metric.card().compares == "waves"]
    absent = [name for name in of_waves if recorded and name not in (*recorded, *unfit)]
    if absent:
        blocks.append(f"{', '.join(absent)}: not applicable: no clean reference")
    if warning:
        blocks.append(warning)
    return "\n\n".join(blocks)


def hardest(task: Task | None) -> Chosen:
    """Which of several SNRs is the hardest: speech is disturbed by noise, a scene by speech."""
    return max if task and task.wanted == "scene" else min


def by_snr(rows: Sequence[Row], metrics: Mapping[str, Metric]) -> str:
    """One line per metric and system, one column per SNR."""
    return spread("metric", ((titled(row["metric"], metrics), row["value"], row) for row in rows), levels(rows))


def inside(rows: Sequence[Row], metrics: Mapping[str, Metric]) -> list[str]:
    """For each metric whose value has parts, a line per part and system, one column per SNR."""
    blocks = []
    for metric in dict.fromkeys(row["metric"] for row in rows):
        here = [(row, parts(row)) for row in rows if row["metric"] == metric]
        names = dict.fromkeys(part for _, found in here for part in found)
        cells = [(part, found[part], row) for part in names for row, found in here if part in found]
        if cells:
            blocks.append(spread(f"of {titled(metric, metrics)}", cells, levels(rows)))
    return blocks


def parts(row: Row) -> Mapping[str, float | None]:
    """What belongs to the value of `row`: errors by kind, or each dimension and the mean of the clips' own values."""
    if "errors" in row:
        return shares(row["errors"])
    alone = {"per clip": row["per_clip"]} if "per_clip" in row else {}
    return {**row.get("by_dimension", {}), **alone}


def levels(rows: Sequence[Row]) -> list[Any]:
    """The SNRs of `rows`, clean first."""
    return sorted(dict.fromkeys(row["snr"] for row in rows), key=lambda level: level != "clean")


def spread(title: str, cells: Iterable[tuple[str, float | None, Row]], columns: Sequence[Any]) -> str:
    """One line per name and system, one column per SNR; the average is over the noisy columns.

    Args:
        title: Heading of the names.
        cells: A name, a value, and the row that it belongs to.
        columns: The SNRs.
    """
    noisy = [level for level in columns if level != "clean"]
    table: dict[tuple[str, str], dict[Any, float | None]] = {}
    for first, value, row in cells:
        table.setdefault((first, row["system"]), {})[row["snr"]] = value
    lines = [[title, "system", *map(name, columns), *(["average"] if len(noisy) > 1 else [])]]
    for (first, system), values in table.items():
        defined = [value for level in noisy if (value := values.get(level)) is not None]
        average = [shown(fmean(defined)) if len(defined) == len(noisy) else "-"] if len(noisy) > 1 else []
        lines.append([first, system, *(shown(values.get(level)) for level in columns), *average])
    return aligned(lines)


def by_noise(rows: Sequence[Row], metrics: Mapping[str, Metric], choose: Chosen) -> str:
    """One line per metric and system, one column per noise type, at the hardest SNR."""
    level = choose([row["snr"] for row in rows if row["snr"] != "clean"])
    here = [row for row in rows if row["snr"] == level]
    types = sorted({row["noise"] for row in here} - {"all"})
    lines = [[f"at {name(level)}", "system", *types, "mean"]]
    for metric, system in dict.fromkeys((row["metric"], row["system"]) for row in here):
        values = {row["noise"]: row["value"] for row in here if (row["metric"], row["system"]) == (metric, system)}
        known = [values[kind] for kind in types if values.get(kind) is not None]
        mean = shown(fmean(known)) if len(known) == len(types) else "-"
        lines.append([titled(metric, metrics), system, *(shown(values.get(kind)) for kind in types), mean])
    return aligned(lines)


def titled(metric: str, metrics: Mapping[str, Metric]) -> str:
    """The name of a metric with its unit."""
    unit = metrics[metric].card().unit if metric in metrics else ""
    return f"{metric} [{unit}]" if unit else metric


def name(level: Any) -> str:
    """The heading of an SNR."""
    return level if isinstance(level, str) else f"{level:g} dB"


def shown(value: float | None) -> str:
    """A number in a cell."""
    return "-" if value is None or math.isnan(value) else f"{value:.2f}"


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Cells in columns: the first two to the left, numbers to the right."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(widths[i]) if i < 2 else cell.rjust(widths[i]) for i, cell in enumerate(line)).rstrip()
        for line in lines
    )
