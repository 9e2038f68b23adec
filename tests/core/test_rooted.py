"""Files of a list lie below its folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from sefront.core.audio import AudioFile
from sefront.core.checking import check
from sefront.core.clips import Clip
from sefront.core.errors import DamagedAudioError, SefrontError
from sefront.core.listening import hear
from sefront.core.rooted import check_inside, is_inside, name_in
from sefront.core.sources import pieces
from sefront.core.traces import TraceFile
from sefront.corpora.manifest import Manifest


def where(number: int) -> str:
    return f"line {number}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file, a link to it, and links that lead out."""
    inside, outside = tmp_path / "list", tmp_path / "other"
    for place in (inside, outside):
        place.mkdir()
        soundfile.write(place / "a.wav", 0.1 * np.random.default_rng(0).standard_normal(800), 16000)
    (inside / "link.wav").symlink_to(inside / "a.wav")
    (inside / "out.wav").symlink_to(outside / "a.wav")
    (inside / "away").symlink_to(outside)
    return inside


@pytest.mark.parametrize("name", ["a.wav", "..a.wav", "b/..c/a..wav", "b/../a.wav", "12:30.wav", "none/where.wav"])
def test_names_that_stay(folder: Path, name: str) -> None:
    check_inside(folder, ["a.wav", name, str(folder / name)], where)


@pytest.mark.parametrize("name", ["../other/a.wav", "/etc/a.wav", "b/../../a.wav", "../list2/a.wav"])
def test_names_that_lead_out(folder: Path, name: str) -> None:
    with pytest.raises(SefrontError, match=rf"^line 1: {name} lies outside {folder}; .* say --follow-outside "):
        check_inside(folder, ["a.wav", name], where)
    with pytest.raises(SefrontError, match=r"^line 0: .* \(and so do 2 others\); if you trust"):
        check_inside(folder, [name, name, "a.wav", name], where)


def test_an_absolute_name_through_a_linked_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "same").symlink_to(folder)
    check_inside(folder, [str(tmp_path / "same" / "a.wav")], where)


@pytest.mark.parametrize("name", ["out.wav", "away/a.wav"])
def test_a_link_that_leads_out_is_not_followed(folder: Path, name: str) -> None:
    part = AudioFile(folder / name, 0.0, 0.01, folder)
    message = rf"{name}: leads to .*other/a\.wav, outside {folder}; if you trust"
    for read in (part.duration, lambda: part.read(16000), lambda: hear(part)):
        with pytest.raises(SefrontError, match=message) as caught:
            read()
        assert not isinstance(caught.value, DamagedAudioError)  # it would only be left out
    assert AudioFile(folder / name).duration() == 0.05
    assert AudioFile(folder / "link.wav", within=folder).duration() == 0.05


def test_pieces_and_traces_stay_as_well(folder: Path) -> None:
    whole = Clip("x", AudioFile(folder / "out.wav", within=folder))
    assert [piece.audio.within for piece in pieces(whole, 90.0)] == [folder] * 3  # type: ignore[attr-defined]
    (folder / "t.csv").symlink_to(folder.parent / "other" / "a.wav")
    with pytest.raises(SefrontError, match=r"t\.csv: leads to"):
        TraceFile(folder / "t.csv", ("arousal",), folder).values()


def test_a_check_lists_every_link(folder: Path) -> None:
    (folder / "list.csv").write_text("path,split,label\na.wav,train,x\nout.wav,train,x\naway/a.wav,test,x\n")
    corpus = Manifest(folder / "list.csv")
    assert [line.split(": leads")[0] for line in corpus.problems()] == [f"{folder}/out.wav", f"{folder}/away/a.wav"]
    kinds = [finding.kind for finding in check(corpus).problems]
    assert kinds == ["damaged", "damaged"]
    assert Manifest(folder / "list.csv", follow_outside=True).problems() == []


@pytest.mark.parametrize("target", ["label_path", "path"])
def test_a_manifest_that_leads_out(folder: Path, target: str) -> None:
    row = {"path": "a.wav", "label_path": "t.csv", target: "../other/x"}
    (folder / "list.csv").write_text(f"path,label_path\n{row['path']},{row['label_path']}\n")
    with pytest.raises(SefrontError, match=r"list\.csv, line 2: \.\./other/x lies outside"):
        Manifest(folder / "list.csv")
    assert len(Manifest(folder / "list.csv", follow_outside=True, valid=0, test=0).clips("train")) == 1


def test_names_in_a_folder(folder: Path) -> None:
    assert name_in(folder / "b" / "a.wav", folder) == "b/a.wav"
    assert name_in(folder.parent / "other" / "a.wav", folder) == str(folder.parent / "other" / "a.wav")
    assert [is_inside(folder / name, folder) for name in ("link.wav", "out.wav")] == [True, False]
