"""``sefront evaluate``, ``enhance`` and ``predict``: using a trained run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import RATE, SMALL, hiss, noise_folder, voice

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def augmented(audio: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run of mode ``augment``, which has no original."""
    from sefront.cli import main

    out = tmp_path_factory.mktemp("runs") / "augmented"
    corpora = ("--corpus", str(audio / "speech"), "--noise", str(audio / "noise"))
    assert main(["couple", *SMALL, *corpora, "--mode", "augment", "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def deaf(audio: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run of mode ``frontend_only``, which has no backend."""
    from sefront.cli import main

    out = tmp_path_factory.mktemp("runs") / "deaf"
    corpora = ("--corpus", str(audio / "speech"), "--noise", str(audio / "noise"))
    assert main(["couple", *SMALL, *corpora, "--mode", "frontend_only", "--out", str(out)]) == 0
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows(out: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(out)
    return found


def test_evaluating_again_gives_the_same(trained: Path, run_here: Run) -> None:
    before = contents(trained)
    code, out, err = run_here("evaluate", str(trained), "--json")
    assert code == 0, err
    assert contents(trained) == before
    expected = json.loads((trained / "evaluation.json").read_text())["rows"]
    assert rows(out) == [{"run": str(trained), **row} for row in expected]


@pytest.mark.parametrize(
    "asked",
    [
        ("--test-snr", "-5"),
        ("--metrics", "accuracy,si_sdr"),
        ("--split", "all"),
        ("--noise", "{more}"),
        ("--corpus", "{audio}/speech/low/..", "--split", "train"),
        ("--original", "{run}"),
    ],
)
def test_something_else_does_not_overwrite(
    trained: Path, audio: Path, tmp_path: Path, run_here: Run, asked: tuple[str, ...]
) -> None:
    noise_folder(tmp_path / "more")
    before = contents(trained)
    filled = [word.format(more=tmp_path / "more", audio=audio, run=trained) for word in asked]
    code, out, err = run_here("evaluate", str(trained), *filled)
    assert code == 0, err
    assert out.startswith(f"{trained}\n\nmetric ")
    assert contents(trained) == before


def test_what_was_asked_for_is_scored(trained: Path, run_here: Run) -> None:
    asked = ("--test-snr", "-5,20", "--metrics", "accuracy", "--split", "all", "--json")
    code, out, _ = run_here("evaluate", str(trained), *asked)
    assert code == 0
    found = rows(out)
    assert {row["snr"] for row in found} == {"clean", -5.0, 20.0}
    assert {row["metric"] for row in found} == {"accuracy"}
    assert {row["n"] for row in found if row["noise"] == "all"} == {16}


def test_rows_go_where_they_are_wanted(trained: Path, augmented: Path, run_here: Run, here: Path) -> None:
    code, _, err = run_here("evaluate", str(trained), str(augmented), "--test-snr", "3", "--out", "scores")
    assert code == 0, err
    assert sorted(path.name for path in (here / "scores").iterdir()) == ["augmented", "trained"]
    assert json.loads((here / "scores" / "trained" / "evaluation.json").read_text())["schema"] == 1


def test_the_original_of_another_run(trained: Path, augmented: Path, run_here: Run) -> None:
    def systems(*words: str) -> set[object]:
        code, out, err = run_here("evaluate", str(augmented), "--metrics", "uar", "--json", *words)
        assert code == 0, err
        return {row["system"] for row in rows(out)}

    assert systems() == {"coupled"}
    assert systems("--original", str(trained)) == {"coupled", "original"}


def test_a_run_without_an_original_cannot_lend_one(trained: Path, augmented: Path, run_here: Run) -> None:
    code, _, err = run_here("evaluate", str(augmented), "--original", str(augmented))
    assert code == 2
    assert "mode 'augment' has no clean-trained backend to serve as the original; name a run of baseline" in err


FORMATS = [
    ("a.wav", 16000, 1, "PCM_16"),
    ("a.wav", 8000, 1, "PCM_16"),
    ("a.wav", 48000, 2, "PCM_24"),
    ("a.wav", 44100, 2, "FLOAT"),
    ("a.flac", 22050, 1, "PCM_24"),
    ("a.ogg", 44100, 2, "VORBIS"),
    ("a.mp3", 44100, 1, "MPEG_LAYER_III"),
    ("a.opus", 48000, 2, "OPUS"),
    ("a.aif", 11025, 1, "PCM_16"),
]


@pytest.mark.parametrize(("name", "rate", "channels", "subtype"), FORMATS)
@pytest.mark.parametrize("with_run", [True, False], ids=["run", "frontend"])
def test_enhancing_keeps_rate_channels_length_and_format(
    trained: Path, run_here: Run, here: Path, name: str, rate: int, channels: int, subtype: str, with_run: bool
) -> None:
    from sefront.core.audio import write

    samples = voice(rate + 7, 150.0, rate) + hiss(rate + 7, level=0.02)
    write(here / "my files" / name, np.stack([samples] * channels, axis=1), rate, subtype)
    who = ("--run", str(trained)) if with_run else ("--frontend", "spectral_subtraction")
    code, out, err = run_here("enhance", f"my files/{name}", "-o", "out put", *who)
    assert (code, out) == (0, "1 file enhanced, written to out put\n"), err
    before, after = (soundfile.info(str(here / folder / name)) for folder in ("my files", "out put"))
    assert (after.samplerate, after.channels, after.subtype) == (rate, channels, subtype)
    assert after.format == before.format
    assert after.frames == before.frames
    found = soundfile.read(here / "out put" / name, always_2d=True)[0]
    assert np.isfinite(found).all()
    assert found.std(axis=0).min() > 0.01  # never silence
    np.testing.assert_allclose(found[:, 0], found[:, -1], atol=0.05)


def test_enhancing_a_folder_keeps_its_shape(trained: Path, run_here: Run, here: Path) -> None:
    for name in ("x/a.wav", "x/y/a.wav"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(here / name, voice(8000, 150.0), RATE)
    code, out, _ = run_here("enhance", "x", "-o", "out", "--run", str(trained))
    assert (code, out) == (0, "2 files enhanced, written to out\n")
    assert sorted(str(path.relative_to("out")) for path in Path("out").rglob("*.wav")) == ["a.wav", "y/a.wav"]


def test_one_file_to_another_format(run_here: Run, here: Path) -> None:
    soundfile.write("a.wav", voice(8000, 150.0), RATE)
    code, _, _ = run_here(
        "enhance", "a.wav", "-o", "deep/b.flac", "--frontend", "spectral_subtraction", "-o", "frontend.floor=0.1"
    )
    assert code == 0
    assert soundfile.info("deep/b.flac").frames == 8000


def test_damaged_files_are_counted_or_stop(run_here: Run, here: Path) -> None:
    Path("x").mkdir()
    soundfile.write("x/a.wav", voice(8000, 150.0), RATE)
    Path("x/b.wav").write_text("no audio")
    soundfile.write("x/c.wav", np.full(100, np.nan, np.float32), RATE, subtype="FLOAT")
    command = ("enhance", "x", "-o", "out", "--frontend", "spectral_subtraction")
    code, out, err = run_here(*command)
    assert (code, out) == (0, "1 file enhanced, written to out; 2 damaged clips were left out\n")
    assert [line.split(":")[:2] for line in err.splitlines()] == [["left out", " x/b.wav"], ["left out", " x/c.wav"]]
    assert [path.name for path in Path("out").iterdir()] == ["a.wav"]
    code, _, err = run_here(*command, "--strict")
    assert (code, "x/b.wav: not readable as audio" in err) == (2, True)


def test_nothing_but_damaged_files(trained: Path, run_here: Run, here: Path) -> None:
    Path("b.wav").write_text("no audio")
    code, out, err = run_here("enhance", "b.wav", "-o", "out", "--frontend", "identity")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == "sefront: nothing was enhanced; 1 damaged clip was left out"
    code, out, err = run_here("predict", str(trained), "b.wav")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == "sefront: nothing was predicted; 1 damaged clip was left out"


ENHANCE = ("--frontend", "spectral_subtraction")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("a.wav", "-o", "a.wav", *ENHANCE), "a.wav would be overwritten; name another place with -o"),
        (("a.wav", "-o", ".", *ENHANCE), "a.wav would be overwritten; name another place with -o"),
        ((".", "-o", ".", *ENHANCE), "would be overwritten; name another place with -o"),
        (("a.wav", "x/a.wav", "-o", "out", *ENHANCE), "x/a.wav and a.wav would both become out/a.wav; enhance them"),
        (("a.wav", "-o", "x/a.wav", *ENHANCE, "-o", "out"), "-o names two places, x/a.wav and out; give one"),
        (("a.wav", *ENHANCE), "say where to write with -o OUT: a folder, or a file for a single input"),
        (("a.wav", "-o", "out"), "say what enhances: either --run RUN or --frontend NAME"),
        (("a.wav", "-o", "out", *ENHANCE, "--run", "r"), "say what enhances: either --run RUN or --frontend NAME"),
        (("a.wav", "-o", "out", "--frontend", "unnet"), "there is no frontend 'unnet'; did you mean 'unet'?"),
        (
            ("a.wav", "-o", "out", "--frontend", "unet"),
            "frontend 'unet' has to be trained first: sefront couple --frontend unet --mode frontend_only, then --run",
        ),
        (("a.wav", "-o", "out", *ENHANCE, "-o", "frontend.oder=2"), "frontend 'spectral_subtraction' has no option"),
        (("b.wav", "-o", "out", *ENHANCE), "b.wav: no such file or folder"),
        (("empty", "-o", "out", *ENHANCE), "empty: no audio files there ("),
        (("a.wav", "-o", "text.txt", *ENHANCE), "text.txt/a.wav: cannot be written ("),
        (("six.wav", "-o", "out/six.mp3", *ENHANCE), "out/six.mp3: MP3 cannot hold 6 channels at 16000 Hz; choose"),
        (("a.sph", "-o", "out", *ENHANCE), "out/a.sph: the suffix names no format to write; choose one of .aif"),
    ],
)
def test_mistakes_of_enhance(run_here: Run, here: Path, words: tuple[str, ...], message: str) -> None:
    for folder in ("x", "empty"):
        Path(folder).mkdir()
    for name in ("a.wav", "x/a.wav"):
        soundfile.write(name, voice(8000, 150.0), RATE)
    soundfile.write("a.sph", voice(8000, 150.0), RATE, format="NIST")
    soundfile.write("six.wav", np.stack([voice(8000, 150.0)] * 6, axis=1), RATE)
    Path("text.txt").touch()
    before = contents(here)
    code, out, err = run_here("enhance", *words)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1, err
    assert contents(here) == before


def test_a_run_without_a_frontend_cannot_enhance(augmented: Path, audio: Path, run_here: Run, here: Path) -> None:
    file = str(audio / "speech" / "low" / "00.wav")
    code, _, err = run_here("enhance", file, "-o", "out", "--run", str(augmented))
    assert (code, err) == (2, "sefront: there is no frontend to enhance with; couple one, in a mode that uses it\n")


def test_a_run_without_a_backend_cannot_predict(deaf: Path, audio: Path, run_here: Run) -> None:
    code, out, err = run_here("predict", str(deaf), str(audio / "speech" / "low" / "00.wav"))
    assert (code, out) == (2, "")
    assert err == "sefront: there is no backend to predict with; couple one, in a mode that uses it\n"


def test_predicting(trained: Path, audio: Path, run_here: Run) -> None:
    code, out, _ = run_here("predict", str(trained), str(audio / "speech"))
    assert code == 0
    lines = [line.split("\t") for line in out.splitlines()]
    assert len(lines) == 16
    assert {label for _, label, _ in lines} <= {"high", "low"}
    assert all(0.5 <= float(score) <= 1.0 for *_, score in lines)


def test_predicting_as_json(trained: Path, here: Path, run_here: Run) -> None:
    soundfile.write("a b.wav", np.stack([voice(48000, 150.0, 48000)] * 2, axis=1), 48000)
    Path("bad.wav").touch()
    code, out, err = run_here("predict", str(trained), "a b.wav", "bad.wav", "--json")
    assert code == 0
    (line,) = [json.loads(line) for line in out.splitlines()]
    assert line["path"] == "a b.wav"
    assert set(line["scores"]) == {"high", "low"}
    assert sum(line["scores"].values()) == pytest.approx(1.0, abs=1e-5)
    assert line["label"] == max(line["scores"], key=line["scores"].get)
    assert "left out: bad.wav: the file is empty (0 bytes)" in err
    assert "1 damaged clip was left out" in err
    assert run_here("predict", str(trained), "bad.wav", "--strict")[0] == 2


def test_a_full_disk_while_enhancing(run_here: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write("a.wav", voice(8000, 150.0), RATE)

    def full(self: Path, _: object) -> None:
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    code, out, err = run_here("enhance", "a.wav", "-o", "out", *ENHANCE)
    assert (code, out) == (2, "")
    assert err.startswith("sefront: out/a.wav: the disk is full; what was written before is intact")
    assert list(Path("out").iterdir()) == []


def test_evaluating_the_same_corpus_by_another_path(trained: Path, audio: Path, run_here: Run) -> None:
    """It is the run's own test, so the rows go where they were."""
    before = contents(trained)
    (trained / "evaluation.json").write_text("{}")
    code, _, err = run_here("evaluate", str(trained), "--corpus", os.path.relpath(audio / "speech"))
    assert code == 0, err
    assert contents(trained) == before


def test_evaluating_with_noise_that_was_trained_on(trained: Path, audio: Path, run_here: Run) -> None:
    before = contents(trained)
    code, out, err = run_here("evaluate", str(trained), "--noise", os.path.relpath(audio / "noise"))
    assert (code, out) == (2, "")
    assert "is named for training and for test, but has no splits of its own" in err
    assert contents(trained) == before


def test_a_named_original_takes_the_place_of_the_own_one(trained: Path, augmented: Path, run_here: Run) -> None:
    code, _, err = run_here("evaluate", str(trained), "--original", str(augmented))
    assert code == 2
    assert "mode 'augment' has no clean-trained backend to serve as the original" in err
