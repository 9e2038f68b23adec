"""Every frontend on real speech: train, judge, and print the table of docs/results/frontends.md.

    python bench/frontends.py DATA OUT [NAME...]

DATA holds EMO-DB, ESC-10 and recordings of noise as docs/results/first-run.md describes them; OUT takes a run for each
frontend. Runs that are finished are not repeated, so a table can be had again from OUT alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch

import sefront
from sefront.core.modes import judging

FRONTENDS: dict[str, list[str]] = {
    "identity": [],
    "spectral_subtraction": [],
    "omlsa": [],
    "lstm_irm": ["--epochs", "100"],
    "pl_mtl": ["--epochs", "100"],
    "unet": ["--epochs", "30"],
    "dcunet": ["--epochs", "12"],
    "wave_unet": ["--epochs", "15"],
}
LEVELS = (15.0, 10.0, 5.0, 0.0, -5.0)
METRICS = ("si_sdr", "stoi", "pesq")
SECONDS = 10


def command(name: str, data: Path, run: Path) -> list[str]:
    return [
        sys.executable, "-m", "sefront", "couple", "--frontend", name, "--mode", "frontend_only",
        "--corpus", f"emodb:{data}/emodb", "--noise", f"{data}/noise/train", "--noise", f"esc50:{data}/esc50",
        "--test-noise", f"{data}/noise/test", "--test-noise", f"esc50:{data}/esc50", "--snr=-5:20",
        "--test-snr", ",".join(f"{level:g}" for level in LEVELS), "--out", str(run),
        *FRONTENDS[name],
    ]  # fmt: skip


def real_time_factor(frontend: torch.nn.Module, sample_rate: int) -> float:
    waves = 0.1 * torch.randn(1, SECONDS * sample_rate)
    times = []
    with judging(frontend):
        for _ in range(5):
            began = time.perf_counter()
            frontend(waves, torch.tensor([waves.shape[1]]))
            times.append(time.perf_counter() - began)
    return median(times) / SECONDS


def row(name: str, folder: Path) -> list[str]:
    """Size, latency, speed, and what the enhanced waves of every SNR gain or score."""
    run = sefront.open_run(folder)
    rows = json.loads((folder / "evaluation.json").read_text())["rows"]
    values = {(r["system"], r["metric"], r["snr"]): r["value"] for r in rows if r["noise"] == "all"}
    frontend: Any = run.frontend
    latency = getattr(frontend, "latency", None)
    cells = [
        f"`{name}`",
        f"{sum(p.numel() for p in frontend.parameters()) / 1e6:.2f}",
        "-" if latency is None else f"{1000 * latency / run.experiment.sample_rate:g}",
        f"{real_time_factor(frontend, run.experiment.sample_rate):.3f}",
    ]
    for metric in METRICS:
        cells += [f"{values['coupled', metric, level]:.2f}" for level in LEVELS]
    return cells


def table(runs: dict[str, Path]) -> str:
    head = ["frontend", "M parameters", "latency ms", "real-time factor"]
    head += [f"{metric} {level:g}" for metric in METRICS for level in LEVELS]
    lines = [head, ["---"] * len(head), *(row(name, folder) for name, folder in runs.items())]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main(data: Path, out: Path, names: list[str]) -> None:
    for name in names or FRONTENDS:
        if not (out / name / "evaluation.json").exists():
            began = time.perf_counter()
            subprocess.run(command(name, data, out / name), check=True)
            print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
    torch.set_num_threads(1)
    print(table({name: out / name for name in FRONTENDS if (out / name / "evaluation.json").exists()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
