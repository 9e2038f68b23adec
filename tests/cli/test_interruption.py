"""A run that is stopped loses nothing: continued, it ends as if it had never been stopped."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recordings import SMALL

from sefront.core import checkpoint

Run = Callable[..., tuple[int, str, str]]

KILLED = """
import os, signal, sys
import sefront.cli.watching as watching
from sefront.cli import main

place, step = sys.argv[1], int(sys.argv[2])

class Watcher(watching.Watcher):
    def start(self, what, total):
        self.what, self.done = what, 0
        assert total > step, total
    def advance(self):
        self.done += 1
        if self.what == place and self.done == step:
            os.kill(os.getpid(), getattr(signal, sys.argv[3]))

watching.Watcher = Watcher
sys.exit(main(sys.argv[4:]))
"""
"""The command, which sends itself a signal after some steps of one epoch."""
EXPOSURE = Path("checkpoint", "exposure.json")
WRITTEN = ("predictions.jsonl", "mixtures.jsonl", "evaluation.json", "experiment.toml", "splits.json")


@pytest.fixture(scope="module")
def words(audio: Path) -> list[str]:
    """Two epochs of three steps per phase."""
    corpora = ("--corpus", str(audio / "speech"), "--noise", str(audio / "noise"))
    return ["couple", *SMALL, *corpora, "--epochs", "2", "--batch-size", "4", "-o", "backend.dropout=0.5"]


@pytest.fixture(scope="module")
def whole(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that is never stopped."""
    from sefront.cli import main

    out = tmp_path_factory.mktemp("runs") / "whole"
    assert main([*words, "--out", str(out)]) == 0
    return out


def python(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=False)


