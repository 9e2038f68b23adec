"""Splits, folds and leaks from the words of the command line to the files of the runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
from recordings import RATE, SMALL, hiss, noise_folder, voice

import sefront
from sefront.core.experiment import Experiment

Run = Callable[..., tuple[int, str, str]]
PATTERN = "corpus.speaker=(s[0-9])"


def speakers_folder(root: Path, speakers: str = "0123", seed: int = 0) -> Path:
    """Every speaker says both classes twice."""
    for who in speakers:
        for label, pitch in (("high", 400), ("low", 150)):
            (root / label).mkdir(parents=True, exist_ok=True)
            for take in range(2):
                samples = voice(RATE // 2, pitch + 10 * int(who) + take, seed=seed + int(who))
                soundfile.write(root / label / f"s{who}_{take}.wav", samples, RATE)
    return root


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``voices`` of four speakers, and the noise folders ``train`` and ``test``; nobody may change them."""
    root = tmp_path_factory.mktemp("places")
    speakers_folder(root / "voices")
    noise_folder(root / "train")
    (root / "test").mkdir()
    for i in range(2):
        soundfile.write(root / "test" / f"wind_{i}.wav", hiss(RATE, seed=50 + i), RATE)
    return root


@pytest.fixture
def words(places: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A small experiment, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    noise = ("--noise", str(places / "train"), "--test-noise", str(places / "test"))
    return ["couple", *SMALL, "--corpus", str(places / "voices"), "-o", PATTERN, *noise, "--mode", "augment"]


@pytest.fixture(scope="module")
def random(places: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of mode ``cold_cascade`` on a random split; nobody may change it."""
    from sefront.cli import main

    out = tmp_path_factory.mktemp("runs") / "random"
    noise = ("--noise", str(places / "train"), "--test-noise", str(places / "test"))
    corpus = ("--corpus", str(places / "voices"), "-o", PATTERN, "--splits", "random", "--fold", "3/10")
    assert main(["couple", *SMALL, *corpus, *noise, "--mode", "cold_cascade", "--out", str(out)]) == 0
    return out


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def told(err: str) -> str:
    """The one line of an error."""
    assert err.count("\n") == 1
    return err.removeprefix("sefront: ").rstrip("\n")


def test_a_split_is_written_with_the_run(words: list[str], run_here: Run) -> None:
    code, out, err = run_here(*words, "--splits", "leave-one-speaker-out", "--fold", "2/4", "--out", "run")
    assert code == 0, err
    assert "speaker-dependent" not in out
    split = read(Path("run/splits.json"))
    ids = split.pop("ids")
    facts = {
        "kind": "leave-one-speaker-out", "fold": "2/4", "seed": None, "apart": ["speaker", "recording", "noise"],
        "speaker_dependent": False,
    }  # fmt: skip
    assert split == {"schema": 1, **facts}
    assert ids["test"] == ["high/s1_0.wav", "high/s1_1.wav", "low/s1_0.wav", "low/s1_1.wav"]
    assert {name[-8:-6] for name in ids["valid"]} == {"s2"}
    assert {name[-8:-6] for name in ids["train"]} == {"s0", "s3"}
    assert read(Path("run/evaluation.json"))["split"] == facts
    assert read(Path("run/lock.json"))["leaks"] == []
    experiment = Experiment.read(Path("run/experiment.toml"))
    assert (experiment.splits, experiment.fold) == ("leave-one-speaker-out", "2/4")
    tested = {json.loads(line)["id"] for line in Path("run/predictions.jsonl").read_text().splitlines()}
    assert tested == set(ids["test"])
    before = Path("run/evaluation.json").read_bytes()
    assert run_here("evaluate", "run")[0] == 0
    assert Path("run/evaluation.json").read_bytes() == before


def test_a_run_is_repeated_and_resumed_with_its_split(words: list[str], run_here: Run) -> None:
    listed = Path("list.csv")
    listed.write_text(
        "id,split\nhigh/s0_0.wav,train\nlow/s0_0.wav,train\nhigh/s1_0.wav,valid\nlow/s1_0.wav,valid\n"
        "high/s2_0.wav,test\nlow/s2_0.wav,test\n"
    )
    assert run_here(*words, "--splits", "list.csv", "--out", "run")[0] == 0
    assert run_here("couple", "--from", "run/experiment.toml", "--out", "again")[0] == 0
    for name in ("splits.json", "evaluation.json", "experiment.toml"):
        assert Path("run", name).read_bytes() == Path("again", name).read_bytes()
    assert read(Path("run/splits.json"))["kind"] == str(listed.resolve())
    Path("run/evaluation.json").unlink()
    assert run_here("couple", "--resume", "--out", "run")[0] == 0
    assert Path("run/evaluation.json").read_bytes() == Path("again/evaluation.json").read_bytes()
    code, _, err = run_here("couple", "--resume", "--out", "run", "--splits", "speaker")
    assert (code, told(err)[:35]) == (2, "--splits is speaker, but the run in")


def test_other_splits_take_the_place_of_stated_ones(words: list[str], run_here: Run, places: Path) -> None:
    assert run_here(*words, "-o", "corpus.test=0.4", "--out", "run")[0] == 0
    code, out, err = run_here(
        "couple", "--from", "run/experiment.toml", "--splits", "k-fold", "--fold", "1/4", "--plan"
    )
    assert (code, out.splitlines()[:3]) == (
        0, ["train: 8 clips, 4 noises", "valid: 4 clips, 2 noises", "test: 4 clips, 2 noises"]
    ), err  # fmt: skip


def test_a_random_split_is_called_speaker_dependent_everywhere(random: Path, run_here: Run) -> None:
    line = "speaker-dependent: splits 'random', fold 3/10 do not keep speakers apart"
    assert read(random / "evaluation.json")["split"]["speaker_dependent"] is True
    assert sefront.open_run(random).table().splitlines()[-1] == line
    for asked in ([str(random)], ["--fuse", f"{random},{random}"]):
        code, out, err = run_here("evaluate", *asked)
        assert code == 0, err
        assert line in out.splitlines()
    assert sefront.evaluate(random, metrics="uar").table().splitlines()[-1] == line


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("--splits", "k-flod"), "there is no kind of splits 'k-flod'; did you mean 'k-fold'?"),
        (("--splits", "k-fold"), "--splits k-fold: say which fold, such as --fold 1/10, or run them all with --folds"),
        (("--splits", "leave-one-speaker-out", "--fold", "1/10"), "--fold 1/10: corpus 'folder' has 4 folds; name one"),
        (("--splits", "leave-one-session-out", "--fold", "1/5"), "does not say the session of 16 of 16 clips"),
        (("--fold", "1/3"), "--fold 1/3: --splits own has no folds"),
        (("--folds", "all"), "--folds all: --splits own has none"),
        (("--folds", "some"), "option 'folds' is 'some', which is not"),
        (("--folds", "1"), "--folds must be at least 2, but is 1"),
        (("--repeats", "0"), "--repeats must be at least 1, but is 0"),
        (("--splits", "speaker", "-o", "corpus.test=0.3"), "-o corpus.test=0.3 is about the corpus' own splits, but"),
    ],
)
def test_mistakes(words: list[str], run_here: Run, asked: tuple[str, ...], message: str) -> None:
    code, out, err = run_here(*words, *asked)
    assert (code, out) == (2, "")
    assert message in told(err)
    assert not Path("runs").exists()


def test_all_folds_twice(words: list[str], run_here: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = (*words, "--splits", "k-fold", "--folds", "3", "--repeats", "2", "--seed", "5", "--out", "all")
    code, out, err = run_here(*asked, "--plan")
    assert code == 0, err
    assert out.splitlines()[:2] == ["6 runs below all, the first of them:", "train: 4 clips, 4 noises"]
    from sefront.core import folds

    whole, runs = folds.couple, []

    def interrupted(experiment: Experiment, *facts: Any, **how: Any) -> Any:
        if len(runs) == 4:
            raise KeyboardInterrupt
        runs.append((experiment.seed, experiment.fold))
        return whole(experiment, *facts, **how)

    monkeypatch.setattr(folds, "couple", interrupted)
    code, _, err = run_here(*asked)
    assert (code, "continue with: sefront couple --out all --resume" in err) == (130, True)
    monkeypatch.setattr(folds, "couple", whole)
    assert run_here("evaluate", "all")[0] == 2
    before = Path("all/repeat-1/fold-01/evaluation.json").stat().st_mtime_ns
    code, out, err = run_here("couple", "--out", "all", "--resume")
    assert code == 0, err
    assert (runs, err.count("run ")) == ([(5, "1/3"), (5, "2/3"), (5, "3/3"), (6, "1/3")], 2)
    assert Path("all/repeat-1/fold-01/evaluation.json").stat().st_mtime_ns == before
    assert out.startswith("\nall\n\nmean ± standard deviation over 2 repetitions of the mean over 3 folds\n\nmetric ")
    row = next(r for r in read(Path("all/folds.json"))["rows"] if (r["metric"], r["snr"]) == ("uar", "clean"))
    scores = [
        [
            r["value"] for fold in (1, 2, 3)
            for r in read(Path(f"all/repeat-{repeat}/fold-0{fold}/evaluation.json"))["rows"]
            if (r["metric"], r["snr"], r["system"]) == ("uar", "clean", "coupled")
        ]
        for repeat in (1, 2)
    ]  # fmt: skip
    assert row["values"] == pytest.approx([sum(each) / 3 for each in scores])
    assert run_here("evaluate", "all")[1].splitlines()[2:-1] == out.splitlines()[3:]
    code, _, err = run_here("evaluate", "all", "--test-snr", "5")
    assert (code, told(err)) == (
        2,
        "all: holds several runs; judge those below it one by one, or leave out all options",
    )
    code, _, err = run_here("predict", "all", str(next(Path(words[words.index("--corpus") + 1]).rglob("*.wav"))))
    assert (code, told(err)) == (2, "all: holds a run for each fold or repeat; name one of those below it")
    assert run_here(*asked)[0] == 2  # --out holds them already


@pytest.mark.parametrize(
    ("where", "again", "asked", "message"),
    [
        ("voices", "voices/low/s1_0.wav", (), "recording"),
        ("voices", "voices/low/s1_0.flac", (), "recording"),
        ("test", "train/hiss_0.wav", (), "noise recording"),
        ("test", "train/hiss_0.flac", (), "noise recording"),
        ("test", "voices/high/s0_0.wav", (), None),
    ],
)
def test_planted_leaks_are_found(
    places: Path, words: list[str], run_here: Run, where: str, again: str, asked: tuple[str, ...], message: str | None
) -> None:
    for name in ("voices", "train", "test"):
        shutil.copytree(places / name, name)
    words = [word.replace(f"{places}/", "") for word in words]
    copied = Path(again).with_suffix(".wav")
    place = (
        Path("voices/low") / f"s2_copy{Path(again).suffix}"
        if where == "voices"
        else Path(f"test/copy{Path(again).suffix}")
    )
    samples, rate = soundfile.read(copied)
    soundfile.write(place, samples, rate)
    split = ("--splits", "leave-one-speaker-out", "--fold", "2/4")
    code, out, err = run_here(*words, *split, "--out", "run", "--plan")
    if message is None:
        assert code == 0, err
        return
    assert (code, out) == (2, "")
    assert told(err).startswith(f"{message} ")
    assert "or go on with --allow-leak" in err
    assert str(copied) in err
    assert str(place) in err
    code, out, err = run_here(*words, *split, "--out", "run", "--allow-leak")
    assert code == 0, err
    assert f"leak allowed: {message} " in err
    assert [leak["what"] for leak in read(Path("run/lock.json"))["leaks"]] == [message]


def test_a_speaker_of_the_test_in_the_frontend_s_own_speech(words: list[str], run_here: Run, places: Path) -> None:
    speakers_folder(Path("voices"), "4", seed=70)
    speakers_folder(Path("more") / "voices", "15", seed=80)
    own = ("--frontend-corpus", "more/voices", "-o", "frontend_corpus.speaker=(s[0-9])", "--mode", "cold_cascade")
    code, _, err = run_here(*words, *own, "--splits", "leave-one-speaker-out", "--fold", "2/4", "--plan")
    assert code == 2
    assert told(err).startswith("speaker s1 is in both the frontend's ")
    code, _, err = run_here(*words, *own, "--splits", "random", "--fold", "2/4", "--plan")
    assert code == 0, err


def test_a_frontend_that_knows_the_test_is_refused(random: Path, words: list[str], run_here: Run) -> None:
    known = ("--init-frontend", str(random), "--mode", "frozen")
    asked = (*known, "--splits", "leave-one-speaker-out", "--fold", "1/4", "--out", "next")
    code, _, err = run_here(*words, *asked)
    assert code == 2
    assert told(err).startswith(f"speaker s0 is in both what the frontend of {random} has learnt from and test; ")
    assert "or name a run that has not learnt from it, or go on with --allow-leak" in err
    assert run_here(*words, *known, "--splits", "random", "--fold", "3/10", "--plan")[0] == 0
    code, _, err = run_here(*words, *asked, "--allow-leak")
    assert code == 0, err
    leaks = read(Path("next/lock.json"))["leaks"]
    assert {leak["what"] for leak in leaks} == {"speaker", "recording"}
    exposure = read(Path("next/checkpoint/exposure.json"))
    before = read(random / "checkpoint/exposure.json")
    assert exposure["frontend"] == before["frontend"]  # frozen: it has learnt nothing new
    assert exposure["backend"]["speakers"] == {"voices": ["s1", "s2", "s3"]}
    assert before["backend"]["noises"] == []  # it has learnt from clean speech


def test_a_run_is_not_tested_on_what_it_knows(
    random: Path, words: list[str], run_here: Run, places: Path, tmp_path: Path
) -> None:
    shutil.copytree(places / "voices", "voices")
    for path in sorted(Path("voices").rglob("*.wav")):
        path.rename(path.with_name(path.name.replace("s", "t")))
    before = (random / "evaluation.json").read_bytes()
    code, _, err = run_here("evaluate", str(random), "--corpus", "voices")
    assert code == 2
    assert "has learnt from and test" in told(err)
    code, _, err = run_here("evaluate", str(random), "--noise", str(places / "train"))
    assert code == 2
    assert told(err).startswith(f"6 noise recordings are in both what {random} has learnt from and test noise (")
    code, _, err = run_here(
        "evaluate", str(random), "--noise", str(places / "train"), "--allow-leak", "--out", "judged"
    )
    assert code == 0, err
    assert "leak allowed: 6 noise recordings" in err
    assert [leak["what"] for leak in read(Path("judged/evaluation.json"))["split"]["leaks"]] == ["noise recording"]
    assert (random / "evaluation.json").read_bytes() == before


def test_an_original_that_knows_the_test(random: Path, words: list[str], run_here: Run) -> None:
    assert run_here(*words, "--splits", "random", "--fold", "1/10", "--out", "other")[0] == 0
    code, _, err = run_here("evaluate", "other", "--original", str(random))
    assert code == 2
    assert f"recordings are in both what {random} has learnt from and test" in told(err)
