"""``sefront inspect``: what a run says of its training clips."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np
import pytest
import soundfile
from recordings import SMALL

Run = Callable[..., tuple[int, str, str]]


def changed(trained: Path, folder: Path, phase: str, **columns: Any) -> Path:
    """A copy of a run with four epochs of a phase, in which all clips have these values; None leaves a column out."""
    run = Path(shutil.copytree(trained, folder))
    place = run / "samples" / f"{phase}.jsonl"
    line = json.loads(place.read_text().splitlines()[0])
    for name, value in columns.items():
        line[name] = value if isinstance(value, list) else [value] * len(line["id"])
        if value is None:
            del line[name]
    place.write_text("".join(json.dumps({**line, "epoch": i + 1}) + "\n" for i in range(4)))
    return run


def test_the_clips_hardest_first(trained: Path, run_here: Run) -> None:
    code, out, err = run_here("inspect", str(trained), "--top", "3")
    assert (code, err) == (0, "")
    header, *rows = out.splitlines()
    assert header.split() == ["clip", "label", "weight", "hard", "wrong", "snr", "task", "loss", "answers"]
    assert len(rows[:3]) == 3
    weights = [float(row.split()[2]) for row in rows[:3]]
    assert weights == sorted(weights, reverse=True)
    assert rows[3:] == ["", "12 clips were learnt from; 0 have suspect labels"]


def test_everything_as_json(trained: Path, run_here: Run) -> None:
    code, out, _ = run_here("inspect", str(trained), "--top", "0", "--json", "--by", "loss")
    found = json.loads(out)
    assert code == 0
    assert len(found) == 12
    assert sum(sample["importance"] for sample in found) == pytest.approx(12, abs=1e-3)
    losses = [sample["loss"] for sample in found]
    assert losses == sorted(losses, reverse=True)
    for sample in found:
        assert sample["label"] in ("high", "low")
        assert sum(sample["answers"].values()) == sample["presented"] == len(sample["losses"]) == 1
        assert 0 <= sample["snr"] <= 25


def test_another_phase(trained: Path, run_here: Run) -> None:
    code, out, _ = run_here("inspect", str(trained), "--phase", "backend")
    assert code == 0
    assert out.splitlines()[0].split() == ["clip", "label", "hard", "wrong", "task", "loss", "answers"]


def test_suspect_labels(trained: Path, tmp_path: Path, run_here: Run) -> None:
    ids = json.loads((trained / "samples" / "joint.jsonl").read_text().splitlines()[0])["id"]
    taken = sorted(name for name in ids if name.startswith("low/"))[:3]
    answers = [0 if name.startswith("high/") or name in taken else 1 for name in ids]
    run = changed(trained, tmp_path / "run", "joint", answer=answers, confidence=0.9)
    code, out, _ = run_here("inspect", str(run), "--suspect", "--top", "0")
    assert code == 0
    rows = out.splitlines()[1:-2]
    assert sorted(row.split()[0] for row in rows) == taken
    assert all(row.endswith(" taken for high") for row in rows)
    assert out.splitlines()[-1] == "12 clips were learnt from; 3 have suspect labels"


def planted(emodb: Path, root: Path) -> dict[str, str]:
    """Links to EMO-DB in class folders; by name the training clips, one of ten, that are put into a wrong one."""
    wrong, classes = {}, sorted({path.stem[5] for path in emodb.glob("wav/*.flac")})
    clips = sorted(emodb.glob("wav/*.flac"))
    for number, clip in enumerate(clips):
        split = {"13": "valid", "14": "test"}.get(clip.stem[:2], "train")
        label = clip.stem[5]
        if split == "train" and number % 10 == 0:
            label = classes[(classes.index(label) + 1 + number // 10 % (len(classes) - 1)) % len(classes)]
            wrong[clip.stem] = clip.stem[5]
        if split != "test" or clip.stem[2:5] == "a01":
            (root / split / label).mkdir(parents=True, exist_ok=True)
            (root / split / label / clip.name).symlink_to(clip)
    return wrong


@pytest.mark.slow
def test_wrong_labels_among_real_speech_are_suspected(real_data: Path, tmp_path: Path, run_here: Run) -> None:
    """Chance would have one of ten suspects right; the network learns all of them by heart in the end."""
    pytest.importorskip("opensmile")
    wrong = planted(real_data / "emodb", tmp_path / "speech")
    words = ("--frontend", "identity", "--backend", "fcn384", "--mode", "independent", "-o", "coupling.sees=clean")
    corpora = ("--corpus", str(tmp_path / "speech"), "--noise", str(real_data / "noise" / "train"))
    lengths = ("-o", "epochs.backend=8", "-o", "coupling.retrain_epochs=0", "--test-snr", "20", "--device", "cpu")
    run = tmp_path / "run"
    assert run_here("couple", *words, *corpora, *lengths, "-o", "training.patience=8", "--out", str(run))[0] == 0
    found = json.loads(run_here("inspect", str(run), "--suspect", "--top", "0", "--json")[1])
    right = [wrong.get(Path(sample["id"]).stem) for sample in found]
    assert len(found) >= 8
    assert sum(name is not None for name in right) >= 0.4 * len(found)
    last = json.loads((run / "samples" / "backend.jsonl").read_text().splitlines()[-1])
    assert max(last["task_loss"]) < 0.7  # nothing can be seen of them any more


def test_audio_of_the_hardest(trained: Path, audio: Path, tmp_path: Path, run_here: Run) -> None:
    code, out, err = run_here("inspect", str(trained), "--top", "2", "--audio", str(tmp_path / "heard"), "--json")
    assert (code, err) == (0, f"{tmp_path / 'heard'}: 6 files\n")
    ids = [sample["id"] for sample in json.loads(out)]
    expected = {f"{name.replace('/', '_')}-{what}.wav" for name in ids for what in ("clean", "noisy", "enhanced")}
    assert {path.name for path in (tmp_path / "heard").iterdir()} == expected
    for sample in json.loads(out):
        stem = sample["id"].replace("/", "_")
        waves = {what: soundfile.read(tmp_path / "heard" / f"{stem}-{what}.wav") for what in ("clean", "noisy")}
        clean, noise = waves["clean"][0], waves["noisy"][0] - waves["clean"][0]
        assert 10 * np.log10(np.mean(clean**2) / np.mean(noise**2)) == pytest.approx(sample["snr"], abs=0.01)
        whole, rate = soundfile.read(audio / "speech" / sample["id"])
        assert (len(clean), waves["clean"][1]) == (len(whole), rate)


def test_a_manifest_that_can_be_trained_on(
    trained: Path, audio: Path, tmp_path: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run_here("inspect", str(trained), "--top", "0", "--export", "out/hard.csv")
    assert (code, err) == (0, "out/hard.csv: 12 clips; use it with --corpus out/hard.csv --follow-outside\n")
    with Path("out/hard.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == [row["path"].split("/")[-2] for row in rows]
    assert all(Path(row["path"]).is_absolute() and Path(row["path"]).exists() for row in rows)
    assert all(row["extra"].startswith("hard_index=") for row in rows)
    words = ("--corpus", "out/hard.csv", "--noise", str(audio / "noise"), "--mode", "augment", "--out", "again")
    code, _, err = run_here("couple", *SMALL, *words)
    assert code == 2
    assert "hard.csv, line 2: " in err
    code, _, err = run_here("couple", *SMALL, *words, "--follow-outside")
    assert code == 0, err
    assert run_here("inspect", "again")[0] == 0


def test_a_manifest_beside_the_audio_leads_nowhere(trained: Path, audio: Path, run_here: Run) -> None:
    place = audio / "hard of all.csv"
    code, _, err = run_here("inspect", str(trained), "--top", "2", "--export", str(place))
    with place.open() as file:
        rows = list(csv.DictReader(file))
    place.unlink()
    assert (code, err) == (0, f"{place}: 2 clips; use it with --corpus '{place}'\n")
    assert [row["path"].split("/")[0] for row in rows] == ["speech"] * 2


@pytest.mark.parametrize(
    ("column", "options"),
    [
        ("transcript", ("asr_ds2", "-o", "backend.width=2", "-o", "backend.layers=1")),
        ("label_path", ("emotion_downup", "-o", "corpus.dimensions=arousal")),
    ],
)
def test_runs_that_do_not_classify(
    column: str, options: tuple[str, ...], audio: Path, tmp_path: Path, run_here: Run
) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("arousal\n" + "".join(f"{0.1 * i}\n" for i in range(12)))
    target = {"transcript": "aha", "label_path": str(trace)}[column]
    files = sorted((audio / "speech").rglob("*.wav"))
    rows = "".join(f"{file},{target},{('train', 'train', 'valid', 'test')[i % 4]}\n" for i, file in enumerate(files))
    (tmp_path / "all.csv").write_text(f"path,{column},split\n{rows}")
    mode = ("--mode", "augment", "--noise", str(audio / "noise"), "--epochs", "1", "--test-snr", "0", "--device", "cpu")
    backend = ("couple", "--backend", *options, *mode)
    run, hard = tmp_path / "run", tmp_path / "hard.csv"
    listed = ("--corpus", str(tmp_path / "all.csv"), "--follow-outside")
    assert run_here(*backend, *listed, "--out", str(run))[0] == 0
    code, out, err = run_here("inspect", str(run), "--top", "6", "--export", str(hard), "--audio", str(tmp_path / "w"))
    told = f"{hard}: 6 clips; use it with --corpus {quote(str(hard))} --follow-outside\n{tmp_path / 'w'}: 12 files\n"
    assert (code, err) == (0, told)
    assert out.splitlines()[0].split()[-3:] == ["snr", "task", "loss"]
    assert out.splitlines()[-1] == "8 clips were learnt from"
    with hard.open() as file:
        assert {row[column] for row in csv.DictReader(file)} == {Path(target).name}
    code, _, err = run_here(*backend, "--corpus", str(hard), "--follow-outside", "--out", str(tmp_path / "again"))
    assert code == 0, err
    code, out, err = run_here("inspect", str(run), "--suspect")
    expected = "sefront: --suspect: only answers that are classes tell of labels, and this phase has kept none\n"
    assert (code, out, err) == (2, "", expected)


def test_nothing_is_suspect(trained: Path, run_here: Run) -> None:
    assert run_here("inspect", str(trained), "--suspect") == (
        0, "12 clips were learnt from; 0 have suspect labels\n", "",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--top", "-1"), "--top must be at least 0, but is -1"),
        (("--export", "hard.txt"), "--export hard.txt: a manifest is a .csv file"),
        (("--by", "wieght"), "there is no rank 'wieght'; did you mean 'weight'? (known: hard, loss, weight)"),
        (
            ("--by", "weight", "--phase", "backend"),
            "--by weight: this phase knows nothing of the kind; it knows hard, loss",
        ),
        (("--phase", "jiont"), "{run} has no phase 'jiont'; did you mean 'joint'? (it has: backend, joint)"),
        (
            ("--suspect", "--audio", "x"),
            "none of the clips is suspect, so there is nothing to write; leave out --suspect",
        ),
    ],
)
def test_mistakes(words: tuple[str, ...], message: str, trained: Path, run_here: Run) -> None:
    code, out, err = run_here("inspect", str(trained), *words)
    assert (code, out) == (2, "")
    assert err == f"sefront: {message.format(run=trained)}\n"


def test_a_place_that_is_no_run(tmp_path: Path, run_here: Run) -> None:
    code, _, err = run_here("inspect", str(tmp_path))
    assert (code, err) == (2, f"sefront: {tmp_path}: not a run folder (it holds no experiment.toml)\n")


def test_a_run_whose_corpus_is_gone(trained: Path, audio: Path, tmp_path: Path, run_here: Run) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    written = run / "experiment.toml"
    written.write_text(written.read_text().replace(str(audio / "speech"), str(tmp_path / "gone")))
    code, out, err = run_here("inspect", str(run))
    assert (code, out) == (2, "")
    assert err.startswith(f"sefront: {tmp_path / 'gone'}: no such folder; ")
    assert err.count("\n") == 1


def test_a_run_whose_corpus_has_changed(trained: Path, audio: Path, tmp_path: Path, run_here: Run) -> None:
    speech = Path(shutil.copytree(audio / "speech", tmp_path / "speech"))
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    written = run / "experiment.toml"
    written.write_text(written.read_text().replace(str(audio / "speech"), str(speech)))
    assert run_here("inspect", str(run))[0] == 0
    (name, *_) = json.loads((run / "samples" / "joint.jsonl").read_text().splitlines()[0])["id"]
    (speech / name).rename(speech / f"{name[:-4]}-renamed.wav")
    code, _, err = run_here("inspect", str(run))
    assert code == 2
    assert " is no more in the training part of corpus " in err
    assert err.count("\n") == 1


def test_noise_that_is_gone_matters_for_audio_alone(trained: Path, audio: Path, tmp_path: Path, run_here: Run) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    written = run / "experiment.toml"
    written.write_text(written.read_text().replace(str(audio / "noise"), str(tmp_path / "gone")))
    assert run_here("inspect", str(run))[0] == 0
    code, _, err = run_here("inspect", str(run), "--audio", str(tmp_path / "heard"))
    assert code == 2
    assert err.startswith(f"sefront: {tmp_path / 'gone'}: no such folder; ")


def test_a_run_without_a_backend(audio: Path, tmp_path: Path, run_here: Run) -> None:
    out = tmp_path / "deaf"
    corpora = ("--corpus", str(audio / "speech"), "--noise", str(audio / "noise"))
    assert run_here("couple", *SMALL, *corpora, "--mode", "frontend_only", "--out", str(out))[0] == 0
    code, _, err = run_here("inspect", str(out))
    assert (code, err) == (
        2,
        f"sefront: {out}: has kept nothing of its samples; only a run that trains a backend does\n",
    )


def test_a_corpus_without_files_has_audio_but_no_manifest(tmp_path: Path, run_here: Run) -> None:
    toy = ("-o", "corpus.speakers=3", "-o", "corpus.clips=4", "-o", "noise.noises=1")
    out, hard = tmp_path / "run", tmp_path / "hard.csv"
    assert run_here("couple", *SMALL, *toy, "--mode", "augment", "--out", str(out))[0] == 0
    code, _, err = run_here("inspect", str(out), "--top", "1", "--export", str(hard))
    assert code == 2
    assert err.startswith("sefront: --export: clip ")
    assert err.endswith("of corpus 'toy' has no file\n")
    assert not hard.exists()
    assert run_here("inspect", str(out), "--top", "1", "--audio", str(tmp_path / "heard"))[0] == 0
    assert sorted(p.name.rpartition("-")[2] for p in (tmp_path / "heard").iterdir()) == ["clean.wav", "noisy.wav"]


def test_copies_at_other_speeds(audio: Path, tmp_path: Path, run_here: Run) -> None:
    corpora = ("--corpus", str(audio / "speech"), "--noise", str(audio / "noise"))
    out = str(tmp_path / "run")
    code, _, _ = run_here("couple", *SMALL, *corpora, "--mode", "baseline", "-o", "augment.speed=0.8", "--out", out)
    assert code == 0
    places = ("--audio", str(tmp_path / "heard"), "--export", str(tmp_path / "hard.csv"))
    code, listed, err = run_here("inspect", out, "--top", "0", "--json", *places)
    assert code == 0, err
    names = [sample["id"] for sample in json.loads(listed)]
    originals = {name for name in names if not name.endswith("@0.8")}
    assert sorted(names) == sorted([*originals, *(f"{name}@0.8" for name in originals)])
    with (tmp_path / "hard.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["id"] for row in rows) == sorted(originals)
    name = min(originals).replace("/", "_")
    sizes = [soundfile.info(tmp_path / "heard" / f"{each}-clean.wav").frames for each in (name, f"{name}@0.8")]
    assert sizes == [8000, 10000]


def test_mixed_clips_cannot_be_inspected(audio: Path, tmp_path: Path, run_here: Run) -> None:
    corpora = ("--corpus", str(audio / "speech"), "--noise", str(audio / "noise"))
    out = str(tmp_path / "run")
    assert run_here("couple", *SMALL, *corpora, "--mode", "baseline", "-o", "augment.mixup=0.2", "--out", out)[0] == 0
    code, _, err = run_here("inspect", out)
    assert (code, err) == (
        2,
        f"sefront: {out}: learnt from mixed clips (augment.mixup), so no answer was that of one clip, and none was "
        "kept; inspect a run without mixup\n",
    )
