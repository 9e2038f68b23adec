"""``sefront corpus mix``: triples that add up, a list of them, and work that goes on where it ended."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from recordings import RATE, hiss, noise_folder, speech_folder, taped_folder, voice

Run = Callable[..., tuple[int, str, str]]
KEYS = {"id", "clean", "noise", "offset", "snr", "measured_snr", "seed"}


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen files of two classes, a few of which are the test."""
    return speech_folder(tmp_path_factory.mktemp("speech"), each=8, seconds=0.2)


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return noise_folder(tmp_path_factory.mktemp("noise") / "noise", each=3)


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "mixtures.jsonl").read_text(encoding="utf-8").splitlines()]


def triple(folder: Path, name: str) -> list[np.ndarray]:
    found = []
    for part in ("noisy", "clean", "noise"):
        wave, rate = soundfile.read(folder / part / f"{name}.wav", dtype="float32")
        assert rate == RATE
        assert soundfile.info(folder / part / f"{name}.wav").subtype == "FLOAT"
        found.append(wave)
    return found


def snr_of(clean: np.ndarray, noise: np.ndarray) -> float:
    return float(10 * np.log10(np.square(clean, dtype=float).sum() / np.square(noise, dtype=float).sum()))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_triples_and_their_list(run_here: Run, speech: Path, noise: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, text, err = run_here("corpus", "mix", str(speech), "--noise", str(noise), "--snr", "10,-5", "-o", str(out))
    assert (code, err) == (0, "")
    listed = rows(out)
    clips = {row["clean"] for row in listed}
    assert text.startswith(f"{2 * len(clips)} mixtures of {len(clips)} clips in {out}; largest SNR error ")
    assert len(listed) == 2 * len(clips) > 2
    for row in listed:
        assert set(row) == KEYS
        noisy, clean, added = triple(out, row["id"])
        np.testing.assert_array_equal(noisy, clean + added)
        assert snr_of(clean, added) == pytest.approx(row["snr"], abs=1e-3)
        assert row["measured_snr"] == pytest.approx(row["snr"], abs=1e-3)
        assert row["id"] == f"{row['clean'].replace('/', '_').removesuffix('.wav')}.wav_snr{row['snr']:g}"
    assert sorted(path.name for path in out.iterdir()) == [
        "clean", "manifest.csv", "mixtures.jsonl", "noise", "noisy", "request.json"
    ]  # fmt: skip


@pytest.mark.parametrize("named", [["{}"], ["--corpus", "{}"]], ids=["positional", "option"])
def test_a_range_of_snrs(run_here: Run, speech: Path, noise: Path, tmp_path: Path, named: list[str]) -> None:
    words = [word.format(speech) for word in named]
    code, _, _ = run_here("corpus", "mix", *words, "--noise", str(noise), "--snr", "0:10", "-o", str(tmp_path / "out"))
    assert code == 0
    found = [row["snr"] for row in rows(tmp_path / "out")]
    assert len(set(found)) == len(found)
    assert all(0 <= snr <= 10 for snr in found)
    assert all("_snr" not in row["id"] for row in rows(tmp_path / "out"))


def test_seeds(run_here: Run, speech: Path, noise: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        words = ("--noise", str(noise), "--snr", "5", "--seed", str(seed), "-o", str(tmp_path / name))
        assert run_here("corpus", "mix", str(speech), *words)[0] == 0
    assert rows(tmp_path / "a") == rows(tmp_path / "b") != rows(tmp_path / "c")
    assert {row["seed"] for row in rows(tmp_path / "c")} == {2}


def test_every_split_has_noise_of_its_own(run_here: Run, speech: Path, noise: Path, tmp_path: Path) -> None:
    words = ("--noise", str(noise), "--snr", "5", "--split", "all", "-o", str(tmp_path / "out"))
    assert run_here("corpus", "mix", str(speech), *words)[0] == 0
    with (tmp_path / "out" / "manifest.csv").open() as file:
        splits = {row["id"]: row["split"] for row in csv.DictReader(file)}
    assert len(splits) == 16
    heard: dict[str, set[str]] = {}
    for row in rows(tmp_path / "out"):
        heard.setdefault(splits[row["id"]], set()).add(row["noise"])
    assert not heard["train"] & heard["test"]
    assert not heard["train"] & heard["valid"]


def test_a_single_noise_is_enough(run_here: Run, speech: Path, tmp_path: Path) -> None:
    (tmp_path / "noise").mkdir()
    soundfile.write(tmp_path / "noise" / "one.wav", hiss(RATE), RATE)
    words = ("--noise", str(tmp_path / "noise"), "--snr", "5", "-o", str(tmp_path / "out"))
    assert run_here("corpus", "mix", str(speech), *words)[0] == 0
    assert {row["noise"] for row in rows(tmp_path / "out")} == {"noise0/one.wav"}


def test_it_goes_on_where_it_was_broken_off(run_here: Run, speech: Path, noise: Path, tmp_path: Path) -> None:
    words = ("corpus", "mix", str(speech), "--noise", str(noise), "--snr", "10,0", "-o", str(tmp_path / "out"))
    assert run_here(*words)[0] == 0
    whole, first, last = contents(tmp_path / "out"), *(rows(tmp_path / "out")[i]["id"] for i in (0, -1))
    kept = tmp_path / "out" / "noisy" / f"{first}.wav"
    before = kept.stat().st_mtime_ns
    (tmp_path / "out" / "noisy" / f"{last}.wav").unlink()
    half = (tmp_path / "out" / "mixtures.jsonl").read_text().splitlines()
    (tmp_path / "out" / "mixtures.jsonl").unlink()
    (tmp_path / "out" / ".unfinished.jsonl").write_text("\n".join(half[:3]) + "\n" + half[3][:20])
    assert run_here(*words)[0] == 0
    assert kept.stat().st_mtime_ns == before
    again = contents(tmp_path / "out")
    assert again.keys() == whole.keys()
    assert again["mixtures.jsonl"] == whole["mixtures.jsonl"]
    for name in (first, last):
        noisy, clean, added = triple(tmp_path / "out", name)
        np.testing.assert_array_equal(noisy, clean + added)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--snr", "10"), "snr was [5.0] and is [10.0] now"),
        (("--snr", "5", "--seed", "3"), "seed was 0 and is 3 now"),
        (("--snr", "5", "-o", "mixing.degrade=clip"), "options was {} and is {'mixing.degrade': 'clip'} now"),
        (("--snr", "5", "--split", "valid"), "split was test and is valid now"),
    ],
)
def test_another_request_is_refused(
    run_here: Run, speech: Path, noise: Path, tmp_path: Path, more: tuple[str, ...], message: str
) -> None:
    words = ("corpus", "mix", str(speech), "--noise", str(noise), "-o", str(tmp_path / "out"))
    assert run_here(*words, "--snr", "5")[0] == 0
    before = contents(tmp_path / "out")
    code, _, err = run_here(*words, *more)
    assert code == 2
    assert f"{tmp_path / 'out'}: holds mixtures of another request ({message}); name another -o" in err
    assert contents(tmp_path / "out") == before


