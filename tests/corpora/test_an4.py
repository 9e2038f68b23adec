from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from recordings import SMALL, noise_folder

from sefront.cli import main
from sefront.core.clips import SPLITS
from sefront.core.errors import BadOptionError, SefrontError, UnknownNameError
from sefront.core.parameters import build
from sefront.corpora.an4 import AN4, HELD_OUT

OTHERS = ("fkai", "mcen", "mdcs", "mewl")


def sound(path: Path, samples: int = 1600, form: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(samples), 16000, format=form)


def make(
    root: Path, speakers: tuple[str, ...] = OTHERS, test: tuple[str, ...] = (), suffix: str = ".flac", text: str = "GO"
) -> Path:
    """Two recordings by each speaker, with transcripts in the two forms of the original."""
    (root / "etc").mkdir(parents=True, exist_ok=True)
    form = "NIST" if suffix == ".sph" else None
    for part, folder, who, line in (
        ("train", "an4_clstk", speakers, "<s> {} </s> ({})\n"),
        ("test", "an4test_clstk", test, "{} ({})\n"),
    ):
        names = [(name, f"an{i}-{name}-b") for name in who for i in range(2)]
        for name, stem in names:
            sound(root / "wav" / folder / name / f"{stem}{suffix}", form=form)
        if names:
            lines = "".join(line.format(text, stem) for _, stem in names)
            (root / "etc" / f"an4_{part}.transcription").write_text(lines)
    return root


def speakers(corpus: AN4) -> list[list[str | None]]:
    return [sorted({clip.speaker for clip in corpus.clips(split)}) for split in SPLITS]


def add_line(root: Path, line: str) -> None:
    with (root / "etc" / "an4_train.transcription").open("a") as file:
        file.write(line + "\n")


@pytest.mark.parametrize("suffix", [".flac", ".wav", ".sph"])
def test_transcripts_become_targets(tmp_path: Path, suffix: str) -> None:
    corpus = AN4(make(tmp_path, ("fkai",), suffix=suffix, text="RUBOUT  G M 39 O'CLOCK"))
    assert [(clip.id, clip.target, clip.speaker) for clip in corpus.clips("train")] == [
        ("an0-fkai-b", "rubout g m o'clock", "fkai"),
        ("an1-fkai-b", "rubout g m o'clock", "fkai"),
    ]
    assert corpus.clips("train")[0].audio.read(16000).shape == (1600,)
    assert corpus.role() == "speech"
    assert corpus.splits_of_its_own()
    assert corpus.problems() == []


def test_the_alphabet_starts_with_the_blank(tmp_path: Path) -> None:
    task = AN4(make(tmp_path)).task()
    assert (task.kind, task.metric, len(task.labels)) == ("transcription", "wer", 29)
    assert task.labels[:3] + task.labels[-2:] == ("", " ", "a", "z", "'")


def test_speakers_of_the_test_transcripts_are_the_test_speakers(tmp_path: Path) -> None:
    corpus = AN4(make(tmp_path, (*OTHERS, *HELD_OUT), test=("fcaw", "marh")))
    assert speakers(corpus) == [list(OTHERS), list(HELD_OUT), ["fcaw", "marh"]]
    assert corpus.clips("test")[0].target == "go"
    assert corpus.problems() == []


def test_a_test_speaker_never_trains(tmp_path: Path) -> None:
    make(tmp_path, test=("fcaw",))
    sound(tmp_path / "wav" / "an4_clstk" / "fcaw" / "an9-fcaw-b.wav")
    add_line(tmp_path, "<s> GO </s> (an9-fcaw-b)")
    assert [clip.id for clip in AN4(tmp_path).clips("test")] == ["an9-fcaw-b", "an0-fcaw-b", "an1-fcaw-b"]


def test_without_test_transcripts_speakers_are_drawn(tmp_path: Path) -> None:
    make(tmp_path, (*OTHERS, *HELD_OUT))
    train, valid, test = speakers(AN4(tmp_path))
    assert valid == list(HELD_OUT)
    assert (len(train), len(test)) == (3, 1)
    assert sorted([*train, *test]) == list(OTHERS)
    assert speakers(AN4(tmp_path)) == [train, valid, test]


@pytest.mark.parametrize(
    ("options", "sizes"),
    [({}, [2, 1, 1]), ({"train": ("fkai",)}, [1, 1, 1]), ({"valid": ("fkai", "mcen")}, [1, 2, 1])],
)
def test_all_is_drawn_where_no_usual_speaker_is_there(
    tmp_path: Path, options: dict[str, tuple[str, ...]], sizes: list[int]
) -> None:
    corpus = AN4(make(tmp_path), **options)
    assert [len(found) for found in speakers(corpus)] == sizes
    for split, names in options.items():
        assert tuple(speakers(corpus)[SPLITS.index(split)]) == names  # type: ignore[arg-type]


def test_the_usual_speakers_alone_still_train(tmp_path: Path) -> None:
    assert [len(found) for found in speakers(AN4(make(tmp_path, HELD_OUT)))] == [6, 1, 1]


