from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import SMALL, noise_folder

from sefront.cli import main
from sefront.core.clips import SPLITS
from sefront.core.errors import SefrontError
from sefront.corpora.wsj0 import WSJ0

DISC = Path("11-1.1", "wsj0")
SETS = {"si_tr_s": ("011", "012", "013", "014"), "si_dt_05": ("050",), "si_et_05": ("440",), "sd_tr_s": ("001",)}


def make(root: Path, sets: tuple[str, ...] = tuple(SETS), suffix: str = ".wav") -> Path:
    """Two utterances of each speaker."""
    for part in sets:
        for speaker in SETS[part]:
            folder = root / DISC / part / speaker
            folder.mkdir(parents=True)
            for i in (1, 2):
                samples = 0.1 * np.random.default_rng([int(speaker), i]).standard_normal(1600)
                soundfile.write(folder / f"{speaker}c020{i}{suffix}", samples, 16000)
    return root


def indexed(root: Path, *names: str) -> Path:
    path = root / "11-13.1" / "wsj0" / "doc" / "indices" / "train" / "tr_s_wv1.ndx"
    path.parent.mkdir(parents=True)
    lines = [f"11_1_1:wsj0/si_tr_s/{name[:3]}/{name}.wv1" for name in names]
    path.write_text("\n".join([";; SI-84", *lines, "11_2_1:wsj0/si_tr_s/401/401c0201.wv1", ""]))
    return path


def speakers(corpus: WSJ0) -> list[set[str | None]]:
    return [{clip.speaker for clip in corpus.clips(split)} for split in SPLITS]


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_sets_are_splits(tmp_path: Path, suffix: str) -> None:
    corpus = WSJ0(make(tmp_path, suffix=suffix))
    assert speakers(corpus) == [set(SETS["si_tr_s"]), {"050"}, {"440"}]
    first = corpus.clips("train")[0]
    assert (first.id, first.target, first.audio.duration()) == ("si_tr_s/011c0201", None, 0.1)
    assert corpus.role() == "speech"
    assert corpus.task() is None
    assert corpus.splits_of_its_own()
    assert corpus.problems() == []


def test_speakers_are_held_out_without_a_development_set(tmp_path: Path) -> None:
    train, valid, test = speakers(WSJ0(make(tmp_path, ("si_tr_s",))))
    assert len(valid) == 1
    assert train | valid == set(SETS["si_tr_s"])
    assert not train & valid
    assert not test
    assert not WSJ0(tmp_path, valid=0.0).clips("valid")


def test_the_index_picks_si84(tmp_path: Path) -> None:
    indexed(make(tmp_path), "011c0201", "012c0202")
    corpus = WSJ0(tmp_path)
    assert [clip.id for clip in corpus.clips("train")] == ["si_tr_s/011c0201", "si_tr_s/012c0202"]
    assert [len(corpus.clips(split)) for split in SPLITS] == [2, 2, 2]
    assert corpus.problems() == []


def test_listed_utterances_without_audio_are_a_problem(tmp_path: Path) -> None:
    indexed(make(tmp_path), "011c0201", "019c0201")
    assert WSJ0(tmp_path).problems() == ["tr_s_wv1.ndx: 1 listed utterances have no audio (first: 019c0201)"]


def test_a_malformed_index(tmp_path: Path) -> None:
    indexed(make(tmp_path)).write_text(";; SI-84\n011c0201\n")
    with pytest.raises(SefrontError, match=r"tr_s_wv1\.ndx, line 2: '011c0201' is not of the form DISC:wsj0/SET"):
        WSJ0(tmp_path)


def test_the_files_of_the_discs_have_to_be_converted(tmp_path: Path) -> None:
    for path in sorted(make(tmp_path).rglob("*.wav")):
        path.rename(path.with_suffix(".wv1"))
    with pytest.raises(SefrontError, match=r"only files such as \w+\.wv1, which have to be converted first; expected"):
        WSJ0(tmp_path)


def test_other_folders(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match="no audio in folders such as si_tr_s; expected anywhere below"):
        WSJ0(make(tmp_path, ("sd_tr_s",)))


def test_no_train_is_a_problem(tmp_path: Path) -> None:
    problems = WSJ0(make(tmp_path, ("si_et_05",))).problems()
    assert problems == [f"{tmp_path}: no utterances to train on; expected a folder si_tr_s"]


def test_an_enhancer_trains_on_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noise_folder(tmp_path / "noise")
    corpora = ("--corpus", f"wsj0:{make(tmp_path / 'speech')}", "--noise", str(tmp_path / "noise"))
    assert main(["couple", *SMALL, *corpora, "--mode", "frontend_only", "--plan"]) == 0
    assert capsys.readouterr().out.startswith("train: 8 clips, ")
