"""How much slower than its bare forward pass a frontend enhances files, and how fast that is.

    python bench/enhance.py [NAME...]

For every frontend 24 files of 3 s (16 kHz, 16 bits) are enhanced file in, file out, and the same waves go through the
bare `forward`, in turns; what is printed is the median of the ratios of one turn each, and real-time factors, the share
of a recording's length that enhancing it takes: as files, and as a stream in blocks of 512 samples where there is one
(`unet` with causal=true). One thread. The weights are untrained, which changes no time.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import soundfile
import torch

from sefront.core.damages import Damages
from sefront.core.file_work import enhance_files, jobs
from sefront.core.inference import Listener
from sefront.core.modes import judging
from sefront.core.progress import Quiet
from sefront.core.streaming import latency
from sefront.plugins import Catalogue

RATE, FILES, SECONDS, TURNS = 16000, 24, 3, 7
BOUNDS = {"unet": 1.10, "pl_mtl": 1.10}
CAUSAL: dict[str, dict[str, Any]] = {"unet": {"causal": True}}


def timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def recordings(folder: Path) -> list[torch.Tensor]:
    rng = np.random.default_rng(0)
    for i in range(FILES):
        soundfile.write(folder / f"{i:02d}.wav", rng.normal(0, 0.1, SECONDS * RATE).clip(-1, 1), RATE, subtype="PCM_16")
    return [torch.from_numpy(soundfile.read(p, dtype="float32")[0])[None] for p in sorted(folder.glob("*.wav"))]


def bare(frontend: Any, waves: list[torch.Tensor]) -> None:
    with judging(frontend):
        for wave in waves:
            frontend(wave, torch.tensor([wave.shape[1]]))


def measured(frontend: Any, source: Path, target: Path, waves: list[torch.Tensor]) -> tuple[float, float]:
    listener, damages = Listener(frontend, None, None, RATE), Damages()

    def files() -> None:
        assert enhance_files(jobs([source], target), listener, damages, Quiet()) == FILES

    def forward() -> None:
        bare(frontend, waves)

    files(), forward()
    pairs = [(timed(files), timed(forward)) for _ in range(TURNS)]
    return median(a / b for a, b in pairs), median(a for a, _ in pairs) / (FILES * SECONDS)


def streamed(frontend: Any, waves: list[torch.Tensor]) -> float | None:
    if latency(frontend) is None:
        return None

    def stream() -> None:
        with judging(frontend):
            stream = frontend.stream()
            for block in torch.split(waves[0], 512, 1):
                stream.push(block)
            stream.finish()

    stream()
    return median(timed(stream) for _ in range(TURNS)) / SECONDS


def main(names: list[str]) -> int:
    torch.set_num_threads(1)
    frontends, missed = Catalogue.installed().frontends, 0
    print("frontend              files / forward   bound   real-time factor   streamed")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in"
        source.mkdir()
        waves = recordings(source)
        for name in names or frontends:
            torch.manual_seed(0)
            ratio, factor = measured(frontends[name](RATE), source, Path(folder) / "out", waves)
            bound = BOUNDS.get(name)
            missed += bound is not None and ratio > bound
            missed += name == "spectral_subtraction" and factor > 1 / 50
            live = streamed(frontends[name](RATE, **CAUSAL.get(name, {})), waves)
            shown = "-" if live is None else f"{live:.4f}"
            print(f"{name:20}  {ratio:15.3f}   {bound or '-':>5}   {factor:16.4f}   {shown:>8}", flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
