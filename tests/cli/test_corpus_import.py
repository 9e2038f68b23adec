"""``sefront corpus import``: any corpus as a manifest or as cuts of Lhotse; names in any script all the way."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import RATE, SMALL, noise_folder, speech_folder, voice

from sefront.core.audio import AudioFile
from sefront.core.clips import SPLITS, Clip
from sefront.core.protocols import Corpus
from sefront.core.sources import located, opened
from sefront.plugins import Catalogue

Run = Callable[..., tuple[int, str, str]]
CORPORA = Catalogue.installed().corpora
NAMES = ("数据 一", "تجربة ٢", 'l\'été "noir"', "Ελληνικά & co", "a,b;c", "日本語　全角", "emoji 🎧", "100% #1?")


def corpus_of(words: list[str]) -> Corpus:
    """The corpus that the words of a command line name."""
    options = {k.partition(".")[2]: v for k, _, v in (word.partition("=") for word in words[2:]) if "." in k}
    name, root = located(words[1], CORPORA)
    trusted = {"follow_outside": True} if "--follow-outside" in words else {}
    return opened(name, root, CORPORA[name], {**options, **trusted})


def facts(corpus: Corpus) -> list[tuple[str, Clip, Path]]:
    """Every clip with its split and the file that it is read from; what a task does not need is left out."""
    found = []
    for split in SPLITS:
        for clip in corpus.clips(split):
            assert isinstance(clip.audio, AudioFile)
            found.append((split, clip, clip.audio.path.resolve()))
    return found


def imported(run_here: Run, spec: str, out: str, *words: str) -> tuple[Corpus, Corpus]:
    """A corpus, and what its import is read as by the words that the command prints."""
    code, said, err = run_here("corpus", "import", spec, "-o", out, *words)
    assert (code, err) == (0, "")
    before = corpus_of(["--corpus", spec, *words])
    use = shlex.split(said.partition("use it with ")[2])
    return before, corpus_of(use)


def same(before: Corpus, after: Corpus) -> None:
    """Both have the same clips in the same splits, and the same task."""
    one, other = facts(before), facts(after)
    assert [(s, c.id, c.target, c.speaker, c.session, p) for s, c, p in one] == [
        (s, c.id, c.target, c.speaker, c.session, p) for s, c, p in other
    ]
    assert before.task() == after.task()
    assert before.role() == after.role()
    for (_, clip, _), (_, again, _) in zip(one[:20], other[:20], strict=True):
        assert clip.audio.duration() == again.audio.duration()


@pytest.fixture
def named(tmp_path: Path) -> Path:
    """A folder of two classes, each with files of names in any script."""
    for label, pitch in (("愤怒", 400.0), ("هدوء", 150.0)):
        for number, name in enumerate(NAMES):
            place = tmp_path / "mes 数据" / label / f"{name}.wav"
            place.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(place, voice(RATE // 4, pitch + 9 * number, RATE, seed=number), RATE)
    return tmp_path / "mes 数据"


@pytest.mark.parametrize("out", ["clips.jsonl", "cuts.jsonl.gz"])
def test_names_in_any_script(run_here: Run, named: Path, out: str) -> None:
    if out.endswith(".gz"):
        pytest.importorskip("lhotse", reason="lhotse is not installed: pip install 'sefront[lhotse]'")
    before, after = imported(run_here, str(named), str(named / out))
    same(before, after)
    words = [str(named / out) if out.endswith("l") else f"lhotse:{named / out}"]
    code, told, err = run_here("corpus", "check", *words)
    assert (code, err, told.splitlines()[-1]) == (0, "", "no problems")


def test_a_row_says_what_is_known(run_here: Run, named: Path) -> None:
    code, said, _ = run_here("corpus", "import", str(named), "-o", str(named / "clips.jsonl"))
    assert (code, said) == (0, f"{named}/clips.jsonl: 16 clips; use it with --corpus '{named}/clips.jsonl'\n")
    rows = [json.loads(line) for line in (named / "clips.jsonl").read_text(encoding="utf-8").splitlines()]
    row = next(row for row in rows if "été" in row["path"] and row["label"] == "愤怒")
    assert row == {
        "id": '愤怒/l\'été "noir".wav', "path": '愤怒/l\'été "noir".wav', "split": row["split"], "corpus": "folder",
        "label": "愤怒",
    }  # fmt: skip
    assert "数据 一" in (named / "clips.jsonl").read_text(encoding="utf-8")


def test_such_names_train_and_are_enhanced(run_here: Run, named: Path, tmp_path: Path) -> None:
    run_here("corpus", "import", str(named), "-o", str(named / "clips.jsonl"))
    noise = noise_folder(tmp_path / "шум")
    words = ("--corpus", str(named / "clips.jsonl"), "--noise", str(noise), "--mode", "frozen")
    code, _, err = run_here("couple", *SMALL, *words, "--out", str(tmp_path / "运行"))
    assert (code, "left out" in err) == (0, False), err
    place = tmp_path / "улучшено"
    code, _, err = run_here(
        "enhance", str(named / "愤怒" / f"{NAMES[2]}.wav"), "--run", str(tmp_path / "运行"), "-o", str(place)
    )
    assert code == 0, err
    assert [path.name for path in place.rglob("*.wav")] == [f"{NAMES[2]}.wav"]


def test_kaldi_with_such_names(run_here: Run, named: Path) -> None:
    files = sorted(named.rglob("*.wav"))
    told = {
        "wav.scp": [f"u{i} {path.relative_to(named)}" for i, path in enumerate(files)],
        "utt2spk": [f"u{i} 说话人{i % 4}" for i in range(len(files))],
        "text": [f"u{i} слово {i}" for i in range(len(files))],
        "segments": [f"u{i} u{i} 0.05 0.2" for i in range(len(files))],
    }
    for name in ("wav.scp", "utt2spk", "text", "segments"):
        lines = [line.replace("u", "r", 1) for line in told[name]] if name == "wav.scp" else told[name]
        lines = [" ".join([w.replace("u", "r", 1) if i == 1 else w for i, w in enumerate(line.split(" "))])
                 for line in lines] if name == "segments" else lines  # fmt: skip
        (named / name).write_text("\n".join([*lines, ""]), encoding="utf-8")
    same(*imported(run_here, f"kaldi:{named}", str(named / "clips.jsonl")))


def test_a_check_lists_all_problems(run_here: Run, named: Path) -> None:
    (named / "愤怒" / f"{NAMES[0]}.wav").write_bytes(b"")
    (named / "愤怒" / f"{NAMES[1]}.wav").write_text("no audio")
    (named / "愤怒" / f"{NAMES[4]}.wav").unlink()
    (named / "愤怒" / f"{NAMES[4]}.wav").symlink_to("/etc/hostname")
    rows = [{"path": str(p.relative_to(named)), "label": p.parent.name} for p in sorted(named.rglob("*.wav"))]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in [*rows, {"path": "نص.wav", "label": "هدوء"}])
    (named / "clips.jsonl").write_text(text, encoding="utf-8")
    code, told, _ = run_here("corpus", "check", str(named / "clips.jsonl"))
    assert code == 1
    for name, what in ((NAMES[0], "the file is empty"), (NAMES[1], "not readable as audio"),
                       (NAMES[4], "leads to /etc/hostname"), ("نص", "no such file")):  # fmt: skip
        assert any(f"{name}.wav: {what}" in line for line in told.splitlines()), what
    assert told.splitlines()[-1] == "4 problems"


def test_a_corpus_elsewhere_needs_trust(run_here: Run, named: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "lists" / "clips.jsonl")
    before, after = imported(run_here, str(named), out)
    same(before, after)
    code, _, err = run_here("corpus", "check", out)
    assert code == 2
    assert err.endswith("(and so do 15 others); if you trust whoever wrote the list, say --follow-outside "
                        "(in Python follow_outside=True)\n")  # fmt: skip
    assert run_here("corpus", "check", out, "--follow-outside")[0] == 0
    assert run_here("corpus", "show", f"manifest:{out}", "--follow-outside")[0] == 0


@pytest.mark.parametrize(
    ("flag", "code"), [((), 2), (("--follow-outside",), 0), (("-o", "corpus.follow_outside=true"), 2)]
)
def test_trust_is_for_every_list_that_is_named(
    run_here: Run, audio: Path, tmp_path: Path, flag: tuple[str, ...], code: int
) -> None:
    for name in ("speech", "noise"):
        assert run_here("corpus", "import", str(audio / name), "-o", str(tmp_path / f"{name}.jsonl"))[0] == 0
    words = ("--corpus", str(tmp_path / "speech.jsonl"), "--noise", str(tmp_path / "noise.jsonl"), "--mode", "augment")
    outcome = run_here("couple", *SMALL, *words, *flag, "--out", str(tmp_path / "run"))
    assert outcome[0] == code, outcome[2]
    if code:
        assert "lies outside" in outcome[2].splitlines()[-1]
        return
    assert run_here("evaluate", str(tmp_path / "run"))[0] == 0
    test = str(tmp_path / "noise" / "again.jsonl")
    run_here("corpus", "import", str(audio / "noise"), "-o", test)
    out = ("--out", str(tmp_path / "other"))
    assert run_here("evaluate", str(tmp_path / "run"), "--corpus", str(audio / "speech"), *out)[0] == 0


def test_trust_in_evaluation(run_here: Run, trained: Path, audio: Path, tmp_path: Path) -> None:
    run_here("corpus", "import", str(audio / "speech"), "-o", str(tmp_path / "speech.jsonl"))
    words = ("evaluate", str(trained), "--corpus", str(tmp_path / "speech.jsonl"), "--out", str(tmp_path / "out"))
    assert "say --follow-outside" in run_here(*words)[2]
    code, _, err = run_here(*words, "--follow-outside")
    assert code == 0, err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("toy", "-o", "a.jsonl"), "corpus 'toy': its clips are made, not read from files, so no list can name them"),
        (("{folder}",), "corpus import {folder}: say what to write, -o FILE.jsonl (a manifest) or -o FILE.jsonl.gz"),
        (("{folder}", "-o", "a.xml"), "-o a.xml: say what to write, -o FILE.jsonl (a manifest)"),
        (("{folder}", "-o", "a.jsonl", "-o", "b.jsonl"), "-o names two places, a.jsonl and b.jsonl; give one"),
        (("{folder}", "-o", "a.jsonl", "-o", "valid=1"), "-o valid=1: write settings as corpus.valid=1"),
        (("{folder}", "-o", "a.jsonl", "--follow-outside"), "--follow-outside: corpus 'folder' is no list of files"),
        (("{folder}", "-o", "/dev/null/a.jsonl"), "/dev/null/a.jsonl: cannot be written ("),
    ],
)
def test_mistakes(
    run_here: Run, audio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = str(audio / "speech")
    code, out, err = run_here("corpus", "import", *(word.format(folder=folder) for word in words))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message.format(folder=folder) in err
    assert list(tmp_path.iterdir()) == []


def test_recordings_in_noise_stay_where_they_are(run_here: Run, tmp_path: Path) -> None:
    place = tmp_path / "data" / "audio" / "16kHz" / "isolated" / "tr05_bus_simu"
    place.mkdir(parents=True)
    soundfile.write(place / "011_440C0201_BUS.CH5.wav", voice(RATE // 4, 200.0), RATE)
    (tmp_path / "data" / "transcriptions").mkdir()
    (tmp_path / "data" / "transcriptions" / "tr05_simu.trn_all").write_text("011_440C0201_BUS GO ON\n")
    code, _, err = run_here("corpus", "import", f"chime4:{tmp_path}", "-o", str(tmp_path / "a.jsonl"))
    assert code == 2
    assert "was recorded in noise, which no list says; name the corpus" in err
    assert not (tmp_path / "a.jsonl").exists()


def test_nothing_is_left_of_an_import_that_fails(run_here: Run, tmp_path: Path) -> None:
    pytest.importorskip("lhotse", reason="lhotse is not installed: pip install 'sefront[lhotse]'")
    folder = speech_folder(tmp_path / "s", each=3)
    (folder / "low" / "bad.wav").write_text("no audio")
    (tmp_path / "cuts.jsonl.gz").write_bytes(b"old")
    code, _, err = run_here("corpus", "import", str(folder), "-o", str(tmp_path / "cuts.jsonl.gz"))
    assert code == 2
    assert "bad.wav: not readable as audio" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cuts.jsonl.gz", "s"]
    assert (tmp_path / "cuts.jsonl.gz").read_bytes() == b"old"


def test_trust_where_no_list_is_named(run_here: Run, audio: Path, tmp_path: Path) -> None:
    words = ("--corpus", str(audio / "speech"), "--noise", str(audio / "noise"), "--out", str(tmp_path / "run"))
    code, _, err = run_here("couple", *SMALL, *words, "--follow-outside")
    assert code == 2
    assert "--follow-outside: none of the corpora is a list of files; leave it out" in err


def test_stereo_and_segments_as_cuts(run_here: Run, tmp_path: Path) -> None:
    pytest.importorskip("lhotse", reason="lhotse is not installed: pip install 'sefront[lhotse]'")
    waves = 0.1 * np.random.default_rng(0).standard_normal((RATE, 2))
    soundfile.write(tmp_path / "stereo.wav", waves, RATE)
    rows = ({"id": f"c{i}", "path": "stereo.wav", "start": i / 10, "end": i / 10 + 0.1, "speaker": f"s{i}"}
            for i in range(9))  # fmt: skip
    (tmp_path / "clips.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    before, after = imported(run_here, str(tmp_path / "clips.jsonl"), str(tmp_path / "cuts.jsonl.gz"))
    same_audio = zip(facts(before), facts(after), strict=True)
    assert all(np.array_equal(a.audio.read(RATE), b.audio.read(RATE)) for (_, a, _), (_, b, _) in same_audio)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("emodb", ()), ("an4", ()), ("speech_commands", ()), ("noise", ()), ("esc50", ("-o", "corpus.esc10=true")),
        ("esc50", ("-o", "corpus.test=1", "-o", "corpus.train=2,3")),
    ],
)  # fmt: skip
def test_real_corpora_come_back(
    run_here: Run, real_data: Path, tmp_path: Path, name: str, words: tuple[str, ...]
) -> None:
    if not (real_data / name).is_dir():
        pytest.skip(f"no {name} in {real_data}")
    spec = str(real_data / name) if name == "noise" else f"{name}:{real_data / name}"
    before, after = imported(run_here, spec, str(tmp_path / "clips.jsonl"), *words)
    same(before, after)
