"""Whatever is wrong ends in one line that says what would be right, and loses nothing."""

from __future__ import annotations

import errno
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import typer
from recordings import RATE, SMALL, noise_folder, speech_folder, voice

from sefront.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def words(audio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A small experiment, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return [*SMALL, "--corpus", str(audio / "speech"), "--noise", str(audio / "noise"), "--out", "run"]


def refused(run_here: Run, *command: str) -> str:
    """The one line with which `command` is refused."""
    code, out, err = run_here(*command)
    assert (code, out) == (2, ""), err
    assert err.startswith("sefront: ")
    assert err.count("\n") == 1, err
    return err.removeprefix("sefront: ").rstrip("\n")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("--frontend", "unnet"), "there is no frontend 'unnet'; did you mean 'unet'? (known: "),
        (("--backend", "ser-cnn"), "there is no backend 'ser-cnn'; did you mean 'ser_cnn'? (known: "),
        (("--mode", "iterativ"), "there is no coupling 'iterativ'; did you mean 'iterative'? (known: "),
        (("--corpus", "emobd"), "there is no corpus 'emobd'; did you mean 'emodb'? (known: "),
        (("--corpus", "emodb"), "corpus 'emodb' has to be told where its audio is: emodb:PATH"),
        (("--corpus", "emodb:no/where"), "no such folder"),
        (("--corpus", "no/where"), "no/where: no such file or folder"),
        (("--noise", "no/where.csv"), "no/where.csv: no such file or folder"),
        (("-o", "frontend.widht=4"), "frontend 'unet' has no option 'widht'; did you mean 'width'? (it has: "),
        (("-o", "frontend.width=wide"), "frontend 'unet': option 'width' is 'wide', which is not int ("),
        (("-o", "frontend.width=0"), "frontend 'unet': width"),
        (("-o", "fronted.width=4"), "-o has no option section 'fronted'; did you mean 'frontend'? (it has: "),
        (("-o", "width=4"), "-o width=4: write settings as SECTION.NAME=VALUE, such as -o frontend.width=16"),
        (("-o", "frontend.width"), "-o frontend.width: write settings as SECTION.NAME=VALUE"),
        (("-o", "epochs.jiont=4"), "mode 'iterative' has no phase 'jiont'; did you mean 'joint'? (it has: "),
        (("-o", "optimiser.frontend.lr=fast"), "optimiser.frontend: option 'lr' is 'fast', which is not float"),
        (("--epochs", "many"), "Invalid value for '--epochs': "),
        (("--epochs", "0"), "--epochs must be at least 1, but is 0"),
        (("--batch-size", "-3"), "--batch-size must be at least 1, but is -3"),
        (("--snr", "low"), "--snr low: give a range in dB as LOW:HIGH, such as 0:25"),
        (("--snr", "20:5"), "--snr 20:5: the lower end comes first"),
        (("--test-snr", "5,low"), "--test-snr 5,low: give numbers in dB with commas between them, such as 20,10,0"),
        (("--test-snr", ","), "--test-snr is empty or holds an SNR twice; give it SNRs in dB, such as 20,10,0"),
        (("--test-snr", "nan"), "--snr and --test-snr hold something that is not a number"),
        (("--device", "gpu"), "device 'gpu' is unknown; it is auto, cpu, cuda or cuda:N"),
        (("--precision", "16"), "couple: option 'precision' is '16', which is not Literal['auto', '32', 'bf16']"),
        (("--frontnd", "unet"), "--frontend"),
        (("--from", "nothing.toml"), "nothing.toml: cannot be read (No such file or directory)"),
        (("--resume",), "run: holds no run to resume; leave out --resume to start one"),
    ],
)
def test_mistakes_of_couple(words: list[str], run_here: Run, asked: tuple[str, ...], message: str) -> None:
    assert message in refused(run_here, "couple", *words, *asked)
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("mode", ["mtl", "iterative"])
def test_a_frontend_that_cannot_learn(run_here: Run, tmp_path: Path, mode: str) -> None:
    asked = ("--frontend", "identity", "--mode", mode, "--out", str(tmp_path / "run"))
    message = f"{mode} trains the frontend, but Identity has nothing to train; it works with cold_cascade and frozen"
    assert refused(run_here, "couple", *asked).startswith(message)
    assert not (tmp_path / "run").exists()