def test_speakers_from_the_command_line(tmp_path: Path) -> None:
    options = {"test": "mewl", "valid": "fkai,mcen"}
    corpus = build(AN4, make(tmp_path, (*OTHERS, "fash")), options=options, owner="an4")
    assert speakers(corpus) == [["fash", "mdcs"], ["fkai", "mcen"], ["mewl"]]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"test": ("mcem",)}, UnknownNameError, r"an4 at .* has no speaker 'mcem'; did you mean 'mcen'\?"),
        ({"train": ("mcen",), "test": ("mcen",)}, BadOptionError, "speaker 'mcen' is in both train and test"),
    ],
)
def test_wrong_speakers(
    tmp_path: Path, options: dict[str, tuple[str, ...]], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        AN4(make(tmp_path), **options)


def no_folder(root: Path) -> None:
    root.rename(root.with_name("elsewhere"))


def no_audio(root: Path) -> None:
    for path in root.rglob("*.flac"):
        path.unlink()


def no_transcripts(root: Path) -> None:
    (root / "etc" / "an4_train.transcription").unlink()


def others_transcripts(root: Path) -> None:
    (root / "etc" / "an4_train.transcription").write_text("<s> GO </s> (an7-nobody-b)\n")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (no_folder, r"an4: no such folder; expected wav/an4_clstk/SPEAKER/NAME\.sph"),
        (no_audio, r"wav: no audio files there; expected wav/an4_clstk"),
        (no_transcripts, r"an4_train\.transcription: no such file; expected wav/an4_clstk"),
        (others_transcripts, "no recording in wav has a transcript in etc; expected wav/an4_clstk"),
        (
            lambda root: add_line(root, "<s> GO </s>"),
            r"line 9: '<s> GO </s>' is not of the form <s> TEXT </s> \(NAME\)",
        ),
        (lambda root: add_line(root, "NO (an0-mcen-b)"), "line 9: an0-mcen-b has a transcript already"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, damage: Callable[[Path], Any], message: str) -> None:
    root = make(tmp_path / "an4")
    damage(root)
    with pytest.raises(SefrontError, match=message) as caught:
        AN4(root)
    assert "\n" not in str(caught.value)


def test_problems(tmp_path: Path) -> None:
    make(tmp_path, ("fkai", "mcen", "mdcs"))
    folder = tmp_path / "wav" / "an4_clstk"
    (folder / "mcen" / "an1-mcen-b.flac").unlink()
    (folder / "mcen" / "an0-mcen-b.flac").write_bytes(b"")
    sound(folder / "mcen" / "an8-mcen-b.wav")
    sound(folder / "mcen" / "an9-mcen-b.wav")
    add_line(tmp_path, "<s> 24 </s> (an9-mcen-b)")
    assert AN4(tmp_path).problems() == [
        f"{folder / 'mcen' / 'an0-mcen-b.flac'}: the file is empty (0 bytes)",
        "etc/an4_train.transcription: 1 of 7 lines have no audio (first: an1-mcen-b)",
        "an9-mcen-b: its transcript in etc/an4_train.transcription has no words, left out",
        "an8-mcen-b: no transcript in etc, left out",
    ]


def test_nothing_to_train_on_is_a_problem(tmp_path: Path) -> None:
    corpus = AN4(make(tmp_path, ("fkai",)), test=("fkai",))
    assert corpus.problems() == [f"{tmp_path}: no clips to train on, all belong to validation or test"]


@pytest.mark.parametrize("words", [("--corpus",), ("--mode", "cold_cascade", "--corpus", "toy", "--frontend-corpus")])
def test_frontends_train_on_it(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    noise_folder(tmp_path / "noise")
    corpus = (*words, f"an4:{make(tmp_path / 'an4')}", "--noise", str(tmp_path / "noise"))
    mode = () if "--mode" in words else ("--mode", "frontend_only")
    alike = ("--allow-leak",)  # all files of the builder hold the same samples
    assert main(["couple", *SMALL, *corpus, *mode, *alike, "--plan"]) == 0
    assert "phase frontend: frontend (" in capsys.readouterr().out


def test_backends_that_classify_refuse_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noise_folder(tmp_path / "noise")
    corpus = ("--corpus", f"an4:{make(tmp_path / 'an4')}", "--noise", str(tmp_path / "noise"))
    assert main(["couple", *SMALL, *corpus, "--mode", "baseline", "--plan"]) == 2
    error = capsys.readouterr().err
    assert "has transcripts" in error
    assert error.count("\n") == 1


def test_the_real_corpus(real_data: Path) -> None:
    corpus = AN4(real_data / "an4")
    found = speakers(corpus)
    assert [len(names) for names in found] == [56, 8, 10]
    assert found[1] == list(HELD_OUT)
    assert sum(len(corpus.clips(split)) for split in SPLITS) == 948
    assert {clip.id: clip.target for clip in corpus.clips("valid")}["an255-fash-b"] == "u m n y h six"
    assert corpus.problems() == []
