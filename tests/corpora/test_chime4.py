from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import SMALL, speech_folder

from sefront.cli import main
from sefront.core.clips import SPLITS
from sefront.core.errors import SefrontError
from sefront.core.parameters import build
from sefront.core.transcripts import transcription
from sefront.corpora.chime4 import AUDIO, Chime4

SPEAKERS = {"tr05": ("011", "M03"), "dt05": ("F01", "F01"), "et05": ("M05", "M05")}  # simulated, real
PLACES = ("BUS", "CAF", "PED", "STR")
SAID = "THE RATE \"DOUBLE-QUOTE [door_slam] DON'T <NOISE> .PERIOD"


def write(path: Path, level: float = 0.1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full(1600, level), 16000)


def make(root: Path, channels: tuple[int, ...] = (0, 1, 2, 5)) -> Path:
    """Per part, kind and place one utterance on some microphones; of each place three recordings of noise."""
    transcripts = root / "data" / "transcriptions"
    transcripts.mkdir(parents=True)
    for part, speakers in SPEAKERS.items():
        for kind, speaker in zip(("simu", "real"), speakers, strict=True):
            names = [f"{speaker}_440C020{i}_{place}" for i, place in enumerate(PLACES)]
            for name, place in zip(names, PLACES, strict=True):
                folder = root / AUDIO / "isolated" / f"{part}_{place.lower()}_{kind}"
                for channel in channels:
                    write(folder / f"{name}.CH{channel}.wav", 0.1 + 0.1 * channel)
            (transcripts / f"{part}_{kind}.trn_all").write_text("".join(f"{name} {SAID}\n" for name in names))
    for place in PLACES:
        for number in range(3):
            for channel in (1, 5):
                write(root / AUDIO / "backgrounds" / f"BGD_15020{number}_010_{place}.CH{channel}.wav")
    return root


def kinds(corpus: Chime4, split: str) -> Counter[str]:
    return Counter(clip.id.split("/")[0].split("_")[2] for clip in corpus.clips(split))


def test_parts_are_splits(tmp_path: Path) -> None:
    corpus = Chime4(make(tmp_path))
    assert [kinds(corpus, split) for split in SPLITS] == [{"simu": 4}, *2 * [{"simu": 4, "real": 4}]]
    first = corpus.clips("train")[0]
    assert (first.id, first.speaker) == ("tr05_bus_simu/011_440C0200_BUS.CH5", "011")
    assert first.target == "the rate double quote don't period"
    assert first.audio.read(16000) == pytest.approx(np.full(1600, 0.6), abs=1e-4)
    assert corpus.task() == transcription()
    assert corpus.role() == "speech"
    assert corpus.splits_of_its_own()
    assert corpus.problems() == []


def test_published_counts(tmp_path: Path) -> None:
    make(tmp_path)
    assert Chime4(tmp_path).card().clips == 7138 + 2 * (1640 + 1320)
    assert Chime4(tmp_path, test=("real",), valid=("real",), train_channels=(1, 3, 4, 5, 6)).card().clips == (
        35690 + 1640 + 1320
    )


def test_kinds_and_microphones_from_the_command_line(tmp_path: Path) -> None:
    options = {"train": "real,simu", "test": "real", "train_channels": "1,5", "channel": "2"}
    corpus = build(Chime4, make(tmp_path), options=options, owner="chime4")
    assert [kinds(corpus, split) for split in SPLITS] == [{"real": 8, "simu": 8}, {"simu": 4, "real": 4}, {"real": 4}]
    assert {clip.id[-4:] for clip in corpus.clips("train")} == {".CH1", ".CH5"}
    assert {clip.id[-4:] for clip in corpus.clips("test")} == {".CH2"}


def test_noise_of_four_places_in_every_split(tmp_path: Path) -> None:
    corpus = Chime4(make(tmp_path))
    noises = {split: corpus.noise_clips(split) for split in SPLITS}
    assert {split: Counter(clip.target for clip in clips) for split, clips in noises.items()} == dict.fromkeys(
        SPLITS, dict.fromkeys(PLACES, 1)
    )
    assert len({clip.id for clips in noises.values() for clip in clips}) == 12


def test_noise_alone_will_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place in PLACES:
        for number in range(3):
            write(tmp_path / "noise" / AUDIO / "backgrounds" / f"BGD_15020{number}_010_{place}.CH5.wav")
    speech_folder(tmp_path / "speech")
    corpora = ("--corpus", str(tmp_path / "speech"), "--noise", f"chime4:{tmp_path / 'noise'}")
    assert main(["couple", *SMALL, *corpora, "--plan"]) == 0
    assert Chime4(tmp_path / "noise").problems() == [
        f"{tmp_path / 'noise'}: no utterances for {split}" for split in SPLITS
    ]


def test_enhanced_files_lie_as_the_corpus_does_and_are_as_it_is(tmp_path: Path, trained: Path) -> None:
    isolated = make(tmp_path / "corpus", (5,)) / AUDIO / "isolated"
    out = tmp_path / "enhanced"
    assert main(["enhance", str(isolated), "-o", str(out / AUDIO / "isolated"), "--run", str(trained)]) == 0
    shutil.copytree(tmp_path / "corpus" / "data" / "transcriptions", out / "data" / "transcriptions")
    before, after = Chime4(tmp_path / "corpus"), Chime4(out)
    assert [[clip.id for clip in after.clips(split)] for split in SPLITS] == [
        [clip.id for clip in before.clips(split)] for split in SPLITS
    ]
    assert after.problems() == []
    written = sorted(path for path in out.rglob("*.wav"))
    assert len(written) == 24
    for path in written:
        old, new = soundfile.info(isolated / path.relative_to(out / AUDIO / "isolated")), soundfile.info(path)
        assert (new.format, new.subtype, new.samplerate, new.channels, new.frames) == ("WAV", "PCM_16", 16000, 1, 1600)
        assert (old.format, old.subtype, old.samplerate, old.channels, old.frames) == ("WAV", "PCM_16", 16000, 1, 1600)


