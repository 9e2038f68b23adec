from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from sefront.core.checking import check
from sefront.core.clips import SPLITS, Task, Tracing
from sefront.core.errors import BadOptionError, DamagedAudioError, SefrontError, UnknownNameError
from sefront.core.parameters import build
from sefront.corpora.recola import Recola, column
from sefront.testing import check_corpus

FRAMES = 26  # of a second
HEADER = "@relation gold\n\n@attribute Instance_name string\n@attribute frameTime numeric\n"
ARFF = HEADER + "@attribute GoldStandard numeric\n@data\n"
NAMES = tuple(f"{part}_{n}" for part in ("train", "dev") for n in range(1, 5))


def line(name: str, frame: int, value: float, mark: str = ",") -> str:
    return mark.join([name, f"{0.04 * frame:.2f}", f"{value:.4f}"])


def rate(root: Path, name: str, dimension: str, values: Sequence[float], suffix: str = ".arff") -> Path:
    """The gold standard of a recording in one dimension."""
    path = root / "ratings_gold_standard" / dimension / f"{name}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    mark, head = (";", "name;time;gold\n") if suffix == ".csv" else (",", ARFF)
    path.write_text(head + "".join(line(name, i, value, mark) + "\n" for i, value in enumerate(values)))
    return path


def record(root: Path, name: str, seconds: float = 1.0) -> Path:
    path = root / "recordings_audio" / f"{name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(round(16000 * seconds)), 16000)
    return path


def make(root: Path, names: Sequence[str] = NAMES, silent: Sequence[str] = (), suffix: str = ".arff") -> Path:
    """Recordings of a second with labels, and `silent` ones without, as test is given out."""
    for name in (*names, *silent):
        record(root, name)
    for name in names:
        rate(root, name, "arousal", np.linspace(0, 1, FRAMES), suffix)
        rate(root, name, "valence", np.linspace(0.5, -0.5, FRAMES), suffix)
    return root


def splits(corpus: Recola) -> list[list[str]]:
    return [[clip.id for clip in corpus.clips(split)] for split in SPLITS]


@pytest.mark.parametrize("suffix", [".arff", ".csv"])
def test_traces_are_read_when_they_are_needed(tmp_path: Path, suffix: str) -> None:
    corpus = Recola(make(tmp_path, suffix=suffix))
    clip = corpus.clips("train")[0]
    assert (clip.id, clip.speaker) == ("train_1", "train_1")
    assert isinstance(clip.target, Tracing)
    trace = clip.target.values()
    assert (trace.dtype, trace.shape) == (np.float32, (FRAMES, 2))
    np.testing.assert_allclose(trace[:, 0], np.linspace(0, 1, FRAMES), atol=1e-4)
    np.testing.assert_allclose(trace[:, 1], np.linspace(0.5, -0.5, FRAMES), atol=1e-4)
    rate(tmp_path, "train_1", "arousal", [0.25] * 30, suffix)
    rate(tmp_path, "train_1", "valence", [0.75] * 30, suffix)
    np.testing.assert_allclose(clip.target.values(), [[0.25, 0.75]] * 30)
    assert clip.audio.read(16000).shape == (16000,)


@pytest.mark.parametrize(("dimension", "labels"), [
    ("both", ("arousal", "valence")), ("arousal", ("arousal",)), ("valence", ("valence",)),
])  # fmt: skip
def test_one_dimension_or_both(tmp_path: Path, dimension: Any, labels: tuple[str, ...]) -> None:
    corpus = Recola(make(tmp_path), dimension=dimension)
    assert corpus.task() == Task("trace", labels, "ccc", frame_rate=25.0)
    target = corpus.clips("valid")[0].target
    assert isinstance(target, Tracing)
    assert target.values().shape == (FRAMES, len(labels))
    assert target.values()[0].tolist() == [{"arousal": 0.0, "valence": 0.5}[label] for label in labels]
    assert corpus.role() == "speech"
    assert corpus.splits_of_its_own()
    assert corpus.problems() == []