def test_an_empty_folder(words: list[str], run_here: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for option in ("--corpus", "--noise", "--test-noise"):
        message = refused(run_here, "couple", *words, option, "empty")
        assert message.startswith(f"{tmp_path / 'empty'}: no audio files there (.aif .aiff .au ")


def test_a_label_in_test_but_not_in_training(words: list[str], run_here: Run, tmp_path: Path) -> None:
    lines = ["path,split,label"]
    for i, (split, label) in enumerate([("train", "x"), ("train", "y"), ("valid", "x"), ("test", "z"), ("test", "z")]):
        soundfile.write(tmp_path / f"{i}.wav", voice(8000, 200.0), RATE)
        lines.append(f"{i}.wav,{split},{label}")
    (tmp_path / "clips.csv").write_text("\n".join(lines))
    message = refused(run_here, "couple", *words, "--corpus", "clips.csv")
    assert message == f"{tmp_path / 'clips.csv'}: label 'z' appears in test (2 clips) but never in train"


def test_a_corpus_without_labels(words: list[str], audio: Path, run_here: Run) -> None:
    message = refused(run_here, "couple", *words, "--corpus", str(audio / "noise"))
    assert "has no labels; use --mode frontend_only, or a corpus with labels" in message


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "text": (lambda path: path.write_text("no audio " * 20), "not readable as audio"),
    "zero bytes": (lambda path: path.write_bytes(b""), "the file is empty (0 bytes)"),
    "no samples": (lambda path: soundfile.write(path, np.zeros(0), RATE), "holds no samples"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:4000]), "truncated ("),
    "silent": (lambda path: soundfile.write(path, np.zeros(8000), RATE), "silent (every sample is zero)"),
    "nan": (
        lambda path: soundfile.write(path, np.full(8000, np.nan, np.float32), RATE, subtype="FLOAT"),
        "holds values that are not finite (NaN or infinity)",
    ),
}


def damaged(root: Path, kind: str) -> Path:
    """Class folders of which the training, development and test split each have a damaged clip, and a whole one."""
    for number, split in enumerate(("train", "valid", "test")):
        speech_folder(root / split, each=3, seed=20 * number)
        DAMAGES[kind][0](root / split / "low" / "01.wav")
    return root


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_clip_is_named_counted_and_left_out(
    words: list[str], run_here: Run, tmp_path: Path, kind: str
) -> None:
    corpus = damaged(tmp_path / "speech", kind)
    code, _, err = run_here("couple", *words, "--corpus", str(corpus), "--mode", "augment")
    assert code == 0, err
    named = [line for line in err.splitlines() if line.startswith("left out: ")]
    assert [line for line in named if DAMAGES[kind][1] in line] == named
    assert len(named) == 3
    assert all(any(f"{split}/low/01.wav" in line for line in named) for split in ("train", "valid", "test"))
    assert err.count("damaged clips were left out") == 1  # training and development
    assert err.count("1 damaged clip was left out") == 1  # test
    assert "low/01.wav" not in Path("run/predictions.jsonl").read_text()


@pytest.mark.parametrize("kind", DAMAGES)
def test_strict_stops_at_a_damaged_clip(words: list[str], run_here: Run, tmp_path: Path, kind: str) -> None:
    corpus = damaged(tmp_path / "speech", kind)
    code, _, err = run_here("couple", *words, "--corpus", str(corpus), "--mode", "augment", "--strict")
    assert code == 2
    last = err.splitlines()[-1]
    assert last.startswith("sefront: ")
    assert DAMAGES[kind][1] in last
    assert last.endswith("(without --strict it would be left out)")


@pytest.mark.parametrize("kind", ["text", "silent", "nan"])
def test_a_damaged_noise_is_named_too(words: list[str], run_here: Run, tmp_path: Path, kind: str) -> None:
    noise_folder(tmp_path / "noise" / "train", each=2, seed=20)
    noise_folder(tmp_path / "noise" / "valid", each=1, seed=50)
    noise_folder(tmp_path / "noise" / "test", each=1, seed=90)
    DAMAGES[kind][0](tmp_path / "noise" / "train" / "hiss_1.wav")
    command = ("couple", *words, "--noise", str(tmp_path / "noise"), "--mode", "augment", "--epochs", "3")
    # the last --noise does not replace the first one: both train
    code, _, err = run_here(*command)
    assert code == 0, err
    assert any(line.startswith("left out: ") and "hiss_1.wav" in line for line in err.splitlines())
    assert "1 damaged clip was left out" in err
    code, _, err = run_here(*command, "--strict", "--out", "strict")
    assert code == 2
    assert "hiss_1.wav" in err.splitlines()[-1]


def test_nothing_but_damaged_clips(words: list[str], run_here: Run, tmp_path: Path) -> None:
    for label in "xy":
        (tmp_path / "bad" / label).mkdir(parents=True)
        for i in range(4):
            (tmp_path / "bad" / label / f"{i}.wav").write_text("no audio")
    code, _, err = run_here("couple", *words, "--corpus", "bad")
    assert code == 2
    assert "train split: no usable clips (of 4); give that split some" in err.splitlines()[-1]


def test_nothing_but_silence(words: list[str], run_here: Run, tmp_path: Path) -> None:
    for label in "xy":
        (tmp_path / "quiet" / label).mkdir(parents=True)
        for i in range(4):
            soundfile.write(tmp_path / "quiet" / label / f"{i}.wav", np.zeros(4000), RATE)
    code, _, err = run_here("couple", *words, "--corpus", "quiet")
    assert code == 2
    assert err.splitlines()[-1] == "sefront: phase frontend: no usable training clip was left"


