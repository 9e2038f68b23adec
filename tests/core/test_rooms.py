"""Rooms: the target is aligned with the mixture and the dry clip, and the late part is none of it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import RATE, hiss, mixtures, voice, voices

from sefront.core.conditions import Conditions
from sefront.core.data import Draw, Example, Reader
from sefront.core.errors import BadOptionError, DamagedAudioError, MissingExtraError, SefrontError
from sefront.core.mixing import power
from sefront.core.rooms import Rooms, in_room
from sefront.core.simulated_rooms import simulated


def response(direct: int, *echoes: tuple[int, float]) -> np.ndarray:
    """An impulse response with a direct path and echoes that many samples after it."""
    wave = np.zeros(direct + 4000, np.float32)
    wave[direct] = 0.5
    for after, gain in echoes:
        wave[direct + after] = gain
    return wave


def test_the_direct_path_alone_is_the_dry_clip() -> None:
    wave = voice(RATE, 150.0)
    target, whole = in_room(wave, response(777), 800)
    np.testing.assert_allclose(target, wave, atol=1e-6)
    np.testing.assert_allclose(whole, wave, atol=1e-6)


def test_early_echoes_are_target_and_late_ones_are_not() -> None:
    wave = voice(RATE, 150.0)
    target, whole = in_room(wave, response(100, (400, 0.2), (2000, 0.3)), 800)
    late = np.concatenate([np.zeros(2000, np.float32), wave[:-2000]])
    early = np.concatenate([np.zeros(400, np.float32), wave[:-400]])
    gain = np.sqrt(power(wave) / power(wave + 0.4 * early))
    np.testing.assert_allclose(target, gain * (wave + 0.4 * early), atol=1e-5)
    np.testing.assert_allclose(whole - target, gain * 0.6 * late, atol=1e-5)


def test_the_target_keeps_the_level_and_length_of_the_clip() -> None:
    wave = voice(5000, 150.0)
    target, whole = in_room(wave, response(3000, (10, 0.4), (3500, -0.4)), 500)
    assert len(target) == len(whole) == 5000
    assert power(target) == pytest.approx(power(wave), rel=1e-5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two measured responses."""
    for name, echo in (("hall", 0.3), ("küche", -0.2)):
        soundfile.write(tmp_path / f"{name}.wav", response(200, (300, 0.1), (3000, echo)), RATE, "FLOAT")
    return tmp_path


def test_measured_responses_are_drawn_for_each_clip(folder: Path) -> None:
    rooms = Rooms(Conditions(reverb=str(folder)), Reader(RATE))
    found = [rooms.heard(voice(RATE, 150.0), 0, f"clip{i}", "fixed")[1] for i in range(8)]
    assert len({wave.tobytes() for wave in found}) == 2
    np.testing.assert_array_equal(found[3], rooms.heard(voice(RATE, 150.0), 0, "clip3", "fixed")[1])


@pytest.mark.parametrize("snr", [None, 5.0])
def test_mixtures_in_a_room(folder: Path, snr: float | None) -> None:
    source = mixtures(voices(3))
    source.conditions = Conditions(reverb=str(folder))
    found = source[Draw(1, snr=snr)]
    assert isinstance(found, Example)
    assert found.noisy.shape == found.clean.shape
    dry = source.reader.read(source.clips[1])
    assert np.corrcoef(found.clean, dry)[0, 1] > 0.9
    again = source[Draw(1, snr=snr)]
    assert isinstance(again, Example)
    np.testing.assert_array_equal(found.noisy, again.noisy)
    if snr is not None:
        assert found.entry is not None
        assert found.entry.measured_snr == pytest.approx(5.0, abs=1e-3)
        assert found.entry.mixing == {"reverb": str(folder)}


def test_folders_without_responses(tmp_path: Path) -> None:
    with pytest.raises(BadOptionError, match=r"mixing.reverb is .*nowhere, which is no folder; name one of impulse"):
        Rooms(Conditions(reverb=str(tmp_path / "nowhere")), Reader(RATE)).check()
    with pytest.raises(BadOptionError, match=r"mixing.reverb: .* holds no audio files; name a folder of impulse"):
        Rooms(Conditions(reverb=str(tmp_path)), Reader(RATE)).check()


def test_a_damaged_response_is_named(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_text("no audio")
    with pytest.raises(DamagedAudioError, match=r"\.wav: not readable as audio"):
        Rooms(Conditions(reverb=str(folder)), Reader(RATE)).heard(hiss(800), 0, "clip")


def test_what_simulates_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyroomacoustics", None)
    with pytest.raises(MissingExtraError, match=r"mixing.reverb=simulated needs .*: pip install 'sefront\[rooms\]'"):
        Rooms(Conditions(reverb="simulated"), Reader(RATE)).check()


def test_rooms_that_cannot_fade_so_fast() -> None:
    pytest.importorskip("pyroomacoustics", reason="pip install 'sefront[rooms]'")
    with pytest.raises(SefrontError, match=r"mixing.rt60: a room of .* m cannot fade within 0.05 s; ask for 0.2 s"):
        simulated(0, 0, (0.05, 0.05), 8000)


@pytest.mark.parametrize("number", range(4))
def test_simulated_rooms_fade_as_asked_for(number: int) -> None:
    pytest.importorskip("pyroomacoustics", reason="pip install 'sefront[rooms]'")
    wave = simulated(1, number, (0.4, 0.4), 8000)
    np.testing.assert_array_equal(wave, simulated.__wrapped__(1, number, (0.4, 0.4), 8000))
    assert not np.array_equal(wave, simulated(2, number, (0.4, 0.4), 8000))
    left = np.cumsum(np.square(wave[::-1], dtype=float))[::-1]
    fallen = 10 * np.log10(left / left[0])
    ends = [int(np.argmax(fallen <= level)) for level in (-5, -25)]
    assert 3 * (ends[1] - ends[0]) / 8000 == pytest.approx(0.4, rel=0.3)
