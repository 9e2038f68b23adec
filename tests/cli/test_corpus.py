"""``sefront corpus``: where to get a corpus, and what is wrong with a copy of it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from recordings import speech_folder

from sefront.plugins import Catalogue

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight faultless files of two classes below a name that shells and tables find difficult."""
    return speech_folder(tmp_path / 'mes "données" 数据: une', each=4, seconds=0.1)


def test_show_tells_what_to_unpack_where(run_here: Run) -> None:
    code, out, err = run_here("corpus", "show", "emodb")
    assert (code, err) == (0, "")
    head, _, facts, *_ = out.splitlines()
    assert head.startswith("emodb: German acted emotion")
    assert facts.split(maxsplit=3) == ["get", "it", "from", "http://emodb.bilderbar.info"]
    for text in ("wav/SSTTTEv.wav", "CC0", "doi:10.21437", "535", "speaker, recording", "Speakers to train on"):
        assert text in " ".join(out.split())


@pytest.mark.parametrize("name", sorted(Catalogue.installed().corpora))
def test_show_needs_no_audio(run_here: Run, name: str) -> None:
    code, out, err = run_here("corpus", "show", name, "--json")
    assert (code, err) == (0, "")
    facts = json.loads(out)
    assert facts["name"] == name
    if name in ("folder", "manifest", "kaldi", "lhotse"):
        assert "unbuilt" in facts
    else:
        assert facts["card"]["licence"]
        assert facts["card"]["source"]
        assert facts["card"]["layout"] or name == "toy"


def test_show_a_copy(run_here: Run, folder: Path) -> None:
    code, out, _ = run_here("corpus", "show", "folder")
    assert code == 0
    assert "depends on the audio: sefront corpus show folder:PATH" in out
    code, out, _ = run_here("corpus", "show", f"folder:{folder}")
    assert code == 0
    assert "8 clips" in out
    code, out, _ = run_here("corpus", "show", f"folder:{folder}", "--json")
    assert "unbuilt" not in json.loads(out)


def test_a_faultless_folder(run_here: Run, folder: Path) -> None:
    code, out, err = run_here("corpus", "check", str(folder))
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["split", "clips", "duration", "speakers", "labels"]
    assert lines[1].split() == ["train", "4", "0:00:00", "-", "high", "2,", "low", "2"]
    assert lines[-2:] == ["sample rates: 16000 Hz (8)", "no problems"]


def test_every_problem_is_a_line(run_here: Run, folder: Path) -> None:
    (folder / "high" / "leer.wav").touch()
    (folder / "low" / "noch\neine.wav").write_text("no audio")
    shutil.copy(folder / "high" / "00.wav", folder / "low" / "نسخة.wav")
    code, out, _ = run_here("corpus", "check", f"folder:{folder}")
    assert code == 1
    lines = out.splitlines()
    assert lines[0] == f"{folder}/high/leer.wav: the file is empty (0 bytes); copy it again, or leave it out"
    assert lines[1].startswith(f"{folder}/low/noch eine.wav: not readable as audio (")
    assert f"{folder}/low/نسخة.wav" in lines[2]
    assert f"{folder}/high/00.wav" in lines[2]
    assert lines[3] == ""
    assert lines[-1] == "3 problems"


def test_one_problem_as_json(run_here: Run, folder: Path) -> None:
    (folder / "high" / "leer.wav").touch()
    code, out, _ = run_here("corpus", "check", str(folder), "--json")
    found = json.loads(out)
    assert code == 1
    assert {key: found[key] for key in ("corpus", "root", "clips", "published", "rates", "remarks")} == {
        "corpus": "folder", "root": str(folder), "clips": 9, "published": None, "rates": {"16000": 8}, "remarks": []
    }  # fmt: skip
    assert found["problems"] == [
        {
            "kind": "damaged",
            "what": f"{folder}/high/leer.wav: the file is empty (0 bytes)",
            "remedy": "copy it again, or leave it out",
            "file": f"{folder}/high/leer.wav",
            "grave": True,
        }
    ]
    assert sum(split["clips"] for split in found["splits"]) == 9


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse names that are no text")
def test_a_name_that_is_no_text(run_here: Run, folder: Path) -> None:
    name = os.fsdecode(b"l\xe4u\xdfe.wav")
    (folder / "high" / name).touch()
    code, out, _ = run_here("corpus", "check", str(folder))
    assert code == 1
    assert "\\udce4u\\udcdfe.wav: its name is no text in utf-8; rename it" in out
    assert run_here("corpus", "check", str(folder), "--json")[0] == 1


def test_options_of_the_corpus(run_here: Run, folder: Path) -> None:
    for option in ("role=noise", "corpus.role=noise"):
        code, out, _ = run_here("corpus", "check", str(folder), "-o", option)
        assert code == 0
        assert "high" in out


def test_a_manifest(run_here: Run, folder: Path) -> None:
    table = folder / "clips.csv"
    table.write_text("path,label,split\nhigh/00.wav,high,train\nlow/00.wav,low,train\nlow/99.wav,low,train\n")
    code, out, _ = run_here("corpus", "check", str(table))
    assert code == 1
    assert out.splitlines()[0] == f"{folder}/low/99.wav: no such file; copy it again, or leave it out"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("show", "emodbb"), "there is no corpus 'emodbb'; did you mean 'emodb'? (known: "),
        (("show", "unet"), "there is no corpus 'unet'"),
        (("show", "emodb", "-o", "tset=03"), "corpus 'emodb' has no option 'tset'; did you mean 'test'?"),
        (("check", "emodb"), "corpus 'emodb' has to be told where its audio is: emodb:PATH"),
        (("check", "emodb:nowhere"), "nowhere/wav: no such folder; expected wav/"),
        (("check", "no/where"), "no/where: no such file or folder"),
        (("check", "toy", "-o", "speakers"), "-o speakers: write settings as NAME=VALUE"),
    ],
)
def test_mistakes(run_here: Run, words: tuple[str, ...], message: str) -> None:
    code, out, err = run_here("corpus", *words)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err


def test_many_remarks_are_counted(run_here: Run, real_data: Path) -> None:
    code, out, _ = run_here("corpus", "check", f"speech_commands:{real_data / 'speech_commands'}")
    assert code == 0
    remarks = [line for line in out.splitlines() if line.startswith("remark: ")]
    assert "remark: clipped: 43 clips, as in the published audio; --json names them" in remarks
    assert "remark: 1475 of 105829 clips are there" in remarks
    assert out.splitlines()[-1] == "no problems"
