from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import RATE, hiss

from sefront.core.audio_writing import container, subtype_like, writing
from sefront.core.errors import SefrontError


def write(path: Path, *blocks: np.ndarray, subtype: str | None = None) -> None:
    with writing(path, RATE, blocks[0].shape[1], subtype) as put:
        for block in blocks:
            put(block)


def stereo(size: int) -> np.ndarray:
    return np.stack([hiss(size, seed=0), hiss(size, seed=1)], axis=1)


def test_blocks_become_one_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "a.wav"
    samples = stereo(1000)
    write(path, samples[:300], samples[300:300], samples[300:], subtype="FLOAT")
    found, rate = soundfile.read(path, dtype="float32")
    np.testing.assert_array_equal(found, samples)
    assert rate == RATE
    assert [p.name for p in path.parent.iterdir()] == ["a.wav"]


@pytest.mark.parametrize(
    ("name", "form", "subtype"),
    [
        ("a.flac", "FLAC", "PCM_16"),
        ("a.ogg", "OGG", "VORBIS"),
        ("a.OPUS", "OGG", "OPUS"),
        ("a.aif", "AIFF", "PCM_16"),
        ("a.mp3", "MP3", "MPEG_LAYER_III"),
    ],
)
def test_the_suffix_names_the_format(tmp_path: Path, name: str, form: str, subtype: str) -> None:
    write(tmp_path / name, stereo(RATE))
    found = soundfile.info(str(tmp_path / name))
    assert (found.format, found.subtype, found.frames, found.channels) == (form, subtype, RATE, 2)


def test_vorbis_takes_a_long_block(tmp_path: Path) -> None:
    write(tmp_path / "a.ogg", np.zeros((2**22, 2), dtype=np.float32))  # at once, this overflows the stack
    assert soundfile.info(str(tmp_path / "a.ogg")).frames == 2**22


def test_a_failure_leaves_the_old_file_and_no_part(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write(path, stereo(RATE))
    before = path.read_bytes()
    with pytest.raises(ValueError, match="subtype"):
        write(path, stereo(RATE), subtype="NONSENSE")
    with pytest.raises(KeyError), writing(path, RATE, 2) as put:
        put(stereo(100))
        raise KeyError
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".caf"])
def test_a_full_disk_is_named(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f".a.part{suffix}").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device"):
        write(tmp_path / f"a{suffix}", stereo(RATE))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def little_room() -> Iterator[None]:
    """No file may grow above a hundred thousand bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("little_room")
@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_disk_that_is_full_after_a_while_is_named(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(OSError, match="File too large"):
        write(tmp_path / f"a{suffix}", *[stereo(RATE)] * 4)
    assert list(tmp_path.iterdir()) == []


def test_a_format_that_cannot_hold_so_many_channels(tmp_path: Path) -> None:
    message = r"a\.mp3: MP3 cannot hold 6 channels at 16000 Hz; choose another format, such as \.wav"
    with pytest.raises(SefrontError, match=message):
        write(tmp_path / "a.mp3", np.zeros((100, 6), dtype=np.float32))
    assert list(tmp_path.iterdir()) == []


def test_a_suffix_that_names_no_format() -> None:
    with pytest.raises(SefrontError, match=r"a\.sph: the suffix names no format to write; choose one of \.aif"):
        container(Path("a.sph"))


def test_the_encoding_is_kept_in_the_same_format() -> None:
    assert subtype_like("PCM_24", Path("a.WAV"), Path("b.wav")) == "PCM_24"
    assert subtype_like("PCM_24", Path("a.wav"), Path("b.flac")) is None
    assert subtype_like("MS_ADPCM", Path("a.flac"), Path("b.flac")) is None