def test_labels_of_one_dimension_suffice_for_it(tmp_path: Path) -> None:
    record(tmp_path, "train_1")
    rate(tmp_path, "train_1", "arousal", [0.0] * FRAMES)
    assert splits(Recola(tmp_path, dimension="arousal")) == [["train_1"], [], []]


TRAIN = ["train_1", "train_2", "train_3", "train_4"]


@pytest.mark.parametrize(("options", "expected"), [
    ({}, [TRAIN, ["dev_1", "dev_3"], ["dev_2", "dev_4"]]),
    ({"valid": ("dev_1", "dev_2", "dev_3")}, [TRAIN, ["dev_1", "dev_2", "dev_3"], ["dev_4"]]),
    ({"test": ("dev_1",)}, [TRAIN, ["dev_2", "dev_3", "dev_4"], ["dev_1"]]),
    ({"train": ("train_1",), "test": ("train_2",)}, [["train_1"], ["dev_1", "dev_2", "dev_3", "dev_4"], ["train_2"]]),
])  # fmt: skip
def test_dev_is_divided_where_test_has_no_labels(
    tmp_path: Path, options: dict[str, tuple[str, ...]], expected: list[list[str]]
) -> None:
    corpus = Recola(make(tmp_path, silent=("test_1", "test_2")), **options)  # type: ignore[arg-type]
    assert splits(corpus) == expected
    assert corpus.problems() == []


def test_test_is_for_test_where_it_has_labels(tmp_path: Path) -> None:
    corpus = Recola(make(tmp_path, (*NAMES, "test_1", "test_2")))
    assert splits(corpus) == [TRAIN, ["dev_1", "dev_2", "dev_3", "dev_4"], ["test_1", "test_2"]]


def test_recordings_stand_by_number(tmp_path: Path) -> None:
    corpus = Recola(make(tmp_path, ("train_10", "train_2", "train_1", "dev_1", "dev_2")))
    assert splits(corpus)[0] == ["train_1", "train_2", "train_10"]


def test_files_of_whole_parts_do_not_count(tmp_path: Path) -> None:
    make(tmp_path)
    rate(tmp_path, "train_all", "arousal", [0.0] * 4)
    corpus = Recola(tmp_path)
    assert splits(corpus)[0] == TRAIN
    assert corpus.problems() == []


def test_options_from_the_command_line(tmp_path: Path) -> None:
    corpus = build(Recola, make(tmp_path), options={"test": "dev_3,dev_4", "dimension": "valence"}, owner="recola")
    assert splits(corpus) == [TRAIN, ["dev_1", "dev_2"], ["dev_3", "dev_4"]]