def clean(root: Path, part: str, channel: int = 5) -> None:
    """What the microphone would have heard of the simulated utterances of a part without the noise."""
    for path in (root / AUDIO / "isolated").glob(f"{part}_*_simu/*.CH{channel}.wav"):
        write(root / AUDIO / "isolated_ext" / path.parent.name / f"{path.stem}.Clean.wav", 0.05)


def test_utterances_are_recorded_in_noise(tmp_path: Path) -> None:
    corpus = Chime4(make(tmp_path))
    clips = [clip for split in SPLITS for clip in corpus.clips(split)]
    assert len(clips) == 4 + 8 + 8
    assert all(clip.recorded and clip.reference is None for clip in clips)


def test_simulated_utterances_have_references_where_these_are(tmp_path: Path) -> None:
    clean(make(tmp_path), "tr05")
    clean(tmp_path, "et05")
    corpus = Chime4(tmp_path)
    having = {split: {clip.id.split("/")[0][-4:] for clip in corpus.clips(split) if clip.reference} for split in SPLITS}
    assert having == {"train": {"simu"}, "valid": set(), "test": {"simu"}}
    reference = corpus.clips("train")[0].reference
    assert reference is not None
    assert reference.read(16000) == pytest.approx(np.full(1600, 0.05), abs=1e-4)


@pytest.mark.parametrize("folder", ["tr05_org", "isolated/tr05_org", "isolated/dt05_bth", "isolated/et05_bth"])
def test_originals_from_elsewhere_are_no_references(tmp_path: Path, folder: str) -> None:
    make(tmp_path)
    for name in ("011_440C0200_ORG", "F01_440C0200_BTH.CH5", "011_440C0200_BUS.CH5.Clean"):
        write(tmp_path / AUDIO / folder / f"{name}.wav")
    corpus = Chime4(tmp_path)
    assert [clip for split in SPLITS for clip in corpus.clips(split) if clip.reference] == []
    assert corpus.problems() == []


def test_a_frontend_learns_from_simulated_utterances(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part in ("tr05", "dt05", "et05"):
        clean(make(tmp_path, (5,)) if part == "tr05" else tmp_path, part)
    words = ["couple", *SMALL[:4], "--corpus", f"chime4:{tmp_path}", "--mode", "frontend_only", "--epochs", "1"]
    assert main([*words, "--plan"]) == 2
    assert "valid split: phase frontend needs clean references, but 4 of 8 clips were" in capsys.readouterr().err
    simulated = ("-o", "corpus.valid=simu", "-o", "corpus.test=simu", "--device", "cpu", "--precision", "32")
    assert main([*words, *simulated, "--out", str(tmp_path / "run")]) == 0
    table = capsys.readouterr().out
    assert "recorded" in table
    assert "si_sdr [dB]  noisy" in table
    assert "dB  " not in table.splitlines()[2]


def test_no_backgrounds(tmp_path: Path) -> None:
    corpus = Chime4(make(tmp_path), channel=2)
    with pytest.raises(SefrontError, match=r"no recordings of CH2 in data/audio/16kHz/backgrounds, so there is no"):
        corpus.noise_clips("train")


def test_dot_files_where_there_are_no_others(tmp_path: Path) -> None:
    old = make(tmp_path) / "data" / "transcriptions" / "et05_real.trn_all"
    lines = [" ".join(reversed(line.split(" ", 1))) for line in old.read_text().splitlines()]
    old.with_suffix(".dot_all").write_text("".join(f"{x.rsplit(' ', 1)[0]} ({x.rsplit(' ', 1)[1]})\n" for x in lines))
    expected = Chime4(tmp_path).clips("test")
    old.unlink()
    assert Chime4(tmp_path).clips("test") == expected


def test_a_malformed_line(tmp_path: Path) -> None:
    (make(tmp_path) / "data" / "transcriptions" / "dt05_real.trn_all").write_text("\nSO WHAT\n")
    with pytest.raises(SefrontError, match=r"trn_all, line 2: 'SO WHAT' is not of the form NAME TEXT or TEXT \(NAME\)"):
        Chime4(tmp_path)


def test_a_wrong_root(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r"no utterances with transcripts, and no noise; expected data/audio"):
        Chime4(tmp_path)


@pytest.mark.parametrize("options", [{"channel": 0}, {"train_channels": (1, 7)}])
def test_a_microphone_that_does_not_exist(tmp_path: Path, options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="does not exist; CHiME-4 has 1 to 6"):
        Chime4(make(tmp_path), **options)


def test_problems(tmp_path: Path) -> None:
    listed = make(tmp_path) / "data" / "transcriptions"
    (listed / "tr05_simu.trn_all").unlink()
    (listed / "et05_simu.trn_all").write_text("M05_440C0200_BUS [cough]\n")
    places = [place.lower() for place in PLACES]
    assert Chime4(tmp_path).problems() == [
        *(f"tr05_{place}_simu: 1 recordings without a transcript, left out" for place in places),
        *(f"et05_{place}_simu: 1 recordings without a transcript, left out" for place in places[1:]),
        "et05_bus_simu/M05_440C0200_BUS.CH5: its transcript has no words",
        f"{tmp_path}: no utterances for train",
    ]
