from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sefront.core.clips import SPLITS, Task
from sefront.core.errors import SefrontError
from sefront.core.parameters import build
from sefront.corpora.folder import Folder, stem


def make(root: Path, *names: str) -> Path:
    """Short recordings below `root`."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / name, np.full(160, 0.1, dtype=np.float32), 16000)
    return root


def classes(root: Path, each: int = 20) -> Path:
    return make(root, *(f"{label}/s{i % 5}_{i:02d}.wav" for label in ("yes", "no") for i in range(each)))


def ids(corpus: Folder, split: str) -> list[str]:
    return [clip.id for clip in corpus.clips(split)]


def test_loose_files_are_unlabelled_noise_named_by_their_stem(tmp_path: Path) -> None:
    corpus = Folder(make(tmp_path, *(f"{kind}_{i:02d}.wav" for kind in ("boiler", "gsc_silence") for i in range(10))))
    assert corpus.role() == "noise"
    assert corpus.task() is None
    assert not corpus.splits_of_its_own()
    counts = {split: Counter(clip.target for clip in corpus.noise_clips(split)) for split in SPLITS}
    assert counts["train"] == {"boiler": 6, "gsc_silence": 6}
    assert counts["valid"] == counts["test"] == {"boiler": 2, "gsc_silence": 2}
    assert corpus.problems() == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("boiler_03.wav", "boiler"),
        ("gsc_silence_0002.flac", "gsc_silence"),
        ("fan-1.wav", "fan"),
        ("007.wav", "007"),
        ("kitchen.wav", "kitchen"),
    ],
)
def test_noise_type_of_a_loose_file(name: str, kind: str) -> None:
    assert stem(Path(name)) == kind


def test_class_folders_are_a_task_split_evenly(tmp_path: Path) -> None:
    corpus = Folder(classes(tmp_path))
    assert corpus.role() == "speech"
    assert corpus.task() == Task("classification", ("no", "yes"), "uar")
    sizes = {split: Counter(clip.target for clip in corpus.clips(split)) for split in SPLITS}
    assert sizes == {"train": {"no": 14, "yes": 14}, "valid": {"no": 3, "yes": 3}, "test": {"no": 3, "yes": 3}}
    assert len({clip.id for split in SPLITS for clip in corpus.clips(split)}) == 40
    assert corpus.card().apart == ("recording",)


def test_the_drawn_split_is_the_same_every_time(tmp_path: Path) -> None:
    first, second = Folder(classes(tmp_path)), Folder(tmp_path)
    assert all(ids(first, split) == ids(second, split) for split in SPLITS)


@pytest.mark.parametrize(("role", "wanted"), [("scene", "scene"), ("speech", "speech")])
def test_the_role_fixes_what_must_survive(tmp_path: Path, role: str, wanted: str) -> None:
    corpus = build(Folder, classes(tmp_path), options={"role": role, "metric": "accuracy"}, owner="folder")
    assert corpus.role() == role
    assert corpus.task() == Task("classification", ("no", "yes"), "accuracy", wanted)


def test_class_folders_called_noise_have_types_and_no_task(tmp_path: Path) -> None:
    corpus = Folder(classes(tmp_path), role="noise")
    assert corpus.task() is None
    assert {clip.target for clip in corpus.clips("train")} == {"no", "yes"}


def test_a_labelled_folder_offers_its_folders_as_noise_types(tmp_path: Path) -> None:
    assert {clip.target for clip in Folder(classes(tmp_path)).noise_clips("test")} == {"no", "yes"}


def test_a_pattern_makes_the_split_speaker_disjoint(tmp_path: Path) -> None:
    corpus = Folder(classes(tmp_path), speaker=r"/(s\d)_")
    speakers = [{clip.speaker for clip in corpus.clips(split)} for split in SPLITS]
    assert [len(names) for names in speakers] == [3, 1, 1]
    assert set.union(*speakers) == {f"s{i}" for i in range(5)}
    assert corpus.card().apart == ("speaker", "recording")
    assert corpus.problems() == []


@pytest.mark.parametrize(
    "names", [("train", "valid", "test"), ("training", "dev", "testing"), ("Train", "val", "Test")]
)
def test_split_folders_are_the_splits(tmp_path: Path, names: tuple[str, str, str]) -> None:
    corpus = Folder(make(tmp_path, *(f"{name}/{label}/a.wav" for name in names for label in ("x", "y"))))
    assert corpus.splits_of_its_own()
    assert corpus.task() == Task("classification", ("x", "y"), "uar")
    assert [ids(corpus, split) for split in SPLITS] == [[f"{name}/x/a.wav", f"{name}/y/a.wav"] for name in names]


def test_a_missing_validation_folder_is_drawn_out_of_train(tmp_path: Path) -> None:
    corpus = Folder(make(tmp_path, *(f"train/a_{i}.wav" for i in range(20)), "test/b_0.wav"))
    assert [len(corpus.clips(split)) for split in SPLITS] == [17, 3, 1]
    assert all(name.startswith("train/") for name in ids(corpus, "valid"))


def test_test_only_has_its_own_labels(tmp_path: Path) -> None:
    corpus = Folder(make(tmp_path, "test/x/a.wav", "test/y/a.wav"))
    assert corpus.task() == Task("classification", ("x", "y"), "uar")
    assert [len(corpus.clips(split)) for split in SPLITS] == [0, 0, 2]


def test_a_class_called_train_is_a_class(tmp_path: Path) -> None:
    corpus = Folder(make(tmp_path, "train/a.wav", "aeroplane/a.wav"))
    assert corpus.task() == Task("classification", ("aeroplane", "train"), "uar")
    assert not corpus.splits_of_its_own()


def test_few_recordings_of_many_noise_types_still_validate(tmp_path: Path) -> None:
    corpus = Folder(make(tmp_path, "fan.wav", "rain.wav", "car.wav", "dog.wav"))
    assert [len(corpus.noise_clips(split)) for split in SPLITS] == [2, 1, 1]


@pytest.mark.parametrize(("count", "sizes"), [(1, [1, 0, 0]), (2, [1, 1, 0]), (3, [1, 1, 1])])
def test_the_smallest_classes_train_first(tmp_path: Path, count: int, sizes: list[int]) -> None:
    corpus = Folder(make(tmp_path, *(f"{label}/{i}.wav" for label in ("x", "y") for i in range(count))))
    assert [len(corpus.clips(split)) for split in SPLITS] == [2 * size for size in sizes]


def test_building_reads_no_audio(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("no audio")
    corpus = Folder(tmp_path)
    assert corpus.problems() == [f"{tmp_path / 'a.wav'}: not readable as audio (Format not recognised)"]


def test_problems_names_speakers_in_two_splits(tmp_path: Path) -> None:
    corpus = Folder(make(tmp_path, "train/s1_a.wav", "test/s1_b.wav", "valid/s2_a.wav"), speaker=r"(s\d)")
    assert corpus.problems() == ["speaker s1 is in train and test"]
    assert corpus.card().apart == ("recording",)


def test_problems_names_files_without_a_speaker_and_loose_ones(tmp_path: Path) -> None:
    corpus = Folder(make(tmp_path, "x/s1_a.wav", "y/s2_a.wav", "z.wav"), speaker=r"(s\d)", role="speech")
    assert corpus.task() is None
    loose, nameless = corpus.problems()
    assert loose.endswith("loose files such as z.wav beside folders: no classes taken")
    assert nameless == "z.wav: the speaker pattern does not match"


def test_a_missing_root(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r"nowhere: no such folder; expected a folder of audio"):
        Folder(tmp_path / "nowhere")


def test_a_file_as_root(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r"a\.wav: is a file, not a folder"):
        Folder(make(tmp_path, "a.wav") / "a.wav")


def test_a_folder_without_audio(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(SefrontError, match=r"no audio files there \(.*\.wav.*\); expected"):
        Folder(tmp_path)


def test_split_folders_beside_others(tmp_path: Path) -> None:
    with pytest.raises(
        SefrontError, match="holds test, train beside extra; expected either split folders only or none"
    ):
        Folder(make(tmp_path, "train/a.wav", "test/a.wav", "extra/a.wav"))


def test_a_class_that_is_never_trained(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r"label 'z' appears in test \(1 clips\) but never in train"):
        Folder(make(tmp_path, "train/x/a.wav", "train/y/a.wav", "test/x/a.wav", "test/z/a.wav"))


def test_a_pattern_that_matches_nothing(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r"speaker pattern 'spk\(.\)' matches none of the paths, such as 'a\.wav'"):
        Folder(make(tmp_path, "a.wav"), speaker="spk(.)")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"valid": 0.6, "test": 0.5}, r"valid \(0\.6\) and test \(0\.5\) must be shares"),
        ({"valid": -0.1}, "must be shares"),
        ({"test": float("nan")}, "must be shares"),
        ({"speaker": "("}, "is not a regular expression"),
        ({"speaker": "s."}, "needs a group in brackets"),
    ],
)
def test_options_out_of_range(tmp_path: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Folder(make(tmp_path, "a.wav"), **options)


def test_the_real_noise(real_data: Path) -> None:
    corpus = Folder(real_data / "noise")
    types = {split: {clip.target for clip in corpus.noise_clips(split)} for split in SPLITS}
    assert types["train"] == types["valid"] == {"boiler", "gsc_silence", "kitchen"}
    assert types["test"] == {"washing_machine"}
    assert corpus.splits_of_its_own()
    assert corpus.problems() == []
