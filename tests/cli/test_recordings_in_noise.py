"""Corpora that were recorded in noise, from training to every use of the run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
from recordings import SMALL, noise_folder, taped_folder, voice

from sefront.cli import main

Run = Callable[..., tuple[int, str, str]]
QUICK = (*SMALL[:4], "-o", "backend.width=2", "--epochs", "1", "--device", "cpu", "--precision", "32")
NEVER = "were recorded in noise, so nothing is mixed into them; leave it out"


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``tapes`` of eight emotions recorded in noise, clean ``speech`` of the same emotions, and ``noise``."""
    root = tmp_path_factory.mktemp("places")
    taped_folder(root / "tapes")
    for number, path in enumerate(sorted((root / "tapes" / "train").iterdir())):
        (root / "speech" / path.name).mkdir(parents=True)
        for i in range(4):
            samples = voice(6400, 100.0 + 30 * number, seed=10 * number + i)
            soundfile.write(root / "speech" / path.name / f"{i}.wav", samples, 16000)
    noise_folder(root / "noise")
    return root


@pytest.fixture(scope="module")
def augmented(places: Path) -> Path:
    """A run that learnt from recordings themselves."""
    words = ("couple", *QUICK, "--mode", "augment", "--corpus", f"cheavd:{places / 'tapes'}")
    assert main([*words, "--out", str(places / "augmented")]) == 0
    return places / "augmented"


@pytest.fixture(scope="module")
def clean(places: Path) -> Path:
    """A run that learnt from clean speech and noise."""
    words = ("couple", *QUICK, "--test-snr", "0", "--mode", "iterative", "--corpus", str(places / "speech"))
    assert main([*words, "--noise", str(places / "noise"), "--out", str(places / "clean")]) == 0
    return places / "clean"


