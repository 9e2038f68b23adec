"""Decoded audio on disk: the same samples, never stale, bounded, and shared."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import RATE, TASK, hiss, voices

from sefront.core.audio import AudioFile
from sefront.core.batches import load
from sefront.core.clips import Clip
from sefront.core.data import Mixtures, Reader
from sefront.core.decoded import Decoded, bytes_in, decoded
from sefront.core.epochs import shuffled
from sefront.core.errors import BadOptionError, DamagedAudioError, SefrontError
from sefront.core.speed import Sped

LARGE = 10**9


def written(path: Path, seed: int = 0, size: int = 4000, rate: int = RATE) -> AudioFile:
    soundfile.write(path, np.stack([hiss(size, seed), hiss(size, seed + 1)], 1), rate)
    return AudioFile(path)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that have been decoded."""
    found: list[Path] = []
    read = AudioFile.read

    def counting(audio: AudioFile, sample_rate: int) -> np.ndarray:
        found.append(audio.path)
        return read(audio, sample_rate)

    monkeypatch.setattr(AudioFile, "read", counting)
    return found


@pytest.mark.parametrize("rate", [RATE, 8000])
def test_what_is_kept_is_what_was_decoded(tmp_path: Path, counted: list[Path], rate: int) -> None:
    audio = written(tmp_path / "a.flac", rate=22050)
    kept = Decoded(tmp_path / "kept", LARGE)
    first, second = kept.read(audio, rate), Decoded(tmp_path / "kept", LARGE).read(audio, rate)
    assert len(counted) == 1
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(second, audio.read(rate))
    assert second.dtype == np.float32
    assert not second.flags.writeable


def touched(audio: AudioFile) -> AudioFile:
    os.utime(audio.path, ns=(1, 1))
    return audio


@pytest.mark.parametrize(
    "other",
    [
        lambda audio: AudioFile(audio.path, 0.05),
        lambda audio: AudioFile(audio.path, 0.0, 0.1),
        lambda audio: Sped(audio, 0.9),
        lambda audio: written(audio.path, seed=5),
        touched,
    ],
    ids=["start", "end", "speed", "samples", "time"],
)
def test_something_else_is_decoded_anew(
    tmp_path: Path, counted: list[Path], other: Callable[[AudioFile], AudioFile]
) -> None:
    audio, kept = written(tmp_path / "a.wav"), Decoded(tmp_path / "kept", LARGE)
    kept.read(audio, RATE)
    changed = other(audio)
    found = kept.read(changed, RATE)
    assert len(counted) == 2
    np.testing.assert_array_equal(found, changed.read(RATE))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4])


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "harm",
    [cut, flipped, lambda path: path.write_bytes(b""), lambda path: path.write_bytes(b"sefr"), lambda p: p.unlink()],
    ids=["cut", "flipped", "empty", "no header", "gone"],
)
def test_what_is_damaged_is_made_anew(tmp_path: Path, counted: list[Path], harm: Callable[[Path], object]) -> None:
    audio, kept = written(tmp_path / "a.wav"), Decoded(tmp_path / "kept", LARGE)
    whole = kept.read(audio, RATE)
    (place,) = files(tmp_path / "kept")
    data = place.read_bytes()
    harm(place)
    np.testing.assert_array_equal(kept.read(audio, RATE), audio.read(RATE))
    assert len(counted) == 3
    assert [path.read_bytes() for path in files(tmp_path / "kept")] == [data]
    assert len(whole) == 4000


def test_damaged_recordings_are_named_and_not_kept(tmp_path: Path) -> None:
    kept = Decoded(tmp_path / "kept", LARGE)
    with pytest.raises(DamagedAudioError, match=r"gone\.wav: no such file$"):
        kept.read(AudioFile(tmp_path / "gone.wav"), RATE)
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    with pytest.raises(DamagedAudioError, match=r"bad\.wav: not readable as audio"):
        kept.read(AudioFile(tmp_path / "bad.wav"), RATE)
    assert files(tmp_path / "kept") == []


def test_what_cannot_tell_its_version_is_not_kept(tmp_path: Path) -> None:
    kept = Decoded(tmp_path / "kept", LARGE)
    for audio in (voices(1)[0].audio, Sped(voices(1)[0].audio, 0.9)):
        np.testing.assert_array_equal(kept.read(audio, RATE), audio.read(RATE))
    assert not (tmp_path / "kept").exists()