@pytest.mark.parametrize(("options", "error", "message"), [
    ({"test": ("dev_9",)}, UnknownNameError, "recola at .* has no recording 'dev_9'; did you mean 'dev_4'"),
    ({"train": ("dev_1",), "test": ("dev_1",)}, BadOptionError, "recording 'dev_1' is in both train and test"),
])  # fmt: skip
def test_wrong_recordings(
    tmp_path: Path, options: dict[str, tuple[str, ...]], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Recola(make(tmp_path), **options)  # type: ignore[arg-type]


def no_audio(root: Path) -> None:
    (root / "recordings_audio").rename(root / "elsewhere")


def no_dimension(root: Path) -> None:
    (root / "ratings_gold_standard" / "valence").rename(root / "elsewhere")


def no_labels(root: Path) -> None:
    for path in root.rglob("*.arff"):
        path.unlink()


@pytest.mark.parametrize(("damage", "message"), [
    (no_audio, "recordings_audio: no such folder; expected recordings_audio/dev_1.wav"),
    (no_dimension, "ratings_gold_standard/valence: no such folder; expected"),
    (no_labels, "no recording has labels; expected"),
])  # fmt: skip
def test_what_is_not_there(tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    root = make(tmp_path / "avec")
    damage(root)
    with pytest.raises(SefrontError, match=message) as caught:
        Recola(root)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("text", "message"), [
    ("", "holds no values"),
    (HEADER + "@data\n", "holds no values"),
    (ARFF + "train_1,0.00,0.1\ntrain_1,0.04,high\n", r"line 8: 'train_1,0.04,high' is not of the form NAME,TIME,VALUE"),
    (ARFF + "0.1\n", r"line 7: '0.1' is not of the form NAME,TIME,VALUE"),
    (ARFF + "train_1,0.00,0.1\ntrain_1,0.10,0.2\n", r"line 8: the time is 0.1 s, not 0.04 s; 40 ms a line"),
    (ARFF + "train_1,0.00,nan\n", r"line 7: the value nan is not finite"),
    (ARFF + "train_1,nan,0.1\n", r"line 7: the time is nan s, not 0 s"),
])  # fmt: skip
def test_labels_that_cannot_be_read(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "train_1.arff"
    path.write_text(text)
    with pytest.raises(DamagedAudioError, match=message) as caught:
        column(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_labels_as_other_programs_write_them(tmp_path: Path) -> None:
    path = tmp_path / "train_1.arff"
    path.write_bytes(
        b"% gold standard\r\n@RELATION x\r\n@ATTRIBUTE name STRING\r\n@DATA\r\n"
        b"'train_1',0.000000,-0.5\r\n\r\n'train_1',0.040000,1e-3\r\n"
    )
    assert column(path) == [-0.5, 0.001]


def test_labels_that_went_missing(tmp_path: Path) -> None:
    with pytest.raises(DamagedAudioError, match=r"train_1\.arff: not readable \(No such file or directory\)"):
        column(tmp_path / "train_1.arff")


def test_problems(tmp_path: Path) -> None:
    make(tmp_path, (*TRAIN, "dev_1", "dev_2"), silent=("dev_3", "test_1"))
    gold = tmp_path / "ratings_gold_standard"
    rate(tmp_path, "train_1", "valence", [0.0] * 20)
    (gold / "arousal" / "train_2.arff").write_text(ARFF + "train_2,0.00,\n")
    record(tmp_path, "train_3", 4.0)
    (tmp_path / "recordings_audio" / "train_4.wav").write_bytes(b"")
    record(tmp_path, "hello")
    rate(tmp_path, "dev_7", "arousal", [0.0])
    corpus = Recola(tmp_path)
    assert corpus.problems() == [
        f"{tmp_path / 'recordings_audio' / 'train_4.wav'}: the file is empty (0 bytes)",
        f"{gold / 'valence' / 'train_1.arff'}: holds 20 frames, but {gold / 'arousal' / 'train_1.arff'} 26",
        f"{gold / 'arousal' / 'train_2.arff'}, line 7: 'train_2,0.00,' is not of the form NAME,TIME,VALUE",
        "dev_3: labels are missing in ratings_gold_standard, left out",
        "dev_7: has labels, but no audio in recordings_audio",
        "hello: not named like the challenge's files, left out",
    ]
    audio = tmp_path / "recordings_audio" / "train_3.wav"
    told = [str(finding) for finding in check(corpus).problems]
    assert len(told) == len(set(told))
    length = f"{audio}: its trace lasts 1.04 s at 25 Hz, but its audio 4.00 s; check rate and labels, or leave it out"
    assert length in told


def test_a_split_without_recordings_is_a_problem(tmp_path: Path) -> None:
    corpus = Recola(make(tmp_path, ("train_1", "dev_1")))
    assert corpus.problems() == [f"{tmp_path}: no recording for test"]


def test_contract(tmp_path: Path) -> None:
    check_corpus(Recola, make(tmp_path, silent=("test_1",)))


def test_the_card_names_source_and_licence(tmp_path: Path) -> None:
    card = Recola(make(tmp_path)).card()
    assert "doi:10.1109/FG.2013.6553805" in card.citation
    assert "doi:10.1145/2988257.2988258" in card.citation
    assert "on request" in card.licence
    assert "speaker" in card.apart
