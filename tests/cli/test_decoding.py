"""Settings of a trained frontend that need no new training: ways of decoding, and what is made of them together."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import RATE, hiss, voice
from safetensors.torch import load_file

import sefront

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def progressive(audio: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run of `pl_mtl`; nobody may change it."""
    out = tmp_path_factory.mktemp("runs") / "progressive"
    sefront.couple(
        frontend="pl_mtl", backend="ser_cnn", mode="cold_cascade", corpus=str(audio / "speech"),
        noise=str(audio / "noise"), options={"frontend.width": 8, "backend.width": 2}, epochs=2, test_snr=0, out=out,
        device="cpu", precision="32",
    )  # fmt: skip
    return out


@pytest.fixture
def noisy(tmp_path: Path) -> Path:
    """A recording under noise."""
    path = tmp_path / "noisy.wav"
    soundfile.write(path, voice(RATE, 150.0) + hiss(RATE, level=0.05), RATE, subtype="FLOAT")
    return path


def enhanced(run_here: Run, run: Path, noisy: Path, decode: str) -> np.ndarray:
    target = noisy.with_name(f"{decode}.wav")
    code, _, err = run_here(
        "enhance", str(noisy), "-o", str(target), "--run", str(run), "-o", f"frontend.decode={decode}"
    )
    assert code == 0, err
    return np.asarray(soundfile.read(target)[0])


def test_a_run_is_decoded_in_any_way_without_training_again(run_here: Run, progressive: Path, noisy: Path) -> None:
    before = (progressive / "experiment.toml").read_bytes()
    ways = ("t1_lps", "t1_prm", "t1_prm_ispp", "t3_irm")
    found = {way: enhanced(run_here, progressive, noisy, way) for way in ways}
    for number, way in enumerate(ways):
        for other in ways[:number]:
            assert np.abs(found[way] - found[other]).max() > 1e-3
    np.testing.assert_array_equal(
        found["t3_irm"], sefront.open_run(progressive).enhance(soundfile.read(noisy)[0], RATE)
    )
    assert (progressive / "experiment.toml").read_bytes() == before


def test_statistics_of_the_training_clips_are_in_the_checkpoint(progressive: Path) -> None:
    weights = load_file(progressive / "checkpoint" / "best" / "frontend.safetensors")
    assert float(weights["feature.count"]) > 100
    assert float(weights["feature.mean"].abs().mean()) > 1


def test_decodings_of_one_run_are_fused(run_here: Run, progressive: Path) -> None:
    code, out, err = run_here(
        "evaluate", str(progressive), "--fuse", "frontend.decode=t1_prm,t1_prm_ispp", "--metrics", "uar", "--json"
    )
    assert code == 0, err
    assert {"t1_prm", "t1_prm_ispp", "fused"} <= {row["system"] for row in json.loads(out)}


@pytest.mark.parametrize("decode", ["t3_irm", "t1_prm_ispp"])
def test_a_stream_through_a_run_equals_its_file(run_here: Run, progressive: Path, noisy: Path, decode: str) -> None:
    words = ["enhance", "--stream", "--run", str(progressive), "-o", f"frontend.decode={decode}"]
    samples = np.round(np.asarray(soundfile.read(noisy)[0]) * 32768)
    soundfile.write(noisy, samples / 32768, RATE, subtype="FLOAT")
    done = subprocess.run(
        [sys.executable, "-m", "sefront", *words],
        input=samples.astype("<i2").tobytes(),
        capture_output=True,
        check=True,
    )
    streamed = np.frombuffer(done.stdout, "<i2") / 32768
    assert done.stderr.decode() == "16-bit mono PCM at 16000 Hz, 32 ms latency\n"
    np.testing.assert_allclose(streamed, enhanced(run_here, progressive, noisy, decode), atol=1e-4, rtol=0)
