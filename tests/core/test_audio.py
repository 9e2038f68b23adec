from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from sefront.core.audio import (
    AudioFile,
    Header,
    audio_files,
    header,
    read_blocks,
    read_channels,
    resample,
    resampler,
)
from sefront.core.errors import DamagedAudioError

RATE = 16000


def tone(rate: int, seconds: float = 1.0, frequency: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def inner(samples: np.ndarray) -> np.ndarray:
    """Without the edges, where a resampler rings and a codec fades."""
    return samples[2000:-2000]


def test_a_file_at_its_own_rate_is_read_unchanged(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(RATE), RATE, subtype="FLOAT")
    samples = AudioFile(tmp_path / "a.wav").read(RATE)
    assert samples.dtype == np.float32
    np.testing.assert_array_equal(samples, tone(RATE))


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_any_rate_becomes_the_wanted_one(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", tone(rate), rate, subtype="FLOAT")
    file = AudioFile(tmp_path / "a.wav")
    samples = file.read(RATE)
    assert file.duration() == pytest.approx(1.0)
    assert samples.shape == (RATE,)
    assert samples.dtype == np.float32
    np.testing.assert_allclose(inner(samples), inner(tone(RATE)), atol=1e-3)


def test_48_khz_stereo_becomes_the_mean_of_its_channels(tmp_path: Path) -> None:
    stereo = np.stack([tone(48000), -0.5 * tone(48000)], axis=1)
    soundfile.write(tmp_path / "a.wav", stereo, 48000, subtype="FLOAT")
    samples = AudioFile(tmp_path / "a.wav").read(RATE)
    assert samples.shape == (RATE,)
    np.testing.assert_allclose(inner(samples), 0.25 * inner(tone(RATE)), atol=1e-3)


@pytest.mark.parametrize(("suffix", "tolerance"), [(".flac", 1e-4), (".ogg", 0.05), (".mp3", 0.05), (".aiff", 1e-4)])
def test_other_formats(tmp_path: Path, suffix: str, tolerance: float) -> None:
    path = tmp_path / f"a{suffix}"
    soundfile.write(path, tone(RATE), RATE)
    samples = AudioFile(path).read(RATE)
    assert abs(len(samples) - RATE) <= 1152  # an mp3 frame
    power = float(np.mean(inner(samples) ** 2))
    assert power == pytest.approx(0.125, rel=tolerance)


@pytest.mark.parametrize(("start", "end", "first", "last"), [(0.25, 0.5, 4000, 8000), (0.5, None, 8000, RATE)])
def test_a_part_between_start_and_end(tmp_path: Path, start: float, end: float | None, first: int, last: int) -> None:
    soundfile.write(tmp_path / "a.wav", tone(RATE), RATE, subtype="FLOAT")
    part = AudioFile(tmp_path / "a.wav", start, end)
    assert part.duration() == pytest.approx((last - first) / RATE)
    np.testing.assert_array_equal(part.read(RATE), tone(RATE)[first:last])


def test_an_end_beyond_the_file_stops_at_the_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(RATE), RATE)
    part = AudioFile(tmp_path / "a.wav", 0.5, 9.0)
    assert part.duration() == pytest.approx(0.5)
    assert part.read(RATE).shape == (8000,)


def test_a_start_beyond_the_file_holds_no_samples(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(RATE), RATE)
    part = AudioFile(tmp_path / "a.wav", 2.0)
    assert part.duration() == 0.0
    with pytest.raises(DamagedAudioError, match=r"a\.wav: holds no samples"):
        part.read(RATE)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DamagedAudioError, match=r"a\.wav: no such file"):
        AudioFile(tmp_path / "a.wav").read(RATE)
    with pytest.raises(DamagedAudioError, match=r"a\.wav: no such file"):
        AudioFile(tmp_path / "a.wav").duration()


def test_a_file_of_zero_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    with pytest.raises(DamagedAudioError, match=r"a\.wav: the file is empty \(0 bytes\)"):
        AudioFile(tmp_path / "a.wav").read(RATE)


def test_a_file_with_a_header_and_no_samples(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(0, dtype=np.float32), RATE)
    assert AudioFile(tmp_path / "a.wav").duration() == 0.0
    with pytest.raises(DamagedAudioError, match="holds no samples"):
        AudioFile(tmp_path / "a.wav").read(RATE)