def test_a_corpus_that_has_changed_is_another_request(run_here: Run, noise: Path, tmp_path: Path) -> None:
    folder = speech_folder(tmp_path / "speech", each=8, seconds=0.1)
    words = ("corpus", "mix", str(folder), "--noise", str(noise), "--snr", "5", "-o", str(tmp_path / "out"))
    assert run_here(*words)[0] == 0
    for i in range(8):
        soundfile.write(folder / "high" / f"more{i}.wav", voice(800, 300.0), RATE)
    code, _, err = run_here(*words)
    assert code == 2
    assert "clips or noises have changed" in err


def test_damaged_clips_are_named_and_counted(run_here: Run, noise: Path, tmp_path: Path) -> None:
    folder = tmp_path / "speech"
    folder.mkdir()
    for split in ("train", "valid", "test"):
        (folder / split).mkdir()
        soundfile.write(folder / split / "good.wav", voice(800, 300.0), RATE)
    soundfile.write(folder / "test" / "still.wav", np.zeros(800), RATE)
    (folder / "test" / "broken.wav").write_text("no audio")
    words = ("corpus", "mix", str(folder), "--noise", str(noise), "--snr", "5", "-o", str(tmp_path / "out"))
    code, out, err = run_here(*words)
    assert code == 0
    assert out.startswith(f"1 mixtures of 1 clip in {tmp_path / 'out'}")
    assert out.rstrip().endswith("2 damaged clips were left out")
    assert "left out: test/still.wav: silent" in err
    assert "broken.wav: not readable as audio" in err
    code, _, err = run_here(*words[:-1], str(tmp_path / "other"), "--strict")
    assert code == 2
    assert "without --strict it would be left out" in err


