"""Do machines and listeners find the same clips hard? Rank correlation of hard index and human recognition on EMO-DB.

    python bench/listeners.py human_recognition.csv RUN...

RUN are runs of mode `independent`, in which every training clip was answered many times. The hard indices of a clip are
averaged over the runs that learnt from it. Printed is Spearman's rho with the share of listeners who did not recognise
the clip, and a bootstrap interval over clips.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

import sefront
from sefront.core.inspecting import Inspection
from sefront.core.intervals import interval


def recognised(path: Path) -> dict[str, float]:
    """The share of listeners in percent who recognised a clip, by the clip's name."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    name, share = list(rows[0])[:2]
    return {Path(row[name]).stem: float(row[share]) for row in rows if row[share]}


def main(table: Path, runs: list[Path]) -> None:
    human = recognised(table)
    found: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        for sample in Inspection(sefront.open_run(run), "hard").samples:
            if sample.id in human and sample.hard_index is not None:
                found[sample.id].append(sample.hard_index)
    pairs = np.array([(100.0 - human[name], np.mean(indices)) for name, indices in sorted(found.items())])
    rho, p = spearmanr(pairs[:, 0], pairs[:, 1])
    bounds = interval(pairs, lambda v: float(spearmanr(v[:, 0], v[:, 1])[0]))
    print(f"{len(pairs)} clips of {len(runs)} runs: Spearman's rho {rho:.3f}, 95 % interval {bounds}, p {p:.2g}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(run) for run in sys.argv[2:]])
