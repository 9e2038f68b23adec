"""``sefront corpus audit``: planted faults of somebody else's mixtures are all found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from recordings import RATE, hiss, voice

from sefront.core.mixing import mix

Run = Callable[..., tuple[int, str, str]]
Mixer = Callable[[np.ndarray, np.ndarray, float], tuple[np.ndarray, np.ndarray]]


def speech(seed: int) -> np.ndarray:
    """A voice with a long pause."""
    wave = voice(2 * RATE, 120.0 + 10 * seed, seed=seed)
    wave[RATE // 2 : RATE + 4000 * seed] = 0.0
    return wave


def exact(clean: np.ndarray, noise: np.ndarray, snr: float) -> tuple[np.ndarray, np.ndarray]:
    found = mix(clean, noise, snr)
    return found.clean, found.added


def rms(wave: np.ndarray) -> float:
    return float(np.sqrt(np.square(wave, dtype=float).mean()))


def active(wave: np.ndarray) -> float:
    """The rms value of the tenths of a second in which there is something."""
    pieces = [rms(piece) for piece in wave.reshape(-1, RATE // 10)]
    return rms(np.array([level for level in pieces if level > 0.01 * max(pieces)]))


def twice_scaled(clean: np.ndarray, noise: np.ndarray, snr: float) -> tuple[np.ndarray, np.ndarray]:
    """What a widely copied mixer does: equal active levels first, then the ratio of the rms values once more."""
    ratio = rms(clean) / rms(noise)
    clean, noise = 0.03 * clean / active(clean), 0.03 * noise / active(noise)
    return clean.astype(np.float32), (noise * ratio / 10 ** (snr / 20)).astype(np.float32)


def written(root: Path, folders: dict[str, str], mixer: Mixer = exact, subtype: str = "FLOAT") -> Path:
    """Mixtures at 5 and 0 dB by their names."""
    for i in range(4):
        snr = (5, 0)[i % 2]
        clean, noise = mixer(speech(i), hiss(2 * RATE, seed=i), snr)
        waves = {"noisy": clean + noise, "clean": clean, "noise": noise}
        for part, name in folders.items():
            place = root / name.format(snr=snr, i=i)
            place.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(place, waves[part], RATE, subtype)
    return root


OWN = {part: f"{part}/a{{i}}_snr{{snr}}.wav" for part in ("noisy", "clean", "noise")}
LAYOUTS = {
    "own": OWN,
    "without noise": {part: OWN[part] for part in ("noisy", "clean")},
    "mix, s1, n": {"noisy": "mix/a{i}_snr{snr}.wav", "clean": "s1/a{i}_snr{snr}.wav", "noise": "n/a{i}_snr{snr}.wav"},
    "DNS": {
        "noisy": "noisy/book_0{i}_snr{snr}_tl-21_fileid_{i}.wav",
        "clean": "clean/clean_fileid_{i}.wav",
        "noise": "noise/noise_fileid_{i}.wav",
    },
    "set names": {"noisy": "noisy_testset_wav/a{i}_snr{snr}.wav", "clean": "clean_testset_wav/a{i}_snr{snr}.wav"},
    "formats": {"noisy": "Mixture/a{i}_snr={snr}.flac", "clean": "Speech/a{i}_snr={snr}.wav"},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(run_here: Run, tmp_path: Path, layout: str) -> None:
    subtype = "PCM_24" if layout == "formats" else "FLOAT"
    folder = written(tmp_path / "mixtures", LAYOUTS[layout], subtype=subtype)
    code, out, err = run_here("corpus", "audit", str(folder))
    assert (code, err) == (0, ""), out
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["asked", "for", "mixtures", "mean", "lowest", "highest", "largest", "error"]
    assert lines[1][:6] == ["5", "dB", "2", "5.0000", "5.0000", "5.0000"]
    assert lines[2][:6] == ["0", "dB", "2", "0.0000", "0.0000", "0.0000"]
    assert out.splitlines()[-1] == "4 mixtures, 0 clipped; no problems"


def test_the_mixer_that_scales_twice(run_here: Run, tmp_path: Path) -> None:
    folder = written(tmp_path / "mixtures", OWN, twice_scaled)
    code, out, _ = run_here("corpus", "audit", str(folder), "--json")
    found = json.loads(out)
    assert code == 1
    assert [problem["kind"] for problem in found["problems"]] == ["snr"] * 4
    assert min(level["error"] for level in found["levels"]) > 0.5
    code, out, _ = run_here("corpus", "audit", str(folder))
    assert code == 1
    assert "noisy/a0_snr5.wav: has " in out
    assert " dB, asked for were 5 dB (" in out
    assert out.splitlines()[-1] == "4 mixtures, 0 clipped; 4 problems"
    assert run_here("corpus", "audit", str(folder), "--tolerance", "20")[0] == 0


def rewritten(path: Path, change: Callable[[np.ndarray], np.ndarray], rate: int = RATE) -> None:
    wave = soundfile.read(path, dtype="float32")[0]
    soundfile.write(path, change(wave), rate, "FLOAT")


FAULTS: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray], str]] = {
    "snr": ("noisy", lambda w: w, "has 11.0206 dB, asked for were 5 dB (+6.0206)"),
    "sum": ("noise", lambda w: -w, "noise is not noisy - clean (they differ by up to 0."),
    "length": ("clean", lambda w: w[:-1], "parts have 31999 and 32000 samples"),
    "misaligned": ("noisy", lambda w: np.roll(w, 40), "noisy lags 40 samples behind clean"),
    "clipped": ("noisy", lambda w: np.clip(30 * w, -1, 1), "clipped ("),
    "silent": ("clean", np.zeros_like, "clean part or noise is silent, so there is no SNR"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_planted_faults(run_here: Run, tmp_path: Path, kind: str) -> None:
    part, change, message = FAULTS[kind]
    folder = written(tmp_path / "mixtures", OWN)
    if kind == "snr":
        for name, factor in (("noise", 0.5), ("noisy", None)):
            clean = soundfile.read(folder / "clean/a0_snr5.wav", dtype="float32")[0]
            if factor is not None:
                rewritten(folder / name / "a0_snr5.wav", lambda w: 0.5 * w)
            noise = soundfile.read(folder / "noise/a0_snr5.wav", dtype="float32")[0]
            soundfile.write(folder / "noisy/a0_snr5.wav", clean + noise, RATE, "FLOAT")
    else:
        rewritten(folder / part / "a0_snr5.wav", change)
    code, out, _ = run_here("corpus", "audit", str(folder), "--json")
    assert code == 1
    problems = json.loads(out)["problems"]
    assert {problem["name"] for problem in problems} == {"noisy/a0_snr5.wav"}
    assert message in next(problem["what"] for problem in problems if problem["kind"] == kind)
    if kind == "clipped":
        assert json.loads(out)["clipped"] == 1


def test_files_that_are_damaged_or_missing(run_here: Run, tmp_path: Path) -> None:
    folder = written(tmp_path / "mixtures", OWN)
    (folder / "clean/a0_snr5.wav").unlink()
    (folder / "noisy/a1_snr0.wav").write_text("no audio")
    rewritten(folder / "noise/a2_snr5.wav", lambda w: w, rate=8000)
    code, out, _ = run_here("corpus", "audit", str(folder))
    assert code == 1
    lines = out.splitlines()
    assert lines[0] == "noisy/a0_snr5.wav: has no clean file"
    assert lines[1].startswith("noisy/a1_snr0.wav: ")
    assert "not readable as audio" in lines[1]
    assert lines[2] == "noisy/a2_snr5.wav: parts have 8000 and 16000 Hz"
    assert lines[-1] == "4 mixtures, 0 clipped; 3 problems"


def test_without_any_snr_it_only_measures(run_here: Run, tmp_path: Path) -> None:
    folder = written(tmp_path / "mixtures", {"noisy": "noisy/{i}.wav", "clean": "clean/{i}.wav"})
    code, out, _ = run_here("corpus", "audit", str(folder))
    assert code == 0
    assert out.splitlines()[1].split() == ["unknown", "4", "2.5000", "0.0000", "5.0000", "-"]


def test_a_list_of_somebody_else(run_here: Run, tmp_path: Path) -> None:
    folder = written(tmp_path / "mixtures", {"noisy": "x/{i}.wav", "clean": "y/{i}.wav"})
    rows = [{"noisy": f"x/{i}.wav", "clean": f"y/{i}.wav", "snr": (5, 0)[i % 2]} for i in range(4)]
    table = folder / "list.jsonl"
    table.write_text("\n".join(map(json.dumps, rows)))
    assert run_here("corpus", "audit", str(table))[0] == 0
    table.write_text("\n".join(json.dumps({**row, "snr": 4.0}) for row in rows))
    code, out, _ = run_here("corpus", "audit", str(table))
    assert code == 1
    assert "x/0.wav: has 5.0000 dB, asked for were 4 dB (+1.0000)" in out


def test_the_list_of_a_run_says_what_was_measured(run_here: Run, trained: Path) -> None:
    code, out, _ = run_here("corpus", "audit", str(trained / "mixtures.jsonl"), "--json")
    found: dict[str, Any] = json.loads(out)
    assert code == 0
    assert [level["snr"] for level in found["levels"]] == [5.0, 0.0]
    assert found["noted"] == found["mixtures"] > 0
    code, out, _ = run_here("corpus", "audit", str(trained))
    assert f"{found['noted']} as noted in the list, without audio, 0 clipped; no problems" in out


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            [],
            "holds no folder of noisy files; expected one called noisy or mix or mixture or mixtures, or a mixtures.",
        ),
        (["noisy"], "holds no folder of clean files; expected one called clean or speech or target or s1"),
        (["noisy", "mix", "clean"], "holds several folders of noisy files (noisy, mix); keep one"),
        (["noisy", "clean"], "noisy: no audio files there"),
    ],
)
def test_folders_that_are_none(run_here: Run, tmp_path: Path, names: list[str], message: str) -> None:
    for name in names:
        (tmp_path / name).mkdir()
    code, out, err = run_here("corpus", "audit", str(tmp_path))
    assert (code, out) == (2, "")
    assert message in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nowhere",), "nowhere: no such file or folder"),
        (("list.jsonl",), "list.jsonl: holds no mixtures; name another list"),
        (("bad.jsonl",), "bad.jsonl, line 1: a names no file 'noisy', there is none beside the list"),
        ((".", "--tolerance", "-1"), "--tolerance must be at least 0 dB, but is -1.0"),
    ],
)
def test_mistakes(
    run_here: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.jsonl").touch()
    (tmp_path / "bad.jsonl").write_text('{"id": "a"}')
    code, out, err = run_here("corpus", "audit", *words)
    assert (code, out) == (2, "")
    assert message in err
