"""``--cache``: decoded audio on disk for training and judging."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from recordings import SMALL

from sefront.core.audio import AudioFile

Run = Callable[..., tuple[int, str, str]]


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_runs_and_evaluations_share_a_folder(
    audio: Path, tmp_path: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpora = ("--corpus", str(audio / "speech"), "--noise", str(audio / "noise"), "--mode", "baseline")
    kept = tmp_path / "kept"
    assert run_here("couple", *SMALL, *corpora, "--out", str(tmp_path / "plain"))[0] == 0
    assert run_here("couple", *SMALL, *corpora, "--cache", str(kept), "--out", str(tmp_path / "one"))[0] == 0
    weights = [tmp_path / run / "checkpoint" / "best" / "backend.safetensors" for run in ("plain", "one")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert [(tmp_path / run / "predictions.jsonl").read_text() for run in ("plain", "one")].count(
        (tmp_path / "plain" / "predictions.jsonl").read_text()
    ) == 2
    assert "kept" not in (tmp_path / "one" / "experiment.toml").read_text()
    held = names(kept)

    def never(audio: AudioFile, sample_rate: int) -> np.ndarray:
        raise AssertionError(f"{audio.path} was decoded again")

    monkeypatch.setattr(AudioFile, "read", never)
    code, _, err = run_here("evaluate", str(tmp_path / "plain"), "--cache", str(kept), "--test-snr", "5")
    assert (code, err) == (0, "")
    code, _, err = run_here("couple", *SMALL, *corpora, "--cache", str(kept), "--out", str(tmp_path / "two"))
    assert code == 0, err
    assert names(kept) == held


@pytest.mark.filterwarnings("always::UserWarning")
def test_a_small_folder_says_so(audio: Path, tmp_path: Path, run_here: Run) -> None:
    corpora = ("--corpus", str(audio / "speech"), "--noise", str(audio / "noise"), "--mode", "baseline")
    small = ("--cache", str(tmp_path / "kept"), "--cache-gb", "0.0001")
    code, _, err = run_here("couple", *SMALL, *corpora, *small, "--out", str(tmp_path / "run"))
    assert code == 0
    assert f"sefront: {tmp_path / 'kept'}: full (0.0001 GB), so further audio is decoded each time; give it" in err
    assert sum((tmp_path / "kept" / name).stat().st_size for name in names(tmp_path / "kept")) <= 100_000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--cache-gb", "1"), "sefront: --cache-gb 1: there is no --cache FOLDER that it could bound\n"),
        (("--cache", "kept", "--cache-gb", "0"), "sefront: --cache-gb must be above 0, but is 0\n"),
    ],
)
def test_bounds_that_mean_nothing(trained: Path, run_here: Run, words: tuple[str, ...], message: str) -> None:
    assert run_here("couple", *SMALL, *words)[::2] == (2, message)
    assert run_here("evaluate", str(trained), *words)[::2] == (2, message)
