"""What a part has learnt from is kept, survives, and is looked at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile
from recordings import RATE, mixtures, noise_folder, voice

from sefront.core.audio import AudioFile, audio_files
from sefront.core.clips import Clip
from sefront.core.errors import SefrontError
from sefront.core.exposure import PLACE, Exposure, keep, kept, prints, together
from sefront.core.fingerprints import fingerprint
from sefront.core.leaks import Side


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    """Four clips of two speakers."""
    found = []
    for i in range(4):
        soundfile.write(tmp_path / f"{i}.wav", voice(RATE // 4, 200 + 50 * i), RATE)
        found.append(Clip(f"c{i}", AudioFile(tmp_path / f"{i}.wav"), ("high", "low")[i % 2], f"s{i // 2}"))
    return found


@pytest.fixture
def noises(tmp_path: Path) -> list[Clip]:
    """Six noises."""
    return [Clip(path.stem, AudioFile(path), "hiss") for path in audio_files(noise_folder(tmp_path / "noise"))]


def test_exposure_to_mixtures(clips: list[Clip], noises: list[Clip], tmp_path: Path) -> None:
    found = Exposure.to(mixtures(clips[:2], noises[:3]), "here")
    assert found.speakers == {("here", "s0")}
    assert found.recordings == {
        fingerprint(clip.audio).hex() for clip in clips[:2] if isinstance(clip.audio, AudioFile)
    }
    assert len(found.noises) == 3
    assert Exposure.to(mixtures(clips[:2], noises[:3]), "here", noisy=False).noises == frozenset()
    assert Exposure.to(mixtures([*clips, *clips]), "here").noises == frozenset()  # in memory, so without a file


def test_it_is_kept_beside_the_checkpoint(clips: list[Clip], noises: list[Clip], tmp_path: Path) -> None:
    exposure = Exposure.to(mixtures(clips, noises), "here")
    keep(tmp_path, {"frontend": exposure, "backend": Exposure()})
    assert kept(tmp_path) == {"frontend": exposure, "backend": Exposure()}
    written = json.loads((tmp_path / PLACE).read_text())
    assert written["frontend"]["speakers"] == {"here": ["s0", "s1"]}
    assert all(len(digits) == 16 for digits in written["frontend"]["recordings"])
    assert kept(tmp_path / "older") == {}


@pytest.mark.parametrize("text", ["[", "[]", '{"backend": {}}'])
def test_a_damaged_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / PLACE).write_text(text)
    with pytest.raises(SefrontError, match=r"exposure\.json: not what sefront wrote \(.*\); copy the run again"):
        kept(tmp_path)


def test_what_is_known_of_a_test(clips: list[Clip], noises: list[Clip]) -> None:
    exposure = Exposure.to(mixtures(clips[:3], noises[:2]), "here")
    test = mixtures(clips[3:], noises[1:3])
    told = [
        (breach.what, breach.sides, breach.names)
        for breach in exposure.breaches("RUN", Side("test", test.clips, "here"), Side.noise("test noise", test))
    ]
    sides = "what RUN has learnt from", "test"
    heard = str(noises[1].audio.path)  # type: ignore[attr-defined]
    assert told == [("speaker", sides, ("s1",)), ("noise recording", (sides[0], "test noise"), (heard,))]
    again = Side("test", clips[2:3], "there")
    assert [breach.what for breach in exposure.breaches("RUN", again, None)] == ["recording"]
    assert list(exposure.breaches("RUN", Side("test", test.clips, "here"), None, speakers=False)) == []
    assert list(Exposure().breaches("RUN", again, Side.noise("test noise", test))) == []


def test_together_and_apart(clips: list[Clip], noises: list[Clip]) -> None:
    one, other = (Exposure.to(mixtures(part, noises), "here") for part in (clips[:2], clips[2:]))
    both = together([one, other])
    assert both == one | other
    assert both - one == Exposure(other.speakers, other.recordings)
    assert together([]) == Exposure()
    assert set(prints(Side("", clips, "here"))) == both.recordings
