from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sefront.core.clips import SPLITS, Task
from sefront.core.errors import SefrontError, UnknownNameError
from sefront.corpora.demos import EMOTIONS, DEMoS

SEVEN = ("anger", "disgust", "fear", "guilt", "happiness", "sadness", "surprise")


def make(root: Path, women: int = 10, men: int = 20, codes: tuple[str, ...] = tuple(EMOTIONS)) -> Path:
    """A clip of every emotion by every speaker; the first numbers are the women's."""
    (root / "DEMOS").mkdir(parents=True)
    for number in range(1, women + men + 1):
        gender = "f" if number <= women else "m"
        for code in codes:
            kind = "PR" if number % 2 else "NP"
            path = root / "DEMOS" / f"{kind}_{gender}_{number:02}_{code}01a.wav"
            soundfile.write(path, np.full(160, 0.1), 16000)
    return root


def speakers(corpus: DEMoS) -> list[list[str]]:
    return [sorted({str(clip.speaker) for clip in corpus.clips(split)}) for split in SPLITS]


def test_names_say_speaker_and_emotion(tmp_path: Path) -> None:
    corpus = DEMoS(make(tmp_path, 3, 3), test=("04",))
    assert {clip.id: (clip.speaker, clip.target) for clip in corpus.clips("test")} == {
        f"NP_m_04_{code}01a": ("04", emotion) for code, emotion in EMOTIONS.items()
    }
    assert corpus.task() == Task("classification", SEVEN, "uar")
    assert corpus.role() == "speech"
    assert corpus.splits_of_its_own()
    assert corpus.problems() == []


def test_a_fifth_of_the_speakers_of_each_gender_is_drawn_for_validation_and_test(tmp_path: Path) -> None:
    corpus = DEMoS(make(tmp_path, codes=("col",)))
    found = [Counter("f" if int(name) <= 10 else "m" for name in names) for names in speakers(corpus)]
    assert found == [{"f": 6, "m": 12}, {"f": 2, "m": 4}, {"f": 2, "m": 4}]
    assert speakers(DEMoS(tmp_path)) == speakers(corpus)


def test_the_draw_minds_the_classes(tmp_path: Path) -> None:
    make(tmp_path, 10, 10, codes=("col",))
    for number in range(1, 21, 4):
        gender = "f" if number <= 10 else "m"
        soundfile.write(tmp_path / "DEMOS" / f"PR_{gender}_{number:02}_gio01a.wav", np.full(160, 0.1), 16000)
    corpus = DEMoS(tmp_path)
    assert [Counter(str(clip.target) for clip in corpus.clips(split)) for split in SPLITS] == [
        {"guilt": 12, "happiness": 3}, {"guilt": 4, "happiness": 1}, {"guilt": 4, "happiness": 1},
    ]  # fmt: skip


def test_neutral_clips_are_left_out(tmp_path: Path) -> None:
    (make(tmp_path, 3, 3) / "NEU").mkdir()
    soundfile.write(tmp_path / "NEU" / "NP_f_01_neu01a.wav", np.full(160, 0.1), 16000)
    corpus = DEMoS(tmp_path)
    assert sum(len(corpus.clips(split)) for split in SPLITS) == 42
    assert corpus.problems() == []


def test_stated_speakers(tmp_path: Path) -> None:
    make(tmp_path, 2, 2, codes=("tri",))
    corpus = DEMoS(tmp_path, train=("01",), valid=("02",), test=("03",))
    assert speakers(corpus) == [["01"], ["02"], ["03"]]
    with pytest.raises(UnknownNameError, match=r"demos at .* has no speaker '70'"):
        DEMoS(tmp_path, test=("70",))


def test_wrong_roots(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r"no such folder; expected PR_GENDER_SPEAKER_EMOTION\.wav"):
        DEMoS(tmp_path / "nowhere")
    with pytest.raises(SefrontError, match="no file is named like the emotional ones of DEMoS; expected PR_"):
        DEMoS(make(tmp_path, 1, 0, codes=("neu",)))


def test_strange_and_damaged_files_are_problems(tmp_path: Path) -> None:
    make(tmp_path, 1, 1, codes=("tri",))
    for name in ("hello", "PR_f_01_xyz01a", "PR_f_01_rab01a"):
        (tmp_path / "DEMOS" / f"{name}.wav").touch()
    assert DEMoS(tmp_path).problems() == [
        f"{tmp_path / 'DEMOS' / 'PR_f_01_rab01a.wav'}: the file is empty (0 bytes)",
        "PR_f_01_xyz01a: not named like DEMoS's files, left out",
        "hello: not named like DEMoS's files, left out",
    ]


def test_the_card_names_source_licence_and_count(tmp_path: Path) -> None:
    card = DEMoS(make(tmp_path, 1, 1, codes=("tri",))).card()
    assert "doi:10.1007/s10579-019-09450-y" in card.citation
    assert "on request" in card.licence
    assert card.clips == 9365
