"""Cuts of Lhotse."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from sefront.core.audio import AudioFile
from sefront.core.clips import SPLITS, Clip, Task
from sefront.core.errors import MissingExtraError, SefrontError, UnknownNameError
from sefront.corpora.lhotse import Lhotse

pytest.importorskip("lhotse", reason="lhotse is not installed: pip install 'sefront[lhotse]'")


def recording(path: str = "a.wav", **changes: Any) -> dict[str, Any]:
    source = {"type": "file", "channels": [0], "source": path}
    facts = {"id": path, "sources": [source], "sampling_rate": 16000, "num_samples": 64000, "duration": 4.0}
    return {**facts, "channel_ids": [0], **changes}


def cut(name: str = "a", start: float = 0.0, duration: float = 4.0, **changes: Any) -> dict[str, Any]:
    facts = {"id": name, "start": start, "duration": duration, "channel": 0, "supervisions": []}
    return {**facts, "recording": recording(), "type": "MonoCut", **changes}


def said(**facts: Any) -> list[dict[str, Any]]:
    return [{"id": "s", "recording_id": "a.wav", "start": 0.0, "duration": 1.0, "channel": 0, **facts}]


def cuts(place: Path, *found: dict[str, Any]) -> Path:
    text = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in found).encode()
    place.write_bytes(gzip.compress(text) if place.suffix == ".gz" else text)
    return place


def everything(corpus: Lhotse) -> list[Clip]:
    return [clip for split in SPLITS for clip in corpus.clips(split)]


@pytest.mark.parametrize("name", ["cuts.jsonl", "cuts.jsonl.gz"])
def test_cuts_are_clips(tmp_path: Path, name: str) -> None:
    one = cut("一", supervisions=said(text="GO", speaker="s1"), custom={"split": "train"})
    other = cut("二", 0.1, 0.2, supervisions=said(text="NO", speaker="s2"), custom={"split": "dev", "session": "3"})
    corpus = Lhotse(cuts(tmp_path / name, one, other))
    assert corpus.clips("train") == (Clip("一", AudioFile(tmp_path / "a.wav"), "GO", "s1"),)
    assert corpus.clips("valid") == (Clip("二", AudioFile(tmp_path / "a.wav", 0.1, 0.3), "NO", "s2", "3"),)
    assert corpus.task() == Task("transcription", ("", "G", "N", "O"), "wer")


def test_a_file_for_each_split(tmp_path: Path) -> None:
    for name in ("train-clean-100", "dev", "test"):
        path = tmp_path / f"my_cuts_{name}.jsonl.gz"
        cuts(path, cut(name, supervisions=said(language="de", custom={"emotion": "joy"})))
    cuts(tmp_path / "recordings_train.jsonl", recording())
    corpus = Lhotse(tmp_path, label="emotion")
    assert [[clip.id for clip in corpus.clips(split)] for split in SPLITS] == [["train-clean-100"], ["dev"], ["test"]]
    assert corpus.task() == Task("classification", ("joy",), "uar")
    assert Lhotse(tmp_path, label="language").task() == Task("classification", ("de",), "uar")


def test_a_clip_is_the_mean_of_all_channels(tmp_path: Path) -> None:
    stereo = recording(channel_ids=[0, 1], sources=[{"type": "file", "channels": [0, 1], "source": "a.wav"}])
    both = cut(recording=stereo, channel=[0, 1], type="MultiCut")
    assert everything(Lhotse(cuts(tmp_path / "cuts.jsonl", both))) == [Clip("a", AudioFile(tmp_path / "a.wav"))]
    with pytest.raises(SefrontError, match=r"cut 1 \(a\): takes channel 0 of 2; a clip is the mean of all"):
        Lhotse(cuts(tmp_path / "cuts.jsonl", cut(recording=stereo)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"supervisions": said() * 2}, r"cut 1 \(a\): has 2 supervisions; cut it with trim_to_supervisions first"),
        ({"recording": recording(sources=[{"type": "command", "channels": [0], "source": "touch run"}])},
         r"cut 1 \(a\): its audio is of type command; expected one file"),
        ({"recording": recording(sources=[{"type": "url", "channels": [0], "source": "http://a/b.wav"}])},
         r"its audio is of type url; expected one file, so write it into one"),
        ({"recording": recording(transforms=[{"name": "Speed", "kwargs": {"factor": 1.1}}])},
         r"its recording is to be changed on the fly; save the audio"),
        ({"recording": recording("/etc/a.wav")}, r"cut 1 \(a\): /etc/a\.wav lies outside .*--follow-outside"),
        ({"type": "PaddingCut", "sampling_rate": 16000, "feat_value": 0.0, "num_samples": 64000},
         r"(is a PaddingCut; expected a MonoCut|not readable as cuts)"),
        ({"type": "Strange"}, r"cuts\.jsonl: not readable as cuts"),
    ],
)  # fmt: skip
def test_mistakes(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SefrontError, match=message):
        Lhotse(cuts(tmp_path / "cuts.jsonl", cut(**changes)))


def test_cuts_without_audio(tmp_path: Path) -> None:
    bare = {name: value for name, value in cut().items() if name != "recording"}
    with pytest.raises(SefrontError, match=r"cut 1 \(a\): has no recording, only features"):
        Lhotse(cuts(tmp_path / "cuts.jsonl", bare))


def test_what_is_no_cut(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r"cut 1 \(a\.wav\): is a Recording; expected a MonoCut"):
        Lhotse(cuts(tmp_path / "cuts.jsonl", recording()))


def test_a_split_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"cut 1 \(a\) has no split 'trian'; did you mean 'train'\?"):
        Lhotse(cuts(tmp_path / "cuts.jsonl", cut(custom={"split": "trian"})))


def test_no_cuts(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r"no cuts there; expected cuts\.jsonl"):
        Lhotse(tmp_path)
    with pytest.raises(SefrontError, match=r"no cuts there; expected cuts\.jsonl"):
        Lhotse(tmp_path / "none.jsonl")
    with pytest.raises(SefrontError, match="holds no cuts"):
        Lhotse(cuts(tmp_path / "cuts.jsonl"))
    (tmp_path / "cuts.txt").touch()
    with pytest.raises(SefrontError, match=r"cuts\.txt: is no file of cuts"):
        Lhotse(tmp_path / "cuts.txt")


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "lhotse", None)
    with pytest.raises(MissingExtraError, match=r"needs the package lhotse: pip install 'sefront\[lhotse\]'"):
        Lhotse(cuts(tmp_path / "cuts.jsonl", cut()))
