"""``sefront couple``, from its words to its run folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
from recordings import SMALL, hiss, noise_folder, speech_folder, voice

import sefront
from sefront.core.experiment import Experiment
from sefront.corpora.toy import Toy

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def words(audio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A small experiment, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return [*SMALL, "--corpus", str(audio / "speech"), "--noise", str(audio / "noise")]


def systems(folder: Path) -> dict[str, set[str]]:
    """The metrics of every system in the evaluation of a run."""
    found: dict[str, set[str]] = {}
    for row in json.loads((folder / "evaluation.json").read_text())["rows"]:
        found.setdefault(row["system"], set()).add(row["metric"])
    return found


def phases(folder: Path) -> list[str]:
    lines = (folder / "log.jsonl").read_text().splitlines()
    return list(dict.fromkeys(json.loads(line)["phase"] for line in lines))


SIGNAL = {"si_sdr", "stoi", "pesq"}
CHAIN = {"noisy": SIGNAL, "bypass": {"uar"}, "coupled": {"uar", *SIGNAL}}


@pytest.mark.parametrize(
    ("mode", "learnt", "expected"),
    [
        ("frontend_only", ["frontend"], {"noisy": SIGNAL, "coupled": SIGNAL}),
        ("baseline", ["backend"], {"noisy": SIGNAL, "coupled": {"uar"}, "original": {"uar"}}),
        ("augment", ["backend"], {"noisy": SIGNAL, "coupled": {"uar"}}),
        ("cold_cascade", ["frontend", "backend"], {**CHAIN, "original": {"uar"}}),
        ("frozen", ["frontend", "backend"], CHAIN),
        ("mtl", ["frontend", "backend", "joint"], {**CHAIN, "original": {"uar"}}),
        ("iterative", ["frontend", "backend", "joint"], {**CHAIN, "original": {"uar"}}),
    ],
)
def test_every_mode(
    words: list[str], run_here: Run, mode: str, learnt: list[str], expected: dict[str, set[str]]
) -> None:
    code, out, err = run_here("couple", *words, "--mode", mode, "--out", mode)
    assert code == 0, err
    folder = Path(mode)
    assert phases(folder) == learnt
    assert systems(folder) == expected
    assert out.startswith(f"\n{mode}\n\nmetric ")
    assert all(f"phase {phase}: " in err for phase in learnt)
    assert (folder / "checkpoint" / "original").exists() == ("original" in expected)
    files = {"experiment.toml", "lock.json", "log.jsonl", "checkpoint", "predictions.jsonl", "evaluation.json"}
    files |= {"mixtures.jsonl", "splits.json"} | (set() if mode == "frontend_only" else {"samples"})
    assert {path.name for path in folder.iterdir()} == files
    assert {path.name for path in (folder / "checkpoint").iterdir()} <= {
        "last", "best", "original", "exposure.json"
    }  # fmt: skip


def test_an_unnamed_run_takes_the_next_free_name(words: list[str], run_here: Run) -> None:
    for _ in range(2):
        assert run_here("couple", *words, "--mode", "baseline")[0] == 0
    assert [path.name for path in sorted(Path("runs").iterdir())] == [
        "baseline-unet-ser_cnn-001",
        "baseline-unet-ser_cnn-002",
    ]


def test_out_that_holds_a_run(trained: Path, words: list[str], run_here: Run) -> None:
    before = (trained / "lock.json").read_bytes()
    code, out, err = run_here("couple", *words, "--out", str(trained))
    assert (code, out) == (2, "")
    assert err == f"sefront: {trained}: holds a run already; name another --out, or continue it with --resume\n"
    assert (trained / "lock.json").read_bytes() == before


def test_a_name_that_is_taken_meanwhile(words: list[str], run_here: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from sefront.core import couple

    prepared = couple.prepared

    def slowly(*args: Any) -> Any:
        job = prepared(*args)
        Path("mine").mkdir()
        Path("mine/experiment.toml").touch()
        return job

    monkeypatch.setattr(couple, "prepared", slowly)
    code, _, err = run_here("couple", *words, "--out", "mine")
    assert (code, err.splitlines()[-1][:29]) == (2, "sefront: mine: holds a run al")


def test_plan_writes_nothing(words: list[str], run_here: Run) -> None:
    code, out, err = run_here("couple", *words, "--plan")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "train: 12 clips, 2 noises"
    assert out.splitlines()[-1].startswith("phase joint: frontend (124 parameters) and backend (")
    assert list(Path().iterdir()) == []


def test_plan_of_a_frontend_that_cannot_learn(audio: Path, run_here: Run) -> None:
    corpora = ("--corpus", str(audio / "speech"), "--noise", str(audio / "noise"))
    code, out, _ = run_here("couple", *corpora, "--frontend", "identity", "--mode", "cold_cascade", "--plan")
    assert code == 0
    assert "phase frontend: left out, because Identity has nothing to train" in out.splitlines()


def test_from_repeats_a_run_exactly(trained: Path, run_here: Run, tmp_path: Path) -> None:
    out = tmp_path / "again"
    code, _, err = run_here("couple", "--from", str(trained / "experiment.toml"), "--out", str(out))
    assert code == 0, err
    assert (out / "experiment.toml").read_bytes() == (trained / "experiment.toml").read_bytes()
    for path in sorted((trained / "checkpoint").rglob("*.safetensors")):
        assert (out / path.relative_to(trained)).read_bytes() == path.read_bytes()
    assert (out / "predictions.jsonl").read_bytes() == (trained / "predictions.jsonl").read_bytes()
    assert (out / "evaluation.json").read_bytes() == (trained / "evaluation.json").read_bytes()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (("--mode", "baseline"), "phase backend: backend (1,6"),
        (("-o", "optimiser.lr=0.5"), "phase joint: "),
        (("--frontend", "spectral_subtraction", "--mode", "cold_cascade"), "phase frontend: left out"),
        (("--epochs", "7"), "at most 7 epochs"),
        (("--batch-size", "3"), "steps of 3 clips"),
    ],
)
def test_from_with_something_else(trained: Path, run_here: Run, changes: tuple[str, ...], expected: str) -> None:
    code, out, err = run_here("couple", "--from", str(trained / "experiment.toml"), *changes, "--plan")
    assert code == 0, err
    assert expected in out


def test_init_takes_the_place_of_pre_training(trained: Path, words: list[str], run_here: Run) -> None:
    code, _, err = run_here(
        "couple", *words, "--init-frontend", str(trained), "--init-backend", str(trained), "--out", "warm"
    )
    assert code == 0
    assert "phase frontend: left out, because a trained frontend was given" in err
    assert "phase backend: left out, because a trained backend was given" in err
    assert phases(Path("warm")) == ["joint"]
    assert "original" in systems(Path("warm"))
    original = Path("checkpoint", "original", "backend.safetensors")
    assert ("warm" / original).read_bytes() == (trained / original).read_bytes()
    experiment = Experiment.read(Path("warm/experiment.toml"))
    assert experiment.init_frontend == experiment.init_backend == str(trained.resolve())


def test_only_one_part_is_given(trained: Path, words: list[str], run_here: Run) -> None:
    assert run_here("couple", *words, "--mode", "cold_cascade", "--init-frontend", str(trained), "--out", "c")[0] == 0
    assert phases(Path("c")) == ["backend"]
    weights = Path("checkpoint", "best", "frontend.safetensors")
    assert ("c" / weights).read_bytes() == (trained / weights).read_bytes()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("--init-backend", "{run}", "--mode", "frontend_only"), "mode 'frontend_only' has no backend"),
        (("--init-frontend", "{run}", "-o", "frontend.width=2"), "does not fit UNet: "),
        (("--init-frontend", "nowhere"), "nowhere: not a run folder (it holds no experiment.toml)"),
    ],
)
def test_init_that_does_not_fit(
    trained: Path, words: list[str], run_here: Run, asked: tuple[str, ...], message: str
) -> None:
    code, _, err = run_here("couple", *words, *(word.format(run=trained) for word in asked))
    assert code == 2
    assert message in err
    assert err.count("\n") == 1


def test_a_run_that_lacks_the_part(words: list[str], run_here: Run) -> None:
    assert run_here("couple", *words, "--mode", "augment", "--out", "augmented")[0] == 0
    code, _, err = run_here("couple", *words, "--init-frontend", "augmented")
    assert code == 2
    assert err.rstrip().endswith("augmented: that run (mode 'augment') has no frontend")


def test_a_backend_for_other_labels_brings_no_original(
    trained: Path, words: list[str], run_here: Run, tmp_path: Path
) -> None:
    speech_folder(tmp_path / "speech", seed=50)
    (tmp_path / "speech" / "low").rename(tmp_path / "speech" / "deep")
    corpus = ("--corpus", str(tmp_path / "speech"))
    assert run_here("couple", *words, *corpus, "--init-backend", str(trained), "--out", "moved")[0] == 0
    assert "original" not in systems(Path("moved"))
    assert (trained / "checkpoint" / "original").exists()
    code, _, err = run_here("evaluate", "moved", "--original", str(trained))
    assert code == 2
    assert err == f"sefront: {trained}: has other labels than the run that is judged; name one of the same task\n"


def test_frontend_data_and_development_data_apart(words: list[str], run_here: Run, tmp_path: Path) -> None:
    speech_folder(tmp_path / "more speech", seed=50)
    noise_folder(tmp_path / "more noise", seed=50)
    noise_folder(tmp_path / "own noise", seed=90)
    apart = ("--frontend-corpus", "more speech", "--frontend-noise", "own noise", "--valid-corpus", "more speech")
    code, _, err = run_here("couple", *words, *apart, "--test-noise", "more noise", "--mode", "frozen", "--out", "x")
    assert code == 0, err
    lock = json.loads(Path("x/lock.json").read_text())
    assert set(lock["data"]) == {"train", "valid", "test", "frontend train", "frontend valid"}
    assert lock["data"]["test"]["noises"] == 6
    assert lock["data"]["train"]["noises"] == 4
    assert Experiment.read(Path("x/experiment.toml")).frontend_corpus == f"folder:{tmp_path / 'more speech'}"


def test_a_manifest_with_relative_paths_and_short_clips(run_here: Run, tmp_path: Path, audio: Path) -> None:
    (tmp_path / "my data").mkdir()
    rows = ["id,path,split,label"]
    for i, split in enumerate(["train"] * 5 + ["valid"] * 2 + ["test"] * 2):
        soundfile.write(tmp_path / "my data" / f"{i}.flac", (hiss(80, i), voice(16000, 200.0, seed=i))[i % 2], 16000)
        rows.append(f"c{i},{i}.flac,{split},{('x', 'y')[i % 2]}")
    (tmp_path / "my data" / "clips.csv").write_text("\n".join(rows))
    code, _, err = run_here(
        "couple", *SMALL, "--corpus", str(tmp_path / "my data" / "clips.csv"), "--noise", str(audio / "noise"),
        "--out", str(tmp_path / "my run"),
    )  # fmt: skip
    assert code == 0, err
    rows = json.loads((tmp_path / "my run" / "evaluation.json").read_text())["rows"]
    assert any(row["failed"] for row in rows)  # 5 ms are too short for STOI and PESQ


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (48000, 2)])
def test_any_rate_and_channel_count(run_here: Run, tmp_path: Path, audio: Path, rate: int, channels: int) -> None:
    speech_folder(tmp_path / "speech", each=4, rate=rate, channels=channels)
    corpora = ("--corpus", str(tmp_path / "speech"), "--noise", str(audio / "noise"))
    assert run_here("couple", *SMALL, *corpora, "--mode", "augment", "--out", str(tmp_path / "run"))[0] == 0


def test_fewer_clips_than_a_batch(run_here: Run, tmp_path: Path, audio: Path) -> None:
    speech_folder(tmp_path / "speech", each=3)
    corpora = ("--corpus", str(tmp_path / "speech"), "--noise", str(audio / "noise"), "--batch-size", "64")
    assert run_here("couple", *SMALL, *corpora, "--out", str(tmp_path / "run"))[0] == 0


def test_a_last_batch_of_one(words: list[str], run_here: Run) -> None:
    assert run_here("couple", *words, "--batch-size", "11", "--mode", "baseline")[0] == 0


def test_workers_change_nothing(words: list[str], run_here: Run) -> None:
    for workers in "02":
        done = run_here("couple", *words, "--mode", "frozen", "-o", f"training.workers={workers}", "--out", workers)
        assert done[0] == 0, done[2]
    for name in ("frontend", "backend"):
        path = Path("checkpoint", "last", f"{name}.safetensors")
        assert ("0" / path).read_bytes() == ("2" / path).read_bytes()


def test_the_toy_corpus_in_a_process_of_its_own(tmp_path: Path) -> None:
    """Nothing but names, and the embedded corpus."""
    toy = ("-o", "corpus.speakers=3", "-o", "corpus.clips=4", "-o", "corpus.noises=1", "-o", "noise.noises=1")
    done = subprocess.run(
        [sys.executable, "-m", "sefront", "couple", *SMALL, *toy, "--mode", "frozen"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "runs" / "frozen-unet-ser_cnn-001"
    assert systems(folder) == CHAIN
    assert str(folder.relative_to(tmp_path)) in done.stdout
    assert "frontend learns from noisy waves" in done.stderr
    assert sefront.open_run(folder).task.labels == ("angry", "happy", "neutral", "sad")  # type: ignore[union-attr]


TOY = ("-o", "corpus.speakers=3", "-o", "corpus.clips=4", "-o", "corpus.noises=1", "-o", "noise.noises=1")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["frontend_only", "baseline", "augment", "cold_cascade", "frozen", "mtl", "iterative"])
def test_a_run_on_the_toy_is_continued_and_repeated(
    run_here: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.chdir(tmp_path)
    small = [word for word in SMALL if word not in ("--epochs", "1")]  # as many as the toy asks for
    code, _, err = run_here("couple", *small, *TOY, "--mode", mode, "--out", "run")
    assert code == 0, err
    Path("run/evaluation.json").unlink()
    code, _, err = run_here("couple", "--resume", "--out", "run")
    assert code == 0, err
    code, out, err = run_here("couple", "--from", "run/experiment.toml", "--out", "again", "--plan")
    assert (code, err) == (0, "")
    said = Toy().epochs
    for phase in phases(Path("run")):
        assert f"at most {said[phase]} epochs" in next(line for line in out.splitlines() if f"phase {phase}:" in line)


@pytest.mark.slow
def test_two_processes_end_together_and_one_of_them_prints(tmp_path: Path) -> None:
    launcher = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "sefront")
    done = subprocess.run(
        [*launcher, "couple", *SMALL, *TOY, "--mode", "baseline", "--out", "run"], cwd=tmp_path, capture_output=True,
        text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\nmetric ") == 1
    assert sum(line.startswith("  backend ") for line in done.stderr.splitlines()) == 1
    assert systems(tmp_path / "run") == {"noisy": SIGNAL, "coupled": {"uar"}, "original": {"uar"}}


def test_plan_of_a_place_that_is_taken(trained: Path, words: list[str], run_here: Run) -> None:
    code, out, err = run_here("couple", *words, "--plan", "--out", str(trained))
    assert (code, out) == (2, "")
    assert err == f"sefront: {trained}: holds a run already; name another --out, or continue it with --resume\n"
    assert run_here("couple", *words, "--plan", "--out", "free")[0] == 0
    assert run_here("couple", "--plan", "--resume", "--out", str(trained))[0] == 0
    assert list(Path().iterdir()) == []


def test_from_with_the_same_corpus_by_another_path(trained: Path, audio: Path, run_here: Run) -> None:
    first = trained.parent / "roles"
    noise = ("--noise", str(audio / "noise"))
    asked = ("--corpus", str(audio / "speech"), "-o", "corpus.metric=accuracy", "--out", str(first))
    assert run_here("couple", *SMALL, *noise, *asked, "--mode", "baseline")[0] == 0
    again = ("--from", str(first / "experiment.toml"), "--corpus", os.path.relpath(audio / "speech"))
    assert run_here("couple", *again, "--out", str(trained.parent / "same"))[0] == 0
    assert Experiment.read(trained.parent / "same" / "experiment.toml").options["corpus.metric"] == "accuracy"
