from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from sefront.core.clips import SPLITS, Task
from sefront.core.errors import BadOptionError, SefrontError, UnknownNameError
from sefront.core.parameters import build
from sefront.corpora.iemocap import IEMOCAP

CODES = ("ang", "exc", "fru", "hap", "neu", "sad", "xxx")
TEN = [f"{session}{gender}" for session in range(1, 6) for gender in "FM"]


def rate(session: int, dialogue: str, root: Path, codes: tuple[str, ...] = CODES) -> list[str]:
    """An evaluation file with an utterance of each speaker in each emotion, and the names of the utterances."""
    names = {f"{dialogue}_{gender}{i:03}": code for gender in "FM" for i, code in enumerate(codes)}
    folder = root / f"Session{session}" / "dialog" / "EmoEvaluation"
    folder.mkdir(parents=True, exist_ok=True)
    votes = "C-E2:\tNeutral;\t()\nA-E3:\tval 3; act 2; dom  2;\t()\n\n"
    lines = [f"[6.2901 - 8.2357]\t{name}\t{code}\t[2.5000, 2.5000, 2.5000]\n{votes}" for name, code in names.items()]
    head = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
    (folder / f"{dialogue}.txt").write_text(head + "".join(lines))
    return list(names)


def make(root: Path, sessions: tuple[int, ...] = (1, 2, 3, 4, 5), suffix: str = ".wav") -> Path:
    """An improvised and a scripted dialogue of each session."""
    for session in sessions:
        for dialogue in (f"Ses0{session}F_impro01", f"Ses0{session}M_script01_1b"):
            folder = root / f"Session{session}" / "sentences" / "wav" / dialogue
            folder.mkdir(parents=True)
            for name in rate(session, dialogue, root):
                soundfile.write(folder / f"{name}{suffix}", np.full(160, 0.1), 16000)
        folder = root / f"Session{session}" / "dialog" / "wav"
        folder.mkdir()
        soundfile.write(folder / f"Ses0{session}F_impro01.wav", np.full(160, 0.1), 16000)
    return root


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All five sessions, for tests that change nothing."""
    return make(tmp_path_factory.mktemp("iemocap"))


def speakers(corpus: IEMOCAP) -> list[list[str | None]]:
    return [sorted({clip.speaker for clip in corpus.clips(split)}) for split in SPLITS]


def without(*names: str) -> list[str]:
    return [name for name in TEN if name not in names]


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_evaluations_say_the_emotion_and_names_who_speaks(tmp_path: Path, suffix: str) -> None:
    corpus = IEMOCAP(make(tmp_path, (5,), suffix))
    found = {clip.id: (clip.target, clip.speaker, clip.session) for clip in corpus.clips("test")}
    assert found == {
        f"{dialogue}_M00{i}": (label, "5M", "5")
        for dialogue in ("Ses05F_impro01", "Ses05M_script01_1b")
        for i, label in ((0, "angry"), (1, "happy"), (3, "happy"), (4, "neutral"), (5, "sad"))
    }
    assert corpus.task() == Task("classification", ("angry", "happy", "neutral", "sad"), "uar")
    assert corpus.role() == "speech"
    assert corpus.splits_of_its_own()
    assert corpus.problems() == []


@pytest.mark.parametrize(("options", "expected", "count"), [
    ({}, [without("5F", "5M"), ["5F"], ["5M"]], 5531),
    ({"test": ("3F",)}, [without("3F", "3M"), ["3M"], ["3F"]], 5531),
    ({"test": ("1M",), "valid": ("2",)}, [without("1M", "2F", "2M"), ["2F", "2M"], ["1M"]], 5531),
    ({"valid": ("5M",)}, [without("5F", "5M"), ["5M"], ["5F"]], 5531),
    ({"train": ("1", "2F")}, [["1F", "1M", "2F"], ["5F"], ["5M"]], 5531),
    ({"protocol": "zhong"}, [without("4M", "5F", "5M"), ["4M"], ["5F", "5M"]], 2280),
    ({"protocol": "zhong", "test": ("1",)}, [without("1F", "1M", "5M"), ["5M"], ["1F", "1M"]], 2280),
    ({"protocol": "zhou"}, [without("3F", "3M"), ["3M"], ["3F"]], 2280),
    ({"excited": False}, [without("5F", "5M"), ["5F"], ["5M"]], 4490),
    ({"protocol": "zhong", "excited": True}, [without("4M", "5F", "5M"), ["4M"], ["5F", "5M"]], None),
])  # fmt: skip
def test_protocols(whole: Path, options: dict[str, Any], expected: list[list[str]], count: int | None) -> None:
    corpus = IEMOCAP(whole, **options)
    assert speakers(corpus) == expected
    assert corpus.card().clips == count


@pytest.mark.parametrize(("options", "kinds", "happy"), [
    ({}, {"impro", "script"}, {"001", "003"}),
    ({"improvised": True}, {"impro"}, {"001", "003"}),
    ({"excited": False}, {"impro", "script"}, {"003"}),
    ({"protocol": "zhong"}, {"impro"}, {"003"}),
    ({"protocol": "zhou"}, {"impro"}, {"003"}),
    ({"protocol": "zhou", "improvised": False, "excited": True}, {"impro", "script"}, {"001", "003"}),
])  # fmt: skip
def test_what_is_taken(whole: Path, options: dict[str, Any], kinds: set[str], happy: set[str]) -> None:
    corpus = IEMOCAP(whole, **options)
    clips = [clip for split in SPLITS for clip in corpus.clips(split)]
    assert {kind for kind in ("impro", "script") for clip in clips if kind in clip.id} == kinds
    assert {clip.id[-3:] for clip in clips if clip.target == "happy"} == happy


def test_options_from_the_command_line(whole: Path) -> None:
    options = {"protocol": "zhong", "improvised": "false", "test": "1,2F"}
    corpus = build(IEMOCAP, whole, options=options, owner="iemocap")
    assert speakers(corpus) == [without("1F", "1M", "2F", "2M"), ["2M"], ["1F", "1M", "2F"]]
    assert any("script" in clip.id for clip in corpus.clips("train"))


def test_a_part_of_the_corpus(tmp_path: Path) -> None:
    assert speakers(IEMOCAP(make(tmp_path, (2, 3)))) == [["2F", "2M"], ["3F"], ["3M"]]


def test_an_unknown_speaker(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"iemocap at .* has no speaker '6F'.*\(it has: 1F, 1M\)"):
        IEMOCAP(make(tmp_path, (1,)), test=("6F",))


def test_a_speaker_in_two_splits(tmp_path: Path) -> None:
    with pytest.raises(BadOptionError, match="speaker '1F' is in both train and test; give it to one"):
        IEMOCAP(make(tmp_path, (1,)), train=("1",), test=("1F",))


def test_wrong_roots(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r"no such folder; expected Session1/dialog/EmoEvaluation"):
        IEMOCAP(tmp_path / "nowhere")
    with pytest.raises(SefrontError, match="no folder Session1 to Session5; expected Session1"):
        IEMOCAP(tmp_path)
    (tmp_path / "Session2").mkdir()
    with pytest.raises(SefrontError, match="EmoEvaluation: no evaluation files there; expected Session1"):
        IEMOCAP(tmp_path)
    rate(2, "Ses02F_impro01", tmp_path)
    with pytest.raises(SefrontError, match="no utterance of the four classes has audio; expected Session1"):
        IEMOCAP(tmp_path)


def test_a_line_of_another_form(tmp_path: Path) -> None:
    path = make(tmp_path, (1,)) / "Session1" / "dialog" / "EmoEvaluation" / "Ses01F_impro02.txt"
    path.write_text("\n[6.2901 - 8.2357]\tSes01F_F000\tneu\n")
    with pytest.raises(
        SefrontError, match=r"impro02\.txt, line 2: '.*' is not of the form \[TIMES\] UTTERANCE EMOTION"
    ):
        IEMOCAP(tmp_path)


def test_problems(tmp_path: Path) -> None:
    folder = make(tmp_path, (1, 2)) / "Session1" / "sentences" / "wav" / "Ses01F_impro01"
    (folder / "Ses01F_impro01_F000.wav").unlink()
    (folder / "Ses01F_impro01_F001.wav").unlink()
    (folder / "Ses01F_impro01_F002.wav").unlink()
    (folder / "Ses01F_impro01_F004.wav").write_bytes(b"")
    assert IEMOCAP(tmp_path).problems() == [
        f"{folder / 'Ses01F_impro01_F004.wav'}: the file is empty (0 bytes)",
        f"{tmp_path}: 2 of 40 rated utterances have no audio (first: Ses01F_impro01_F000)",
    ]


def test_the_card_names_source_licence_and_layout(tmp_path: Path) -> None:
    card = IEMOCAP(make(tmp_path, (1,))).card()
    assert "doi:10.1007/s10579-008-9076-6" in card.citation
    assert "on request" in card.licence
    assert "EmoEvaluation" in card.layout
    assert card.apart == ("speaker", "recording")


def test_the_card_is_had_without_the_audio() -> None:
    assert object.__new__(IEMOCAP).card().clips == 5531
