"""Couplings on EMO-DB and the toy: train what is missing, and print the tables of docs/results/couplings.md.

    python bench/couplings.py DATA OUT [independent] [importance] [--seeds 0,1,2]

DATA holds EMO-DB, ESC-10 and recordings of noise as docs/results/first-run.md describes them; OUT takes the runs. Runs
that are finished are not repeated, so that tables can be had again from OUT alone.

independent  independent training without retraining, retrained on hard examples by three losses, and fused training;
             every seed holds out another pair of speakers
importance   the weightings of `iterative`, each from the same warm start
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.stats import t

SPEAKERS = ("14", "13", "12", "11", "10", "09")  # seed s is tested on the s-th and developed on the next
LOSSES = ("he", "focal", "ce")
WEIGHTS = ("linear", "softmax", "rank", "shuffled", "inverse", "uniform")
COUPLE = [sys.executable, "-m", "sefront", "couple"]


def trained(out: Path, name: str, *words: str) -> Path:
    """The run called `name`, trained by these words unless it is there."""
    if not (out / name / "evaluation.json").exists():
        subprocess.run([*COUPLE, *words, "--out", str(out / name)], check=True)
    return out / name


def independent(data: Path, out: Path, seed: int) -> dict[str, Path]:
    common = [
        "--frontend", "identity", "--backend", "acln+fcn384", "--corpus", f"emodb:{data}/emodb",
        "-o", f"corpus.test={SPEAKERS[seed]}", "-o", f"corpus.valid={SPEAKERS[seed + 1]}",
        "--noise", f"{data}/noise/train", "--test-noise", f"{data}/noise/test", "--test-snr", "20",
        "--seed", str(seed), "-o", "coupling.sees=clean", "-o", "training.patience=1000",
    ]  # fmt: skip
    alone = [*common, "--mode", "independent", "-o", "coupling.schedule=0.1"]
    found = {"none": trained(out, f"none-{seed}", *alone, "-o", "coupling.retrain_epochs=0")}
    for loss in LOSSES:
        again = ["-o", f"coupling.loss={loss}", "--init-backend", str(found["none"])]
        found[loss] = trained(out, f"{loss}-{seed}", *alone, *again)
    found["fused"] = trained(out, f"fused-{seed}", *common, "--mode", "fused", "--epochs", "80")
    return found


def importance(data: Path, out: Path, seed: int) -> dict[str, Path]:
    noise = ["--noise", f"{data}/noise/train", "--noise", f"esc50:{data}/esc50"]
    tested = ["--test-noise", f"{data}/noise/test", "--test-noise", f"esc50:{data}/esc50"]
    parts = {
        "toy": ["--frontend", "unet", "-o", "frontend.width=4", "-o", "frontend.depth=3", "-o", "backend.width=32"],
        "emo": [
            "--corpus", f"emodb:{data}/emodb", "--frontend", "lstm_irm", "--backend", "acln",
            "-o", "optimiser.backend.batch_size=16", "--snr=-5:20", *noise, *tested,
        ],
    }  # fmt: skip
    found: dict[str, Path] = {}
    for corpus, words in parts.items():
        words += ["--test-snr", "10,5,0"]
        first = seed if corpus == "toy" else 0  # EMO-DB's warm start is the same for all seeds
        lengths = ["-o", "epochs.frontend=100", "-o", "epochs.backend=40"] if corpus == "emo" else []
        warm = trained(out, f"{corpus}-warm-{first}", *words, "--mode", "cold_cascade", "--seed", str(first), *lengths)
        start = ["--init-frontend", str(warm), "--init-backend", str(warm), "--seed", str(seed)]
        epochs = ["--epochs", "4" if corpus == "toy" else "8"]
        for weights in WEIGHTS:
            own = ["--mode", "iterative", "-o", f"coupling.weights={weights}"]
            found[f"{corpus}-{weights}"] = trained(out, f"{corpus}-{weights}-{seed}", *words, *own, *start, *epochs)
    return found


def scores(run: Path, metric: str = "uar") -> dict[str, float]:
    """The value of the coupled system at every SNR, and the mean of the noisy ones."""
    rows = json.loads((run / "evaluation.json").read_text())["rows"]
    wanted = [r for r in rows if (r["system"], r["metric"], r["noise"]) == ("coupled", metric, "all")]
    found = {str(r["snr"]): r["value"] for r in wanted}
    return {**found, "average": float(np.mean([v for k, v in found.items() if k != "clean"]))}


def spread(values: Sequence[float]) -> str:
    """Mean and 95 % interval of Student's t over seeds."""
    mean, count = float(np.mean(values)), len(values)
    if count < 2:
        return f"{mean:.1f}"
    half = float(t.ppf(0.975, count - 1)) * float(np.std(values, ddof=1)) / count**0.5
    return f"{mean:.1f} ± {half:.1f}"


def table(runs: Mapping[str, Sequence[Path]], columns: Sequence[str], against: str) -> str:
    """A line for each kind of run: mean over seeds, and the mean difference to the kind `against`."""
    lines = [" | ".join(["", *columns, f"{columns[0]}, less {against}"]), "---|" * (len(columns) + 2)]
    for name, places in runs.items():
        found = [scores(place) for place in places]
        base = [scores(place) for place in runs[against]]
        cells = [spread([f[column] for f in found]) for column in columns]
        apart = spread([f[columns[0]] - b[columns[0]] for f, b in zip(found, base, strict=True)])
        lines.append(" | ".join([f"`{name}`", *cells, apart]))
    return "\n".join(f"| {line} |" if "---" not in line else f"|{line}" for line in lines)


def main(words: list[str]) -> None:
    seeds = [0, 1, 2, 3, 4]
    if "--seeds" in words:
        seeds = [int(seed) for seed in words.pop(words.index("--seeds") + 1).split(",")]
        words.remove("--seeds")
    data, out, chosen = Path(words[0]), Path(words[1]), words[2:] or ["independent", "importance"]
    for study in chosen:
        one = {"independent": independent, "importance": importance}[study]
        every = [one(data, out, seed) for seed in seeds]
        runs = {name: [found[name] for found in every] for name in every[0]}
        if study == "independent":
            print(table(runs, ["clean"], "fused"))
            continue
        for corpus in ("toy", "emo"):
            own = {name: places for name, places in runs.items() if name.startswith(corpus)}
            print(table(own, ["0.0", "average", "clean"], f"{corpus}-uniform"))


if __name__ == "__main__":
    main(sys.argv[1:])
