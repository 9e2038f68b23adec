"""``sefront enhance``: files of every kind, and long ones."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import RATE, hiss, voice

from sefront.core.audio_writing import writing

Run = Callable[..., tuple[int, str, str]]
ENHANCE = ("--frontend", "spectral_subtraction")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


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
    samples = voice(rate + 7, 150.0, rate) + hiss(rate + 7, level=0.02)
    with writing(here / "my files" / name, rate, channels, subtype) as put:
        put(np.stack([samples] * channels, axis=1))
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


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("a.wav", "-o", "a.wav", *ENHANCE), "a.wav would be overwritten; name another place with -o"),
        (("a.wav", "-o", ".", *ENHANCE), "a.wav would be overwritten; name another place with -o"),
        ((".", "-o", ".", *ENHANCE), "would be overwritten; name another place with -o"),
        (("a.wav", "x/a.wav", "-o", "out", *ENHANCE), "x/a.wav and a.wav would both become out/a.wav; enhance them"),
        (("a.wav", "-o", "x/a.wav", *ENHANCE, "-o", "out"), "-o names two places, x/a.wav and out; give one"),
        (("-o", "out", *ENHANCE), "say what to enhance: files or folders, or --stream for what arrives on stdin"),
        (("a.wav", *ENHANCE), "say where to write with -o OUT: a folder, or a file for a single input"),
        (("a.wav", "-o", "out"), "say what enhances: either --run RUN or --frontend NAME"),
        (("a.wav", "-o", "out", *ENHANCE, "--run", "r"), "say what enhances: either --run RUN or --frontend NAME"),
        (("a.wav", "-o", "out", "--frontend", "unnet"), "there is no frontend 'unnet'; did you mean 'unet'?"),
        (
            ("a.wav", "-o", "out", "--frontend", "unet"),
            "frontend 'unet' has to be trained first: sefront couple --frontend unet --mode frontend_only, then --run",
        ),
        (("a.wav", "-o", "out", *ENHANCE, "-o", "frontend.oder=2"), "frontend 'spectral_subtraction' has no option"),
        (
            ("a.wav", "-o", "floor=0.1", *ENHANCE),
            "-o floor=0.1: write settings as frontend.floor=0.1; a place with '=' in its name as ./floor=0.1",
        ),
        (("a.wav", "-o", "out", *ENHANCE, "-o", "floor=0.1"), "-o floor=0.1: write settings as frontend.floor=0.1; a"),
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


@pytest.mark.parametrize("place", ["./a=b", "x=y", "deep/a=b"])
def test_a_place_may_look_like_a_setting(run_here: Run, here: Path, place: str) -> None:
    soundfile.write("a.wav", voice(8000, 150.0), RATE)
    Path("x=y").mkdir()
    code, _, err = run_here("enhance", "a.wav", "-o", place, *ENHANCE)
    assert code == 0, err
    assert Path(place, "a.wav").exists()


def test_a_full_disk_while_enhancing(run_here: Run, here: Path) -> None:
    soundfile.write("a.wav", voice(8000, 150.0), RATE)
    Path("out").mkdir()
    Path("out/.a.part.wav").symlink_to("/dev/full")
    code, out, err = run_here("enhance", "a.wav", "-o", "out", *ENHANCE)
    assert (code, out) == (2, "")
    assert err.startswith("sefront: out/a.wav: the disk is full; what was written before is intact")
    assert err.count("\n") == 1
    assert list(Path("out").iterdir()) == []


def test_a_file_that_grows_larger_than_the_disk_allows(run_here: Run, here: Path) -> None:
    soundfile.write("a.wav", voice(8000, 150.0), RATE)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        code, out, err = run_here("enhance", "a.wav", "-o", "out", *ENHANCE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (code, out) == (2, "")
    assert err == "sefront: out/a.wav: cannot be written (File too large); name another place with -o\n"
    assert list(Path("out").iterdir()) == []


def test_damage_far_inside_a_long_file(run_here: Run, here: Path) -> None:
    samples = hiss(700_000)
    soundfile.write("a.wav", samples[:1000], RATE)
    samples[650_000] = np.nan
    soundfile.write("b.wav", samples, RATE, subtype="FLOAT")
    Path("out").mkdir()
    Path("out/b.wav").write_text("what was there before")
    code, out, err = run_here("enhance", "a.wav", "b.wav", "-o", "out", "--frontend", "identity")
    assert (code, out) == (0, "1 file enhanced, written to out; 1 damaged clip was left out\n")
    assert err == "left out: b.wav: holds values that are not finite (NaN or infinity)\n"
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.wav", "b.wav"]
    assert Path("out/b.wav").read_text() == "what was there before"


def test_the_bar_moves_within_a_long_file(run_here: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write("a.wav", hiss(600_000), RATE)
    samples = hiss(600_000)
    samples[300_000] = np.nan
    soundfile.write("b.wav", samples, RATE, subtype="FLOAT")
    Path("c.wav").write_text("no audio")
    seen: list[object] = []
    monkeypatch.setattr("sefront.cli.watching.Watcher.start", lambda _, *what: seen.append(what))
    monkeypatch.setattr("sefront.cli.watching.Watcher.advance", lambda _: seen.append(Path("out/a.wav").exists()))
    assert run_here("enhance", "a.wav", "b.wav", "c.wav", "-o", "out", "--frontend", "identity")[0] == 0
    assert seen == [("enhancing", 4 + 4 + 1), False, False, False, False, *[True] * 5]


MEMORY = """
import resource, sys
from sefront.cli import main
assert main(sys.argv[1:]) == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
"""The command, which prints the most memory that it had, in kilobytes."""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(here: Path) -> None:
    second = np.stack([voice(44100, 150.0, 44100), hiss(44100)], axis=1)

    def most(minutes: int) -> int:
        with writing(here / "a.wav", 44100, 2) as put:
            for _ in range(60 * minutes):
                put(second)
        command = [sys.executable, "-c", MEMORY, "enhance", "a.wav", "-o", "b.wav", *ENHANCE]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert soundfile.info("b.wav").frames == 44100 * 60 * minutes
        return int(done.stdout.splitlines()[-1])

    short, long = most(1), most(10)
    assert long < short + 20_000  # the samples of ten minutes alone are 206,000


def test_what_exceeds_full_scale_is_kept_where_it_can_be_and_told_of_where_it_cannot(run_here: Run, here: Path) -> None:
    loud = 1.8 * np.sin(np.arange(RATE) / 10)
    soundfile.write(here / "loud.wav", loud, RATE, subtype="FLOAT")
    code, out, err = run_here("enhance", "loud.wav", "-o", "kept.wav", "--frontend", "identity")
    assert code == 0, err
    assert "clipped" not in out + err
    np.testing.assert_allclose(soundfile.read(here / "kept.wav")[0], loud, atol=1e-6)
    code, out, err = run_here("enhance", "loud.wav", "-o", "cut.flac", "--frontend", "identity")
    assert code == 0, err
    assert f"cut.flac: {(np.abs(loud) > 1).sum()} samples exceeded full scale and were clipped" in " ".join(err.split())
    assert np.abs(soundfile.read(here / "cut.flac")[0]).max() <= 1