NAMES = ["数据", "نسخة", "it's", "a b", 'say "hi"', "..", "x\ny", "CON", "a" * 230]


def test_names_in_any_script(run_here: Run, noise: Path, tmp_path: Path) -> None:
    for i in range(len(NAMES)):
        soundfile.write(tmp_path / f"{i}.wav", voice(800, 200.0 + i), RATE)
    table = tmp_path / "clips.jsonl"
    lines = [json.dumps({"id": name, "path": f"{i}.wav", "split": "test"}) for i, name in enumerate(NAMES)]
    table.write_text("\n".join([*lines, json.dumps({"id": "../../out", "path": "0.wav", "split": "test"})]))
    out = tmp_path / "out" / "deep"
    assert run_here("corpus", "mix", str(table), "--noise", str(noise), "--snr", "5", "-o", str(out))[0] == 0
    listed = rows(out)
    assert [row["clean"] for row in listed] == [*NAMES, "../../out"]
    assert len(list((out / "noisy").iterdir())) == len({row["id"].casefold() for row in listed}) == len(NAMES) + 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["deep"]
    for row in listed:
        noisy, clean, added = triple(out, row["id"])
        np.testing.assert_array_equal(noisy, clean + added)
    assert {"数据", "نسخة", "it's", "a b"} <= {row["id"] for row in listed}


def test_names_that_would_be_the_same_file(run_here: Run, noise: Path, tmp_path: Path) -> None:
    table = tmp_path / "clips.jsonl"
    soundfile.write(tmp_path / "0.wav", voice(800, 200.0), RATE)
    ids = ["a/b", "a_b", "A_b"]
    table.write_text("\n".join(json.dumps({"id": name, "path": "0.wav", "split": "test"}) for name in ids))
    assert (
        run_here("corpus", "mix", str(table), "--noise", str(noise), "--snr", "5", "-o", str(tmp_path / "out"))[0] == 0
    )
    assert len({row["id"].casefold() for row in rows(tmp_path / "out")}) == 3


def test_conditions(run_here: Run, speech: Path, noise: Path, tmp_path: Path) -> None:
    (tmp_path / "rooms").mkdir()
    room = np.zeros(3000)
    room[[50, 2500]] = 1.0, 0.5
    soundfile.write(tmp_path / "rooms" / "hall.wav", room, RATE)
    options = ("-o", "mixing.degrade=clip", "-o", f"mixing.reverb={tmp_path / 'rooms'}", "-o", "mixing.noises=2")
    words = ("--noise", str(noise), "--snr", "5", *options, "-o", str(tmp_path / "out"))
    assert run_here("corpus", "mix", str(speech), *words)[0] == 0
    for row in rows(tmp_path / "out"):
        assert row["mixing"] == {"noises": 2, "reverb": str(tmp_path / "rooms"), "degrade": ["clip"]}
        assert len(row["noise"]) == len(row["offset"]) == 2
        noisy, clean, added = triple(tmp_path / "out", row["id"])
        assert snr_of(clean, added) == pytest.approx(5, abs=1e-3)
        assert np.abs(noisy - clean - added).max() > 0.01
    assert run_here("corpus", "audit", str(tmp_path / "out"))[0] == 0


