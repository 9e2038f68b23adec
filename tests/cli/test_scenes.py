"""Scenes as targets and speech as what disturbs them, from the words of the command line to the table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
from recordings import RATE, SMALL, speech_folder, voice

import sefront
from sefront.core.experiment import Experiment

Run = Callable[..., tuple[int, str, str]]


def talk(root: Path, pitch: float) -> Path:
    """Loose files of speech."""
    root.mkdir()
    for i in range(8):
        soundfile.write(root / f"{i}.wav", voice(6000, pitch + 9 * i, seed=i), RATE)
    return root


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``scenes`` of two classes, ``talk`` and ``chat``."""
    root = tmp_path_factory.mktemp("places")
    speech_folder(root / "scenes")
    talk(root / "talk", 100.0)
    talk(root / "chat", 190.0)
    return root


@pytest.fixture(scope="module")
def scene(places: Path) -> Path:
    """A small run of mode ``iterative`` on scenes; nobody may change it."""
    from sefront.cli import main

    asked = ("--corpus", str(places / "scenes"), "-o", "corpus.role=scene", "--intruder", str(places / "talk"))
    assert main(["couple", *SMALL, *asked, "--test-snr=-25,10", "--out", str(places / "run")]) == 0
    return places / "run"


def judged(run_here: Run, *words: str) -> list[dict[str, Any]]:
    """The rows that `sefront evaluate` prints."""
    code, out, err = run_here("evaluate", *words, "--json")
    assert code == 0, err
    found: list[dict[str, Any]] = json.loads(out)
    return found


def test_metrics_of_speech_have_no_numbers(scene: Path) -> None:
    written = json.loads((scene / "evaluation.json").read_text())
    assert written["task"]["wanted"] == "scene"
    assert {row["metric"] for row in written["rows"]} == {"uar", "si_sdr"}
    assert {row["snr"] for row in written["rows"]} == {"clean", -25.0, 10.0}
    assert {row["noise"] for row in written["rows"]} == {"all", "talk"}
    noisy = {r["snr"]: r["value"] for r in written["rows"] if (r["system"], r["noise"]) == ("noisy", "all")}
    assert noisy == {-25.0: pytest.approx(25.0, abs=0.5), 10.0: pytest.approx(-10.0, abs=1.5)}
    lines = [json.loads(line) for line in (scene / "predictions.jsonl").read_text().splitlines()]
    assert {name for line in lines for name in [*line.get("signal", {}), *line.get("failed", [])]} == {"si_sdr"}


def test_the_table_says_what_does_not_apply(scene: Path, run_here: Run) -> None:
    assert sefront.open_run(scene).table().splitlines()[-1] == "stoi, pesq: not applicable to scenes"
    code, out, _ = run_here("evaluate", str(scene), "--metrics", "uar,pesq")
    assert (code, out.rstrip().splitlines()[-1]) == (0, "pesq: not applicable to scenes")
    assert judged(run_here, str(scene), "--metrics", "stoi") == []


def test_from_repeats_scenes_exactly(scene: Path, places: Path, run_here: Run) -> None:
    code, _, err = run_here("couple", "--from", str(scene / "experiment.toml"), "--out", str(places / "again"))
    assert code == 0, err
    for name in ("experiment.toml", "evaluation.json", "predictions.jsonl"):
        assert (places / "again" / name).read_bytes() == (scene / name).read_bytes()
    experiment = Experiment.read(scene / "experiment.toml")
    assert (experiment.intruder, experiment.noise) == ((f"folder:{places / 'talk'}",), ())
    assert experiment.options["training.valid_snr"] == [-20.0, -5.0, 10.0]
    data = json.loads((scene / "lock.json").read_text())["data"]
    assert {name: facts["noises"] for name, facts in data.items()} == {"train": 6, "valid": 1, "test": 1}


def test_another_intruder_is_judged_with(scene: Path, places: Path, run_here: Run) -> None:
    before = (scene / "evaluation.json").read_bytes()
    chat = ("--intruder", str(places / "chat"), "--metrics", "uar,si_sdr")
    assert {row["noise"] for row in judged(run_here, str(scene), *chat)} == {"all", "chat"}
    both = judged(run_here, str(scene), *chat, "--intruder", str(places / "talk"))
    assert {row["noise"] for row in both} == {"all", "chat", "talk"}
    fused = judged(run_here, "--fuse", f"{scene},{scene}", *chat[:2])
    assert {row["noise"] for row in fused if row["system"] == "fused"} == {"all", "chat"}
    assert (scene / "evaluation.json").read_bytes() == before


def test_noise_types_are_told_apart_at_the_loudest_speech(scene: Path, places: Path, run_here: Run) -> None:
    words = [word for name in ("chat", "talk") for word in ("--intruder", str(places / name))]
    code, out, _ = run_here("evaluate", str(scene), *words)
    assert code == 0
    assert out.split("\n\n")[2].split()[:6] == ["at", "10", "dB", "system", "chat", "talk"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("evaluate", "{trained}", "--intruder", "{places}/talk"), "talk: speech intrudes upon scenes, but corpus "),
        (("evaluate", "{scene}", "--intruder", "toy", "--noise", "toy"), "for scenes speech is the noise; leave one"),
        (("evaluate", "{scene}", "--noise", "{places}/talk"), "in both what {scene} has learnt from and test noise"),
        (("couple", "--intruder", "{places}/talk", "--plan"), "corpus 'toy' holds none; name what disturbs speech"),
        (("couple", "--intruder", "{places}/tlak", "--plan"), "tlak: no such file or folder"),
    ],
)
def test_mistakes(
    scene: Path, trained: Path, places: Path, run_here: Run, asked: tuple[str, ...], message: str
) -> None:
    code, out, err = run_here(*(word.format(scene=scene, trained=trained, places=places) for word in asked))
    assert (code, out) == (2, "")
    assert message.format(scene=scene) in err
    assert err.count("\n") == 1


def test_scenes_of_the_toy_are_disturbed_by_its_speech(run_here: Run, tmp_path: Path) -> None:
    toy = ("-o", "corpus.speakers=3", "-o", "corpus.clips=8", "-o", "noise.noises=1", "-o", "backend.width=1")
    words = ("--backend", "asc_dual_resnet", "--mode", "augment", "--epochs", "1", "--test-snr", "10")
    code, out, err = run_here("couple", *words, *toy, "--device", "cpu", "--out", str(tmp_path / "run"))
    assert code == 0, err
    assert "stoi, pesq: not applicable to scenes" in out
    run = sefront.open_run(tmp_path / "run")
    assert run.task is not None
    assert (run.task.wanted, run.experiment.options["noise.task"]) == ("scene", "scenes")
