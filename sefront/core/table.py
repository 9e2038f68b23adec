"""The table a person reads: systems by SNR, and noise types at the hardest SNR."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from sefront.core.clips import Task
from sefront.core.protocols import Metric

Row = Mapping[str, Any]
Chosen = Callable[[Sequence[float]], float]


def rendered(rows: Sequence[Row], metrics: Mapping[str, Metric], choose: Chosen = min) -> str:
    """Aggregated `rows` as aligned text; `choose` chooses the SNR at which noise types are told apart."""
    parts = [by_snr(rows, metrics)]
    if len({row["noise"] for row in rows} - {"all"}) > 1:
        parts.append(by_noise(rows, metrics, choose))
    failed = sum(row["failed"] for row in rows if row["noise"] == "all")
    if failed:
        parts.append(f"{failed} values are not defined (such as PESQ where no utterance is found); they were left out.")
    return "\n\n".join(parts)


def hardest(task: Task | None) -> Chosen:
    """Which of several SNRs is the hardest: speech is disturbed by noise, a scene by speech."""
    return max if task and task.wanted == "scene" else min


def by_snr(rows: Sequence[Row], metrics: Mapping[str, Metric]) -> str:
    """One line per metric and system, one column per SNR; the average is over the noisy columns."""
    whole = [row for row in rows if row["noise"] == "all"]
    levels = sorted(dict.fromkeys(row["snr"] for row in whole), key=lambda level: level != "clean")  # clean first
    noisy = [level for level in levels if level != "clean"]
    head = ["metric", "system", *(name(level) for level in levels), *(["average"] if len(noisy) > 1 else [])]
    lines = [head]
    for metric, system in dict.fromkeys((row["metric"], row["system"]) for row in whole):
        values = {row["snr"]: row["value"] for row in whole if (row["metric"], row["system"]) == (metric, system)}
        cells = [shown(values.get(level)) for level in levels]
        known = [values[level] for level in noisy if values.get(level) is not None]
        average = [shown(fmean(known)) if len(known) == len(noisy) else "-"] if len(noisy) > 1 else []
        lines.append([titled(metric, metrics), system, *cells, *average])
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
    return "-" if value is None else f"{value:.2f}"


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Cells in columns: the first two to the left, numbers to the right."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(widths[i]) if i < 2 else cell.rjust(widths[i]) for i, cell in enumerate(line)).rstrip()
        for line in lines
    )
