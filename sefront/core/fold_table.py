"""The table of folds and repetitions: systems by SNR, each cell a mean and the standard deviation that goes with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from sefront.core.division import warning
from sefront.core.protocols import Metric
from sefront.core.table import aligned, levels, name, titled


def rendered(facts: Mapping[str, Any], metrics: Mapping[str, Metric]) -> str:
    """What folds and repetitions come to, as aligned text.

    Args:
        facts: Number of folds and repeats, what the deviation is over, the split, and rows.
        metrics: Metrics by name, for their units.
    """
    rows = [row for row in facts["rows"] if row["noise"] == "all"]
    columns = levels(rows)
    noisy = [level for level in columns if level != "clean"]
    table: dict[tuple[str, str], dict[Any, Sequence[float | None]]] = {}
    for row in rows:
        table.setdefault((titled(row["metric"], metrics), row["system"]), {})[row["snr"]] = row["values"]
    lines = [["metric", "system", *map(name, columns), *(["average"] if len(noisy) > 1 else [])]]
    for (metric, system), cells in table.items():
        average = [shown(averaged([cells.get(level, ()) for level in noisy]))] if len(noisy) > 1 else []
        lines.append([metric, system, *(shown(cells.get(level, ())) for level in columns), *average])
    return "\n\n".join(filter(None, [said(facts), aligned(lines), warning(facts["split"])]))


def said(facts: Mapping[str, Any]) -> str:
    """What the numbers are."""
    folds, repeats = facts["folds"], facts["repeats"]
    if facts["over"] == "folds":
        return f"mean ± standard deviation over the {folds} folds of one repetition"
    of = f" of the mean over {folds} folds" if folds > 1 else ""
    return f"mean ± standard deviation over {repeats} repetitions{of}"


def averaged(columns: Sequence[Sequence[float | None]]) -> list[float | None]:
    """The mean over the columns, for each repetition or fold; None where one of them has no value."""
    found: list[float | None] = []
    for values in zip(*columns, strict=False):
        defined = [value for value in values if value is not None]
        found.append(fmean(defined) if len(defined) == len(columns) else None)
    return found


def shown(values: Sequence[float | None]) -> str:
    """Mean and sample standard deviation of the defined values."""
    defined = [value for value in values if value is not None]
    if not defined:
        return "-"
    return f"{fmean(defined):.2f}" + (f" ± {stdev(defined):.2f}" if len(defined) > 1 else "")
