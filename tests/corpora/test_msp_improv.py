from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from sefront.core.clips import SPLITS, Task
from sefront.core.errors import SefrontError, UnknownNameError
from sefront.corpora.msp_improv import MSPImprov

TWELVE = [f"{session}{gender}" for session in range(1, 7) for gender in "FM"]


def make(
    root: Path, sessions: int = 6, codes: str = "AHNSOX", suffix: str = ".wav", listed: str = "Evaluation"
) -> Path:
    """A clip of every speaker that is heard as each of the codes; O and X stand for others and for no agreement."""
    lines = []
    for session in range(1, sessions + 1):
        folder = root / "Audio" / f"session{session}" / "S01A" / "P"
        folder.mkdir(parents=True)
        for gender in "FM":
            for turn, code in enumerate(codes, 1):
                name = f"S01A-{gender}{session:02}-P-FM{turn:02}"
                soundfile.write(folder / f"MSP-IMPROV-{name}{suffix}", np.full(160, 0.1), 16000)
                lines.append(f"UTD-IMPROV-{name}.avi; {code}; A:3.000000; V:3.500000; D:NaN ; N:4.000000;\n")
                lines.append("PP1_1; Neutral; Neutral,; A:3.0; V:3.0; D:3.0; N:4.0;\n\n")
    (root / f"{listed}.txt").write_text("".join(lines))
    return root


def speakers(corpus: MSPImprov) -> list[list[str | None]]:
    return [sorted({clip.speaker for clip in corpus.clips(split)}) for split in SPLITS]


@pytest.mark.parametrize(("suffix", "listed"), [(".wav", "Evaluation"), (".flac", "Evalution")])
def test_the_evaluation_says_the_emotion_and_names_who_speaks(tmp_path: Path, suffix: str, listed: str) -> None:
    corpus = MSPImprov(make(tmp_path, suffix=suffix, listed=listed))
    assert {clip.id: (clip.target, clip.speaker, clip.session) for clip in corpus.clips("test")} == {
        "MSP-IMPROV-S01A-M06-P-FM01": ("angry", "6M", "6"),
        "MSP-IMPROV-S01A-M06-P-FM02": ("happy", "6M", "6"),
        "MSP-IMPROV-S01A-M06-P-FM03": ("neutral", "6M", "6"),
        "MSP-IMPROV-S01A-M06-P-FM04": ("sad", "6M", "6"),
    }
    assert corpus.task() == Task("classification", ("angry", "happy", "neutral", "sad"), "uar")
    assert corpus.role() == "speech"
    assert corpus.splits_of_its_own()
    assert corpus.problems() == []


@pytest.mark.parametrize(("test", "valid", "tested"), [
    ((), ["6F"], ["6M"]), (("2F",), ["2M"], ["2F"]), (("3",), ["6M"], ["3F", "3M"]),
])  # fmt: skip
def test_folds(tmp_path: Path, test: tuple[str, ...], valid: list[str], tested: list[str]) -> None:
    corpus = MSPImprov(make(tmp_path, codes="A"), test=test)
    assert speakers(corpus) == [[name for name in TWELVE if name not in (*valid, *tested)], valid, tested]


def test_an_unknown_speaker(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"msp_improv at .* has no speaker 'F01'.*\(it has: 1F, 1M\)"):
        MSPImprov(make(tmp_path, 1), test=("F01",))


def test_wrong_roots(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r"no such folder; expected Evaluation\.txt and session1"):
        MSPImprov(tmp_path / "nowhere")
    with pytest.raises(SefrontError, match=r"Evaluation\.txt: no such file; expected Evaluation\.txt and session1"):
        MSPImprov(tmp_path)
    with pytest.raises(SefrontError, match="no clip of the four classes has audio; expected Evaluation"):
        MSPImprov(make(tmp_path, 1, codes="OX"))


def test_a_line_of_another_form(tmp_path: Path) -> None:
    (make(tmp_path, 1) / "Evaluation.txt").write_text("\nUTD-IMPROV-S01A-F01.avi; N;\n")
    with pytest.raises(SefrontError, match=r"Evaluation\.txt, line 2: '.*' is not of the form CLIP\.avi; EMOTION"):
        MSPImprov(tmp_path)


def test_problems(tmp_path: Path) -> None:
    folder = make(tmp_path, 2) / "Audio" / "session1" / "S01A" / "P"
    (folder / "MSP-IMPROV-S01A-F01-P-FM01.wav").unlink()
    (folder / "MSP-IMPROV-S01A-F01-P-FM05.wav").unlink()
    (folder / "MSP-IMPROV-S01A-F01-P-FM02.wav").write_bytes(b"")
    (folder / "MSP-IMPROV-S01A-F01-P-FM77.wav").write_bytes(b"")
    assert MSPImprov(tmp_path).problems() == [
        f"{folder / 'MSP-IMPROV-S01A-F01-P-FM02.wav'}: the file is empty (0 bytes)",
        "MSP-IMPROV-S01A-F01-P-FM77: not in the evaluation file, left out",
        f"{tmp_path}: 1 of 16 rated clips have no audio (first: MSP-IMPROV-S01A-F01-P-FM01)",
    ]


def test_the_card_names_source_licence_and_count(tmp_path: Path) -> None:
    card = MSPImprov(make(tmp_path, 1)).card()
    assert "doi:10.1109/TAFFC.2016.2515617" in card.citation
    assert "on request" in card.licence
    assert card.clips == 7798