def test_a_full_folder_takes_nothing_more_and_says_so_once(tmp_path: Path) -> None:
    size = 4 * 4000 + 16
    kept = Decoded(tmp_path / "kept", 3 * size)
    audios = [written(tmp_path / f"{i}.wav", i) for i in range(6)]
    with pytest.warns(
        UserWarning, match=r"kept: full \(4\.8048e-05 GB\), so further audio is decoded .* --cache-gb"
    ) as told:
        for audio in [*audios, *audios]:
            np.testing.assert_array_equal(kept.read(audio, RATE), audio.read(RATE))
    assert len(told) == 1
    assert bytes_in(tmp_path / "kept") == 3 * size
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Decoded(tmp_path / "kept", 3 * size).read(audios[0], RATE)


def test_what_others_have_added_counts(tmp_path: Path) -> None:
    size = 4 * 4000 + 16
    one, other = (Decoded(tmp_path / "kept", 10 * size) for _ in range(2))
    with pytest.warns(UserWarning, match="full"):
        for i in range(12):
            (one, other)[i % 2].read(written(tmp_path / f"{i}.wav", i), RATE)
    assert bytes_in(tmp_path / "kept") <= 11 * size


def read_all(folder: Path, paths: list[Path]) -> float:
    kept = Decoded(folder, LARGE)
    return float(sum(kept.read(AudioFile(path), RATE).sum(dtype=np.float64) for path in paths))


def test_processes_share_a_folder(tmp_path: Path) -> None:
    paths = [written(tmp_path / f"{i}.wav", i).path for i in range(8)]
    expected = float(sum(AudioFile(path).read(RATE).sum(dtype=np.float64) for path in paths))
    with ProcessPoolExecutor(2) as pool:
        sums = list(pool.map(read_all, [tmp_path / "kept"] * 4, [paths, paths[::-1]] * 2))
    assert sums == pytest.approx([expected] * 4)
    assert len(files(tmp_path / "kept")) == 8  # and no drafts


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_the_same_with_and_without(tmp_path: Path, workers: int) -> None:
    clips = [Clip(f"c{i}", written(tmp_path / f"{i}.flac", i, 3000 + 100 * i), "high") for i in range(5)]
    noises = [Clip("n", written(tmp_path / "n.flac", 9, 9000), "hiss")]
    kept = Decoded(tmp_path / "kept", LARGE)

    def batches(reader: Reader) -> list[np.ndarray]:
        source = Mixtures(clips, noises, TASK, reader, 0)
        return [batch.noisy.numpy() for batch in load(source, shuffled(source, 2, 0), workers=workers)]

    plain = batches(Reader(RATE))
    for _ in range(2):
        for one, other in zip(plain, batches(Reader(RATE, decoded=kept)), strict=True):
            np.testing.assert_array_equal(one, other)
    assert len(files(tmp_path / "kept")) == 6
    reader = Reader(RATE, decoded=kept)
    reader.read(clips[0])
    assert reader.held == 0


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file")
    with pytest.raises(SefrontError, match=r"kept: cannot be written .*; name another place with --cache$"):
        Decoded(tmp_path / "kept", LARGE).read(written(tmp_path / "a.wav"), RATE)


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r"^/proc/nowhere: cannot be written .*; name another place with --cache$"):
        Decoded(Path("/proc/nowhere"), LARGE).read(written(tmp_path / "a.wav"), RATE)


def test_what_users_ask_for(tmp_path: Path) -> None:
    assert decoded(None) is None
    found = decoded(tmp_path / "kept", 0.5)
    assert found is not None
    assert (found.folder, found.capacity) == (tmp_path / "kept", 500_000_000)
    assert decoded(str(tmp_path)).capacity == 20_000_000_000  # type: ignore[union-attr]
    with pytest.raises(BadOptionError, match=r"^--cache-gb must be above 0, but is 0$"):
        decoded(tmp_path, 0)
    with pytest.raises(BadOptionError, match=r"^--cache-gb 3: there is no --cache FOLDER that it could bound$"):
        decoded(None, 3)