@pytest.mark.parametrize("place", ["/dev/null/run", "taken"])
def test_out_that_cannot_be_a_folder(words: list[str], run_here: Run, place: str) -> None:
    if place == "taken":
        Path(place).touch()
    code, _, err = run_here("couple", *words, "--out", place)
    assert code == 2
    assert f"sefront: {place}: cannot be written (" in err
    assert err.rstrip().endswith("name another place with --out")


def test_out_that_may_not_be_written(words: list[str], run_here: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    make = Path.mkdir

    def forbidden(self: Path, *args: Any, **options: Any) -> None:
        if self.name == "run":
            raise PermissionError(errno.EACCES, "Permission denied")
        make(self, *args, **options)

    monkeypatch.setattr(Path, "mkdir", forbidden)
    message = refused(run_here, "couple", *words)
    assert message == "run: cannot be written (Permission denied); name another place with --out"


def test_a_disk_that_fills_up_and_is_freed_again(
    words: list[str], run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, writes = Path.write_bytes, []

    def filling(self: Path, data: Any) -> int:
        writes.append(self)
        if len(writes) > 11:  # the first checkpoint of the joint phase
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", filling)
        code, _, err = run_here("couple", *words)
    assert code == 2
    assert err.splitlines()[-1].endswith(
        "the disk is full; what was written before is intact, so free some space and use --resume"
    )
    assert refused(run_here, "evaluate", "run") == "run: is not trained to its end; continue it with --out run --resume"
    assert run_here("couple", *words, "--resume")[0] == 0
    whole = [word if word != "run" else "whole" for word in words]
    assert run_here("couple", *whole)[0] == 0
    for path in Path("whole/checkpoint").rglob("*.safetensors"):
        assert path.read_bytes() == (Path("run") / path.relative_to("whole")).read_bytes()


@pytest.mark.parametrize("command", [("evaluate",), ("predict", "{wav}"), ("enhance", "{wav}", "-o", "x", "--run")])
@pytest.mark.parametrize("what", ["nowhere", "folder", "unfinished", "no weights"])
def test_what_is_no_run(
    run_here: Run, trained: Path, audio: Path, tmp_path: Path, command: tuple[str, ...], what: str
) -> None:
    place, message = tmp_path / what, "not a run folder (it holds no experiment.toml)"
    if what != "nowhere":
        place.mkdir()
    if what in ("unfinished", "no weights"):
        (place / "experiment.toml").write_bytes((trained / "experiment.toml").read_bytes())
        message = "has no trained frontend yet; continue it with --out"
    if what == "unfinished":
        (place / "lock.json").write_text('{"schema": 1}')
        message = "is not trained to its end; continue it with --out"
    filled = [word.format(wav=audio / "speech" / "low" / "00.wav") for word in command]
    filled = [filled[0], str(place), *filled[1:]] if filled[-1] != "--run" else [*filled, str(place)]
    assert refused(run_here, *filled).startswith(f"{place}: {message}")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("--metrics", "uar,psq"), "there is no metric 'psq'; did you mean 'pesq'?"),
        (("--split", "tset"), "there is no split 'tset'; did you mean 'test'? (known: all, test, train, valid)"),
        (("--corpus", "no/where"), "no/where: no such file or folder"),
        (("--test-snr", "low"), "--test-snr low: give numbers in dB with commas between them"),
        (("--device", "gpu"), "device 'gpu' is unknown"),
        (("--corpus", "toy"), "label 'angry' ("),
        (("--original", "nowhere"), "nowhere: not a run folder"),
    ],
)
def test_mistakes_of_evaluate(trained: Path, run_here: Run, asked: tuple[str, ...], message: str) -> None:
    assert message in refused(run_here, "evaluate", str(trained), *asked)


def test_a_damaged_experiment(trained: Path, run_here: Run, tmp_path: Path) -> None:
    (tmp_path / "experiment.toml").write_text("mode = ")
    assert "experiment.toml: not TOML (" in refused(run_here, "evaluate", str(tmp_path))


def test_weights_that_do_not_fit(trained: Path, run_here: Run, tmp_path: Path) -> None:
    import shutil

    run = shutil.copytree(trained, tmp_path / "run")
    text = (run / "experiment.toml").read_text().replace('"frontend.width" = 1', '"frontend.width" = 2')
    (run / "experiment.toml").write_text(text)
    message = refused(run_here, "evaluate", str(run))
    assert message.startswith(f"{run}: the frontend does not fit UNet: size mismatch for ")
    assert message.endswith("(build it with the options it was trained with)")


def test_a_warning_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Warner:
        def main(self, *words: object, **how: object) -> int:
            with warnings.catch_warnings():
                warnings.simplefilter("always")
                warnings.warn("a text\n  is too long", stacklevel=1)
                warnings.warn("an argument is old", DeprecationWarning, stacklevel=1)
            return 0

    monkeypatch.setattr(typer.main, "get_command", lambda app: Warner())
    assert main([]) == 0
    assert capsys.readouterr().err == "sefront: a text is too long\n"