def rows(run: Path, name: str = "predictions.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / name).read_text().splitlines()]


def test_rows_and_log_of_a_run(augmented: Path) -> None:
    assert {(row["snr"], row["noise"], row["system"]) for row in rows(augmented)} == {("recorded", None, "coupled")}
    assert len(rows(augmented)) == 16
    cells = json.loads((augmented / "evaluation.json").read_text())["rows"]
    assert [(cell["system"], cell["snr"], cell["metric"], cell["n"]) for cell in cells] == [
        ("coupled", "recorded", "accuracy", 16)
    ]
    assert list(rows(augmented, "log.jsonl")[-1]["scores"]) == ["recorded"]


def test_the_table_of_recordings(augmented: Path, run_here: Run) -> None:
    code, out, err = run_here("evaluate", str(augmented))
    assert code == 0, err
    lines = out.splitlines()
    assert lines[2].split() == ["metric", "system", "recorded"]
    assert lines[3].split()[:3] == ["accuracy", "[%]", "coupled"]
    assert "si_sdr, stoi, pesq: not applicable: no clean reference" in lines


@pytest.mark.parametrize(
    ("words", "option"), [(("--test-snr", "5"), "--test-snr"), (("--noise", "toy"), "--test-noise")]
)
def test_what_an_evaluation_would_mix_is_refused(
    augmented: Path, clean: Path, places: Path, run_here: Run, words: tuple[str, ...], option: str
) -> None:
    for asked in ([str(augmented)], [str(clean), "--corpus", f"cheavd:{places / 'tapes'}"]):
        code, out, err = run_here("evaluate", *asked, *words)
        assert (code, out) == (2, "")
        assert err == f"sefront: {option}: the clips of corpus 'cheavd:{places / 'tapes'}' {NEVER}\n"


def test_a_run_on_clean_speech_meets_recordings(clean: Path, places: Path, run_here: Run) -> None:
    before = (clean / "evaluation.json").read_bytes()
    asked = ("evaluate", str(clean), "--corpus", f"cheavd:{places / 'tapes'}")
    code, out, err = run_here(*asked, "--json", "--out", str(places / "met"))
    assert code == 0, err
    found = {(row["system"], row["snr"], row["metric"], row["n"]) for row in json.loads(out)}
    assert found == {(system, "recorded", "uar", 16) for system in ("original", "bypass", "coupled")}
    assert (clean / "evaluation.json").read_bytes() == before
    assert {row["snr"] for row in rows(places / "met")} == {"recorded"}
    code, out, err = run_here(*asked, "--metrics", "stoi,si_sdr")
    assert (code, out) == (2, "")
    assert "test split: stoi, si_sdr compare with clean references, but 16 of 16 clips were recorded in noise" in err


def test_noise_that_is_gone_is_not_missed(clean: Path, places: Path, run_here: Run) -> None:
    away = (places / "noise").rename(places / "moved")
    try:
        assert run_here("evaluate", str(clean), "--corpus", f"cheavd:{places / 'tapes'}")[0] == 0
    finally:
        away.rename(places / "noise")


def test_a_run_on_recordings_meets_clean_speech(augmented: Path, places: Path, run_here: Run) -> None:
    asked = ("evaluate", str(augmented), "--corpus", str(places / "speech"), "--json")
    code, _, err = run_here(*asked)
    assert code == 2
    assert "no usable noise (of 0 recordings); name more with --noise" in err
    code, out, err = run_here(*asked, "--noise", str(places / "noise"), "--test-snr", "5")
    assert code == 0, err
    assert {row["snr"] for row in json.loads(out)} == {"clean", 5.0}


def test_a_frontend_from_elsewhere(clean: Path, places: Path, run_here: Run) -> None:
    words = ("couple", *QUICK, "--corpus", f"cheavd:{places / 'tapes'}", "--init-frontend", str(clean))
    code, out, err = run_here(*words, "--mode", "frozen", "--out", str(places / "frozen"))
    assert code == 0, err
    assert {(row["system"], row["snr"]) for row in rows(places / "frozen")} == {
        ("bypass", "recorded"), ("coupled", "recorded")
    }  # fmt: skip
    code, _, err = run_here(*words, "--mode", "cold_cascade", "--plan")
    assert code == 2
    assert "train split: phase backend needs clean references, but 27 of 27 clips" in err
    code, out, err = run_here(*words, "--init-backend", str(clean), "--mode", "cold_cascade", "--plan")
    assert code == 0, err
    assert "test: 16 clips recorded in noise, none of them with a clean reference" in out


def test_repeating_and_resuming(augmented: Path, places: Path, run_here: Run) -> None:
    again = str(places / "again")
    assert run_here("couple", "--from", str(augmented / "experiment.toml"), "--out", again)[0] == 0
    assert rows(places / "again") == rows(augmented)
    code, _, err = run_here("couple", "--resume", "--out", again)
    assert code == 0, err


def test_inspecting_writes_no_clean_audio(augmented: Path, places: Path, run_here: Run) -> None:
    code, out, err = run_here("inspect", str(augmented), "--top", "2", "--audio", str(places / "hard"))
    assert code == 0, err
    written = sorted(path.name for path in (places / "hard").iterdir())
    assert len(written) == 2
    assert all(name.endswith("-noisy.wav") for name in written)
    assert "snr" not in out.splitlines()[0].split()


def test_fusing_and_predicting(augmented: Path, places: Path, run_here: Run) -> None:
    code, out, err = run_here("evaluate", "--fuse", f"{augmented},{augmented}", "--json")
    assert code == 0, err
    cells = {(row["system"], row["snr"], row["value"]) for row in json.loads(out)}
    assert len({value for _, _, value in cells}) == 1
    assert {(system, snr) for system, snr, _ in cells} == {
        (system, "recorded") for system in ("augmented", "augmented-2", "fused")
    }
    code, out, err = run_here("predict", str(augmented), str(places / "tapes" / "val"))
    assert code == 0, err
    assert len(out.splitlines()) == 16


def test_checking(places: Path, run_here: Run) -> None:
    code, out, err = run_here("corpus", "check", f"cheavd:{places / 'tapes'}", "--json")
    assert code == 0, err
    report = json.loads(out)
    assert (report["clips"], report["problems"]) == (48, [])
    assert {(remark["kind"]) for remark in report["remarks"]} == {"count"}
