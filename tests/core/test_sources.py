"""From what a user names to clips that can be mixed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from recordings import RATE, TASK, clip, hiss, noise_folder, speech_folder, voices

from sefront.core.audio import AudioFile
from sefront.core.clips import SPLITS, Clip, Split, Task
from sefront.core.damages import Damages
from sefront.core.data import Reader
from sefront.core.errors import DamagedAudioError, SefrontError, UnknownNameError
from sefront.core.sources import Noise, Source, located, measured, noises, opened, pieces, type_of
from sefront.core.sources import test_noises as noises_of_the_test
from sefront.plugins import Catalogue

CORPORA = Catalogue.installed().corpora


class Noises:
    """A noise corpus with or without splits of its own, a clip in each."""

    def __init__(self, own: bool) -> None:
        self.own = own

    def splits_of_its_own(self) -> bool:
        return self.own

    def role(self) -> str:
        return "noise"

    def clips(self, split: Split) -> Sequence[Clip]:
        return [clip(split, hiss(100), "hiss")]


def ids(found: Sequence[Clip]) -> list[str]:
    return [each.id for each in found]


@pytest.mark.parametrize("spec", ["toy", "toy:"])
def test_a_name(spec: str) -> None:
    assert located(spec, CORPORA) == ("toy", None)


def test_a_name_with_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert located("emodb:some where", CORPORA) == ("emodb", tmp_path / "some where")


def test_a_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "my audio").mkdir()
    assert located("~/my audio", CORPORA) == ("folder", tmp_path / "my audio")
    assert located("emodb:~/x", CORPORA) == ("emodb", tmp_path / "x")


def test_a_folder_and_a_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a:b.csv").touch()
    (tmp_path / "clips").mkdir()
    monkeypatch.chdir(tmp_path)
    assert located("clips", CORPORA) == ("folder", tmp_path / "clips")
    assert located("a:b.csv", CORPORA) == ("manifest", tmp_path / "a:b.csv")


@pytest.mark.parametrize("spec", ["no/where", "../nowhere", "clips.csv", "/no/where.jsonl"])
def test_a_missing_path(spec: str) -> None:
    with pytest.raises(SefrontError, match=f"^{spec}: no such file or folder$"):
        located(spec, CORPORA)


@pytest.mark.parametrize("spec", ["emobd", "emobd:/data/emodb", "emobd:clips.csv"])
def test_a_misspelt_name(spec: str) -> None:
    with pytest.raises(
        UnknownNameError, match=r"^there is no corpus 'emobd'; did you mean 'emodb'\? \(known: .*toy.*\)$"
    ):
        located(spec, CORPORA)


def test_a_corpus_without_its_root() -> None:
    with pytest.raises(SefrontError, match=r"^corpus 'emodb' has to be told where its audio is: emodb:PATH$"):
        opened("emodb", None, CORPORA["emodb"], {})


def test_an_unknown_option_of_a_corpus() -> None:
    with pytest.raises(SefrontError, match=r"^corpus 'toy' has no option 'speekers'; did you mean 'speakers'\?"):
        opened("toy", None, CORPORA["toy"], {"speekers": 3})


def test_an_option_of_a_corpus_out_of_range() -> None:
    with pytest.raises(SefrontError, match=r"^corpus 'toy': speakers must be 3 or more"):
        opened("toy", None, CORPORA["toy"], {"speakers": "2"})


@pytest.mark.parametrize(
    ("own", "split", "elsewhere", "expected"),
    [
        (True, "train", False, ["noise0/train"]),
        (True, "train", True, ["noise0/train"]),
        (False, "train", False, ["noise0/train"]),
        (False, "train", True, ["noise0/train", "noise0/test"]),
        (False, "valid", True, ["noise0/valid"]),
        (False, "test", False, ["noise0/test"]),
    ],
)
def test_noise_of_a_split(own: bool, split: Split, elsewhere: bool, expected: list[str]) -> None:
    assert ids(noises([Noise("x", Noises(own))], split, elsewhere)) == expected  # type: ignore[arg-type]


def test_test_noise_is_a_test_split_or_everything() -> None:
    found = [Noise("x", Noises(own)) for own in (True, False)]  # type: ignore[arg-type]
    assert ids(noises_of_the_test(found)) == ["noise0/test", "noise1/train", "noise1/valid", "noise1/test"]


def test_noise_of_a_plain_folder_is_split_by_recording(tmp_path: Path) -> None:
    corpus = Noise("n", opened("folder", noise_folder(tmp_path / "n", each=6), CORPORA["folder"], {}))
    splits = {split: set(ids(noises([corpus], split, False))) for split in SPLITS}
    assert sum(map(len, splits.values())) == len(set.union(*splits.values())) == 12
    assert {each.target for each in noises([corpus], "train", False)} == {"hiss", "rumble"}


class Talk(Noises):
    """A speech corpus whose targets are transcripts and which may bring noise."""

    def role(self) -> str:
        return "speech"

    def clips(self, split: Split) -> Sequence[Clip]:
        return [clip(split, hiss(100), "RUBOUT G M E F")]


class WithNoise(Talk):
    """The same with noise of its own."""

    def noise_clips(self, split: Split) -> Sequence[Clip]:
        return [clip(split, hiss(100), "hum")]


@pytest.mark.parametrize(
    ("corpus", "intrudes", "expected"),
    [
        (Noises(True), False, "hiss"), (Talk(True), False, "talk"), (Talk(True), True, "talk"),
        (WithNoise(True), False, "hum"), (WithNoise(True), True, "talk"),
    ],
)  # fmt: skip
def test_speech_as_noise_is_one_type(corpus: Any, intrudes: bool, expected: str) -> None:
    (found,) = noises([Noise("talk", corpus, intrudes)], "train", False)
    assert (found.id, found.target) == ("noise0/train", expected)


@pytest.mark.parametrize(
    ("name", "root", "expected"),
    [
        ("toy", None, "toy"),
        ("an4", "/a/wav", "an4"),
        ("folder", "/a/my talk", "my talk"),
        ("manifest", "/b/c.csv", "c"),
    ],
)
def test_what_speech_is_called_as_noise(name: str, root: str | None, expected: str) -> None:
    assert type_of(name, Path(root) if root else None) == expected


def test_a_long_recording_is_read_in_pieces(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", np.arange(100 * 800, dtype=np.float32) / 80000, 800, subtype="FLOAT")
    whole = Clip("long", AudioFile(tmp_path / "long.wav", 5.0), "hiss")
    parts = pieces(whole, whole.audio.duration())
    assert [(part.id, part.audio.duration()) for part in parts] == [
        ("long@0", 30.0),
        ("long@30", 30.0),
        ("long@60", 30.0),
    ]
    assert parts[1].audio.read(800)[0] == pytest.approx(35 * 800 / 80000)
    assert {part.target for part in parts} == {"hiss"}


def test_short_and_synthetic_recordings_stay_whole(tmp_path: Path) -> None:
    file, sound = Clip("a", AudioFile(tmp_path / "a.wav")), clip("b", hiss(100))
    assert pieces(file, 59.0) == [file]
    assert pieces(sound, 3600.0) == [sound]


def test_a_header_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    speech_folder(tmp_path / "s", each=1)
    (tmp_path / "text.wav").write_text("no audio")
    soundfile.write(tmp_path / "none.wav", np.zeros(0, np.float32), RATE)
    paths = [tmp_path / "s" / "low" / "00.wav", tmp_path / "text.wav", tmp_path / "none.wav", tmp_path / "gone.wav"]
    damages = Damages()
    found = list(measured([Clip(path.name, AudioFile(path)) for path in paths], damages))
    assert [(each.id, seconds) for each, seconds in found] == [("00.wav", 0.5)]
    assert set(damages.reasons) == {"text.wav", "none.wav", "gone.wav"}
    assert damages.reasons["none.wav"] == "none.wav: holds no samples"
    assert damages.reasons["gone.wav"].endswith("gone.wav: no such file")


def source(task: Task | None = TASK, strict: bool = False) -> Source:
    return Source(Reader(RATE), Damages(strict), (0.0, 25.0), task)


def test_mixtures_of_a_source() -> None:
    found = source().mixtures("what", voices(4), [clip("n", hiss(500), "hiss")], 3)
    assert len(found) == 4
    assert list(found.durations) == [0.1] * 4
    assert found.seed == 3


def test_an_empty_split() -> None:
    with pytest.raises(SefrontError, match=r"^corpus 'x', test split: no usable clips \(of 0\); give that split some"):
        source().mixtures("corpus 'x', test split", [], [clip("n", hiss(500))], 0)


def test_no_usable_noise(tmp_path: Path) -> None:
    gone = Clip("gone", AudioFile(tmp_path / "gone.wav"))
    with pytest.raises(SefrontError, match=r"^x: no usable noise \(of 1 recordings\); name more with --noise$"):
        source().mixtures("x", voices(2), [gone], 0)
    with pytest.raises(DamagedAudioError, match=r"gone\.wav: no such file \(without --strict it would be left out\)"):
        source(strict=True).mixtures("x", voices(2), [gone], 0)


def test_a_label_that_is_not_trained() -> None:
    clips = [*voices(2), clip("odd", hiss(100), "loud"), clip("odder", hiss(100), "loud")]
    message = r"^x: label 'loud' \(2 clips, such as odd\) is not among those of the training data \(high, low\); leave"
    with pytest.raises(SefrontError, match=message):
        source().mixtures("x", clips, [clip("n", hiss(500))], 0)
    assert len(source(None).mixtures("x", clips, [clip("n", hiss(500))], 0)) == 4