def test_the_result_is_a_corpus(run_here: Run, speech: Path, noise: Path, tmp_path: Path) -> None:
    words = ("--noise", str(noise), "--snr", "5", "--split", "all", "-o", str(tmp_path / "out"))
    assert run_here("corpus", "mix", str(speech), *words)[0] == 0
    code, out, _ = run_here("corpus", "check", str(tmp_path / "out" / "manifest.csv"))
    assert code == 0
    assert "high 8" not in out
    assert [line.split()[:2] for line in out.splitlines()[1:4]] == [["train", "12"], ["valid", "2"], ["test", "2"]]


def test_a_list_is_made_again(run_here: Run, speech: Path, noise: Path, tmp_path: Path) -> None:
    common = ("corpus", "mix", str(speech), "--noise", str(noise))
    first, second = tmp_path / "first", tmp_path / "second"
    options = ("--snr", "5,0", "--seed", "7", "-o", "mixing.degrade=packet_loss,clip")
    assert run_here(*common, *options, "-o", str(first))[0] == 0
    assert run_here(*common, "--list", str(first), "-o", str(second))[0] == 0
    assert sorted(rows(first), key=str) == sorted(rows(second), key=str)
    for row in rows(first):
        for one, two in zip(triple(first, row["id"]), triple(second, row["id"]), strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--noise", "toy", "-o", "out"), "name a corpus: sefront corpus mix CORPUS --noise NOISE -o FOLDER"),
        (("toy", "--corpus", "toy", "--noise", "toy", "-o", "out"), "toy and --corpus toy: name one corpus"),
        (("toy", "-o", "out"), "name what to mix with: --noise NOISE"),
        (("toy", "--noise", "toy"), "say where to write with -o FOLDER"),
        (("toy", "--noise", "toy", "-o", "out", "-o", "out2"), "-o names two places"),
        (("toy", "--noise", "toy", "-o", "out", "-o", "frontend.width=3"), "-o has no option section 'frontend'"),
        (("toy", "--noise", "toy", "-o", "out", "-o", "mixing.nosies=3"), "did you mean 'noises'?"),
        (("toy", "--noise", "toy", "-o", "out", "--split", "tset"), "there is no split 'tset'; did you mean 'test'?"),
        (("toy", "--noise", "toy", "-o", "out", "--snr", "loud"), "--snr loud: give numbers in dB"),
        (("toy", "--noise", "toy", "-o", "out", "--list", "x", "--snr", "5"), "--snr: --list x says how to mix"),
        (("toy", "--noise", "toy", "-o", "out", "--list", "x"), "x: no such file; name a list of mixtures"),
        (("toy", "--noise", "toy", "-o", "pyproject.toml", "--snr", "5"), "pyproject.toml: is not empty and holds no"),
    ],
)
def test_mistakes(
    run_here: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").touch()
    code, out, err = run_here("corpus", "mix", *words)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err
    assert [path.name for path in tmp_path.iterdir()] == ["pyproject.toml"]


def test_recordings_that_are_noisy_already(run_here: Run, noise: Path, tmp_path: Path) -> None:
    folder = taped_folder(tmp_path / "cheavd", each=2, seconds=0.1)
    words = ("--noise", str(noise), "-o", str(tmp_path / "out"))
    code, _, err = run_here("corpus", "mix", f"cheavd:{folder}", *words)
    assert code == 2
    assert "test split: the clips were recorded in noise; name a corpus of clean clips" in err


def test_real_speech_in_real_noise(run_here: Run, real_data: Path, tmp_path: Path) -> None:
    words = (
        f"emodb:{real_data / 'emodb'}",
        "--noise",
        str(real_data / "noise"),
        "--snr",
        "5",
        "-o",
        str(tmp_path / "out"),
    )
    assert run_here("corpus", "mix", *words)[0] == 0
    assert len(rows(tmp_path / "out")) == 69
    code, out, _ = run_here("corpus", "audit", str(tmp_path / "out"))
    assert code == 0
    assert out.splitlines()[1].split()[:6] == ["5", "dB", "69", "5.0000", "5.0000", "5.0000"]
