from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import SMALL, speech_folder

from sefront.cli import main
from sefront.core.clips import SPLITS
from sefront.core.errors import SefrontError, UnknownNameError
from sefront.core.parameters import build
from sefront.corpora.demand import USUAL, Demand


def make(root: Path, places: tuple[str, ...] = (*USUAL, "TBUS"), channels: tuple[int, ...] = (1, 2)) -> Path:
    """A tenth of a second for each place and microphone; the level tells the microphone."""
    for place in places:
        (root / place).mkdir(parents=True)
        for channel in channels:
            soundfile.write(root / place / f"ch{channel:02}.wav", np.full(1600, 0.1 * channel), 16000)
    return root


def test_five_places_one_microphone(tmp_path: Path) -> None:
    corpus = Demand(make(tmp_path))
    clips = [clip for split in SPLITS for clip in corpus.clips(split)]
    assert {clip.target for clip in clips} == set(USUAL)
    assert sorted(clip.id for clip in clips) == sorted(f"{place}/ch01" for place in USUAL)
    assert [len(corpus.clips(split)) for split in SPLITS] == [3, 1, 1]
    assert clips[0].audio.read(16000) == pytest.approx(np.full(1600, 0.1), abs=1e-4)
    assert corpus.role() == "noise"
    assert corpus.task() is None
    assert not corpus.splits_of_its_own()
    assert corpus.problems() == []
    assert corpus.card().clips == 5


def test_another_microphone(tmp_path: Path) -> None:
    corpus = Demand(make(tmp_path), channel=2)
    assert corpus.clips("train")[0].id.endswith("/ch02")
    assert corpus.clips("train")[0].audio.read(16000) == pytest.approx(np.full(1600, 0.2), abs=1e-4)


@pytest.mark.parametrize(("stated", "count"), [("TBUS,NPARK", 2), ("", 6)])
def test_environments_from_the_command_line(tmp_path: Path, stated: str, count: int) -> None:
    corpus = build(Demand, make(tmp_path), options={"environments": stated}, owner="demand")
    assert sum(len(corpus.clips(split)) for split in SPLITS) == corpus.card().clips == count


def test_an_unknown_environment(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"demand at .* has no environment 'TBUSS'; did you mean 'TBUS'\?"):
        Demand(make(tmp_path), environments=("TBUSS",))


@pytest.mark.parametrize("channel", [0, 17])
def test_a_microphone_that_does_not_exist(tmp_path: Path, channel: int) -> None:
    with pytest.raises(ValueError, match=f"channel is {channel}; DEMAND has microphones 1 to 16"):
        Demand(make(tmp_path), channel=channel)


@pytest.mark.parametrize(
    ("folder", "message"), [("nowhere", "no such folder; expected"), ("TBUS", "no folders with recordings; expected")]
)
def test_a_wrong_root(tmp_path: Path, folder: str, message: str) -> None:
    with pytest.raises(SefrontError, match=f"{message} ENVIRONMENT/ch01.wav"):
        Demand(make(tmp_path) / folder)


def test_a_missing_microphone_is_a_problem(tmp_path: Path) -> None:
    (make(tmp_path) / "NPARK" / "ch01.wav").unlink()
    assert Demand(tmp_path).problems() == [f"{tmp_path / 'NPARK' / 'ch01.wav'}: no such file"]


def test_all_of_it_is_test_noise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    speech_folder(tmp_path / "speech")
    noise = f"demand:{make(tmp_path / 'noise')}"
    corpora = ("--corpus", str(tmp_path / "speech"), "--test-noise", noise)
    assert main(["couple", *SMALL, *corpora, "--plan"]) == 0
    assert ", 5 noises\nphase" in capsys.readouterr().out
