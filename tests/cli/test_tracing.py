"""Traced emotion, from the command line to the table: concatenated, by file and by dimension, averaged over seeds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from recordings import RATE, voice

from sefront.cli import main
from sefront.metrics.ccc import CCC

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def tracers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Runs of `emotion_downup` that differ in their seed; nobody may change them."""
    root = tmp_path_factory.mktemp("runs")
    small = ("--backend", "emotion_downup", "-o", "backend.width=4", "--mode", "baseline", "--epochs", "2")
    toy = ("-o", "corpus.speakers=6", "-o", "corpus.seconds=6", "-o", "noise.noises=1")
    asked = ("--test-snr", "0", "--device", "cpu", "--precision", "32")
    for seed in ("0", "1"):
        assert main(["couple", *small, *toy, *asked, "--seed", seed, "--out", str(root / f"seed{seed}")]) == 0
    return root / "seed0", root / "seed1"


def answers(folder: Path, system: str) -> list[tuple[Any, Any]]:
    """True and predicted traces of the clean clips of a system."""
    lines = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
    chosen = [line for line in lines if line["system"] == system and line["snr"] == "clean"]
    return [(np.array(line["target"]), np.array(line["prediction"])) for line in chosen]


def test_traces_of_several_seeds_are_averaged(tracers: tuple[Path, Path], run_here: Run, tmp_path: Path) -> None:
    asked = ("--fuse", f"{tracers[0]},{tracers[1]}", "--metrics", "ccc,rmse", "--out", str(tmp_path / "fused"))
    code, out, err = run_here("evaluate", *asked, "--json")
    assert code == 0, err
    first, second, fused = (answers(tmp_path / "fused", name) for name in ("seed0", "seed1", "fused"))
    assert len(fused) == 2
    for (_, one), (_, other), (_, mean) in zip(first, second, fused, strict=True):
        assert np.abs(one - other).max() > 1e-3
        np.testing.assert_allclose(mean, (one + other) / 2, atol=1e-4)
    (row,) = [r for r in json.loads(out) if (r["system"], r["metric"], r["snr"]) == ("fused", "ccc", "clean")]
    truths, estimates = zip(*fused, strict=True)
    assert row["value"] == pytest.approx(CCC()(truths, estimates), abs=1e-4)
    assert row["per_clip"] == pytest.approx(CCC(over="clip")(truths, estimates), abs=1e-4)
    assert row["value"] == pytest.approx(np.mean(list(row["by_dimension"].values())))
    assert row["value"] != pytest.approx(row["per_clip"], abs=1e-6)
    assert list(row["by_dimension"]) == ["arousal", "valence"]


def test_the_table_has_dimensions_and_files(tracers: tuple[Path, Path], run_here: Run) -> None:
    code, out, _ = run_here("evaluate", str(tracers[0]), "--metrics", "ccc,rmse")
    assert code == 0
    assert [out.count(f"\n{name}") for name in ("arousal", "valence", "per clip")] == [4, 4, 4]


def test_only_means_of_traces_are_taken(tracers: tuple[Path, Path], run_here: Run) -> None:
    code, _, err = run_here("evaluate", "--fuse", f"{tracers[0]},{tracers[1]}", "--fusion", "log")
    assert code == 2
    assert "fusion 'log' is about posteriors, but these runs predict traces; leave it at 'mean'" in err


def test_predict_traces_files(tracers: tuple[Path, Path], run_here: Run, tmp_path: Path) -> None:
    for name, samples in (("long", 3 * RATE), ("one", 1)):
        soundfile.write(tmp_path / f"{name}.wav", voice(samples, 150.0), RATE)
    code, out, err = run_here("predict", str(tracers[0]), str(tmp_path), "--json")
    assert code == 0, err
    frames = {Path(row["path"]).stem: len(row["trace"]["valence"]) for row in map(json.loads, out.splitlines())}
    assert frames == {"long": 76, "one": 1}