def log(folder: Path) -> list[dict[str, object]]:
    """What was logged, but for the time it took."""
    lines = (folder / "log.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


def same(run: Path, whole: Path) -> bool:
    """Whether two runs have the same weights, log, predictions and table, to the bit."""
    weights = sorted(path.relative_to(whole) for path in (whole / "checkpoint").rglob("*.safetensors"))
    assert len(weights) == 5  # best and last of both parts, and the original
    names = [*weights, EXPOSURE, *map(Path, WRITTEN)]
    differing = [str(name) for name in names if (run / name).read_bytes() != (whole / name).read_bytes()]
    assert differing == []
    assert log(run) == log(whole)
    assert {path.name for path in run.iterdir()} == {path.name for path in whole.iterdir()}
    assert {path.name for path in (run / "checkpoint").iterdir()} == {"best", "last", "original", EXPOSURE.name}
    return True


@pytest.mark.parametrize(("place", "epochs"), [("frontend 1/2", 0), ("backend 2/2", 3), ("joint 2/2", 5)])
def test_killed_in_the_middle_of_an_epoch(
    words: list[str], whole: Path, run_here: Run, tmp_path: Path, place: str, epochs: int
) -> None:
    run = tmp_path / "run"
    killed = python(KILLED, place, "2", "SIGKILL", *words, "--out", str(run))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(log(run)) == epochs if epochs else not (run / "checkpoint").exists()
    assert not (run / "evaluation.json").exists()
    code, out, err = run_here("couple", "--out", str(run), "--resume")
    assert code == 0, err
    assert str(run) in out
    assert same(run, whole)


@pytest.fixture(scope="module")
def counting(audio: Path) -> list[str]:
    """Two branches that learn from all clips and from hard ones."""
    corpora = ("--corpus", str(audio / "speech"), "--noise", str(audio / "noise"))
    hard = ("--mode", "independent", "--backend", "ser_cnn+acln", "-o", "coupling.sees=clean")
    lengths = [f"epochs.{branch}{what}" for branch in ("ser_cnn", "acln") for what in ("=3", "_hard=2")]
    options = [word for length in lengths for word in ("-o", length)]
    return ["couple", *SMALL, *corpora, *hard, "--batch-size", "4", *options]


@pytest.fixture(scope="module")
def counted(counting: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of these that is never stopped."""
    from sefront.cli import main

    out = tmp_path_factory.mktemp("runs") / "counted"
    assert main([*counting, "--out", str(out)]) == 0
    return out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "step", "epochs"),
    [
        ("ser_cnn 1/3", 2, 1),
        ("ser_cnn 3/3", 2, 3),
        ("ser_cnn_hard 1/2", 1, 4),
        ("ser_cnn_hard 2/2", 1, 5),
        ("acln 2/3", 1, 7),
        ("acln_hard 1/2", 1, 9),
    ],
)
def test_killed_while_answers_are_counted_or_hard_clips_learnt(
    counting: list[str], counted: Path, run_here: Run, tmp_path: Path, place: str, step: int, epochs: int
) -> None:
    run = tmp_path / "run"
    killed = python(KILLED, place, str(step), "SIGKILL", *counting, "--out", str(run))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(log(run)) == epochs
    code, _, err = run_here("couple", "--out", str(run), "--resume")
    assert code == 0, err
    assert same(run, counted)
    for kept in (counted / "samples").iterdir():
        assert (run / "samples" / kept.name).read_bytes() == kept.read_bytes()


@pytest.mark.parametrize("phase", [0, 1, 2])
@pytest.mark.parametrize("epoch", [1, 2])
def test_stopped_between_the_best_and_the_last_checkpoint(
    words: list[str],
    whole: Path,
    run_here: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    phase: int,
    epoch: int,
) -> None:
    run, save = tmp_path / "run", checkpoint.save

    def stopping(folder: Path, parts: Any, state: Any = None) -> None:
        standing = state["standing"] if state else {}
        if (standing.get("phase"), standing.get("epoch")) == (phase, epoch):
            raise KeyboardInterrupt
        save(folder, parts, state)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", stopping)
        assert run_here(*words, "--out", str(run))[0] == 130
    code, _, err = run_here("couple", "--out", str(run), "--resume")
    assert code == 0, err
    assert same(run, whole)


def test_ctrl_c(words: list[str], whole: Path, run_here: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stopped = python(KILLED, "backend 2/2", "1", "SIGINT", *words)
    assert stopped.returncode == 130, stopped.stderr
    assert stopped.stdout == ""
    assert stopped.stderr.splitlines()[-2:] == ["continue with: sefront couple --resume", "sefront: interrupted"]
    assert "Traceback" not in stopped.stderr
    (run,) = (tmp_path / "runs").iterdir()
    code, _, err = run_here(*words, "--resume")  # the last unfinished run in runs/, and its own words again
    assert code == 0, err
    assert same(run, whole)


def test_a_signal_from_outside(words: list[str], tmp_path: Path) -> None:
    """What a terminal sends, to the command as it is installed."""
    command = [sys.executable, "-m", "sefront", *words, "--epochs", "500", "--out", str(tmp_path / "run")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if len([each for each in lines if each.startswith("  frontend")]) == 2:
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    assert rest.endswith("sefront: interrupted\n")
    assert "Traceback" not in rest
    assert (tmp_path / "run" / "checkpoint" / "last" / "state.pt").exists()


def test_resuming_a_finished_run_changes_nothing(whole: Path, run_here: Run) -> None:
    before = {path: path.read_bytes() for path in whole.rglob("*.safetensors")}
    code, _, err = run_here("couple", "--out", str(whole), "--resume")
    assert code == 0, err
    assert "  joint" not in err
    assert {path: path.read_bytes() for path in whole.rglob("*.safetensors")} == before


def test_there_is_no_unfinished_run(run_here: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run_here("couple", "--resume")
    assert (code, err) == (2, "sefront: runs: holds no unfinished run; name the one to resume with --out\n")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("--epochs", "3"), "--epochs is 3, but the run in {run} was started with 2; leave it out, or start a new run"),
        (("--mode", "mtl"), "--mode is mtl, but the run in {run} was started with iterative; leave it out"),
        (("--test-snr", "5"), "--test-snr is (5.0,), but the run in {run} was started with (0.0,)"),
        (("--corpus", "toy"), "--corpus is toy, but the run in {run} was started with folder:/"),
        (("-o", "frontend.width=2"), "-o frontend.width is 2, but the run in {run} was started with 1; leave it out"),
        (("-o", "optimiser.lr=2"), "-o optimiser.backend.lr is 2.0, but the run in {run} was started with 0.001"),
        (("-o", "test_noise.role=noise"), "-o test_noise.role: the run in {run} was started without it; leave it out"),
        (("-o", "training.valid_snr=5"), "-o training.valid_snr is [5.0], but the run in {run} was started with [20.0"),
    ],
)
def test_resuming_with_something_else(whole: Path, run_here: Run, asked: tuple[str, ...], message: str) -> None:
    code, out, err = run_here("couple", "--out", str(whole), "--resume", *asked)
    assert (code, out) == (2, "")
    assert message.format(run=whole) in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("again", [("-o", "training.valid_snr=20,10,0"), ("--seed", "0", "--device", "cpu")])
def test_resuming_with_the_same_again(whole: Path, run_here: Run, again: tuple[str, ...]) -> None:
    code, _, err = run_here("couple", "--out", str(whole), "--resume", *again)
    assert code == 0, err