def test_text_that_is_called_wav(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("this is no audio\n" * 10)
    with pytest.raises(DamagedAudioError, match=r"a\.wav: not readable as audio \(.*[^.)]\)$"):
        AudioFile(tmp_path / "a.wav").read(RATE)
    with pytest.raises(DamagedAudioError, match="not readable as audio"):
        AudioFile(tmp_path / "a.wav").duration()


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".aiff", ".au", ".w64", ".rf64", ".caf"])
def test_a_truncated_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, RATE).astype(np.float32)
    soundfile.write(path, noise, RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DamagedAudioError, match=rf"a\{suffix}: (truncated|not readable as audio)"):
        AudioFile(path).read(RATE)


def test_a_truncated_wav_is_told_from_its_header(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(RATE), RATE)
    (tmp_path / "a.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:20044])
    with pytest.raises(DamagedAudioError, match=r"a\.wav: truncated \(20000 of 32000 bytes are there\)"):
        AudioFile(tmp_path / "a.wav").duration()


def test_a_wav_from_a_pipe_does_not_know_its_size_and_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(RATE), RATE)
    header = bytearray(path.read_bytes())
    size = header.index(b"data") + 4
    header[4:8] = header[size : size + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(header)
    assert AudioFile(path).read(RATE).shape == (RATE,)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_finite(tmp_path: Path, value: float) -> None:
    samples = tone(RATE)
    samples[100] = value
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    with pytest.raises(DamagedAudioError, match=r"a\.wav: holds values that are not finite"):
        AudioFile(tmp_path / "a.wav").read(RATE)


def test_channels_and_rate_are_kept_by_read_channels(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([tone(8000), tone(8000)], axis=1), 8000)
    samples, rate = read_channels(tmp_path / "a.wav")
    assert samples.shape == (8000, 2)
    assert rate == 8000


def test_resampling_keeps_channels_and_type() -> None:
    stereo = np.stack([tone(8000), tone(8000)], axis=1)
    assert resample(stereo, 8000, 8000) is stereo
    assert resample(stereo, 8000, RATE).shape == (RATE, 2)
    assert resample(stereo, 8000, RATE).dtype == np.float32


@pytest.mark.parametrize("rate", [8000, 44100])
def test_resampling_block_by_block_is_resampling(rate: int) -> None:
    stereo = np.random.default_rng(0).normal(size=(3 * rate + 1, 2)).astype(np.float32)
    resampled = resampler(rate, RATE, 2)
    blocks = [resampled(stereo[start : start + 10007], False) for start in range(0, len(stereo), 10007)]
    found = np.concatenate([*blocks, resampled(stereo[:0], True)])
    np.testing.assert_allclose(found, resample(stereo, rate, RATE), atol=1e-6)


def test_blocks_are_the_file(tmp_path: Path) -> None:
    stereo = np.random.default_rng(0).uniform(-0.5, 0.5, (1001, 2)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", stereo, RATE, subtype="FLOAT")
    blocks = list(read_blocks(tmp_path / "a.wav", 250))
    assert [len(block) for block in blocks] == [250, 250, 250, 250, 1]
    np.testing.assert_array_equal(np.concatenate(blocks), stereo)


def test_a_block_that_is_damaged_ends_the_file(tmp_path: Path) -> None:
    samples = tone(RATE)
    samples[600] = np.nan
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    blocks = read_blocks(tmp_path / "a.wav", 500)
    assert len(next(blocks)) == 500
    with pytest.raises(DamagedAudioError, match=r"a\.wav: holds values that are not finite"):
        next(blocks)


def test_a_file_without_samples_has_no_blocks(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(0, dtype=np.float32), RATE)
    with pytest.raises(DamagedAudioError, match="holds no samples"):
        next(read_blocks(tmp_path / "a.wav", 500))


def test_the_header(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros((100, 2)), 8000, subtype="PCM_24")
    assert header(tmp_path / "a.wav") == Header(100, 8000, 2, "PCM_24")


def test_audio_files_are_sorted_and_hidden_ones_left_out(tmp_path: Path) -> None:
    for name in ("b.wav", "a.FLAC", "sub/c.ogg", ".hidden.wav", ".cache/d.wav", "notes.txt", "._b.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.wav").mkdir()
    assert [str(p.relative_to(tmp_path)) for p in audio_files(tmp_path)] == ["a.FLAC", "b.wav", "sub/c.ogg"]


def test_real_recordings_are_read_whole(real_data: Path) -> None:
    path = audio_files(real_data / "emodb")[0]
    file = AudioFile(path)
    assert len(file.read(RATE)) == round(file.duration() * RATE)
