"""Recognised words, from the command line to the table: errors by kind, and searches that an evaluation asks for."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
from recordings import RATE, voice

from sefront.cli import main
from sefront.corpora.toy import Toy

Run = Callable[..., tuple[int, str, str]]

WORDS = ("one", "blue", "a", "moon")
MODEL = "\n".join([
    "\\data\\", f"ngram 1={len(WORDS) + 2}", "ngram 2=1", "", "\\1-grams:", "-99\t<s>\t0", "-1\t</s>",
    *(f"-0.6\t{word.upper()}\t0" for word in WORDS), "", "\\2-grams:", "-0.3\tBLUE MOON", "", "\\end\\", "",
])  # fmt: skip
TOY = ("-o", "corpus.speakers=3", "-o", "corpus.clips=2", "-o", "noise.noises=1")


@pytest.fixture(scope="module")
def transcriber(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of `asr_ds2` that has hardly learnt; nobody may change it."""
    out = tmp_path_factory.mktemp("runs") / "transcriber"
    small = ("--backend", "asr_ds2", "-o", "backend.width=8", "-o", "backend.layers=1", "--mode", "baseline")
    asked = ("--epochs", "1", "--test-snr", "0", "--device", "cpu", "--precision", "32")
    assert main(["couple", *small, *TOY, *asked, "--out", str(out)]) == 0
    return out


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A language model of four words."""
    path = tmp_path / "words.arpa"
    path.write_text(MODEL)
    return path


@pytest.fixture
def _search() -> None:
    pytest.importorskip("flashlight.lib.text.decoder", reason="no flashlight: pip install 'sefront[asr]'")


def rows(run_here: Run, *words: str) -> list[dict[str, Any]]:
    """The rows that `sefront evaluate` prints."""
    code, out, err = run_here("evaluate", *words, "--json")
    assert code == 0, err
    found: list[dict[str, Any]] = json.loads(out)
    return found


def test_errors_by_kind_add_up_to_what_was_said(transcriber: Path, run_here: Run) -> None:
    said = [str(clip.target) for clip in Toy(task="sentences", speakers=3, clips=2).clips("test")]
    units = {"wer": sum(len(text.split()) for text in said), "cer": sum(map(len, said))}
    found = [row for row in rows(run_here, str(transcriber), "--metrics", "wer,cer") if row["noise"] == "all"]
    assert {(row["metric"], row["snr"]) for row in found} == {(m, s) for m in units for s in ("clean", 0.0)}
    for row in found:
        errors = row["errors"]
        assert errors["hits"] + errors["substitutions"] + errors["deletions"] == units[row["metric"]]
        wrong = errors["substitutions"] + errors["deletions"] + errors["insertions"]
        assert row["value"] == pytest.approx(100 * wrong / units[row["metric"]])
    code, out, _ = run_here("evaluate", str(transcriber), "--metrics", "wer,cer")
    assert code == 0
    assert [out.count(f"\n{kind}") for kind in ("substitutions", "deletions", "insertions")] == [4, 4, 4]


@pytest.mark.usefixtures("_search")
@pytest.mark.parametrize("packed", [False, True])
def test_an_evaluation_chooses_the_search(
    transcriber: Path, model: Path, run_here: Run, tmp_path: Path, packed: bool
) -> None:
    if packed:
        model = tmp_path / "words.arpa.gz"
        model.write_bytes(gzip.compress(MODEL.encode()))
    before = (transcriber / "predictions.jsonl").read_bytes()
    asked = ("--decoder", "beam", "--lm", str(model), "--beam", "20", "--lm-weight", "0.5", "--word-score", "9")
    rows(run_here, str(transcriber), *asked, "--metrics", "wer", "--out", str(tmp_path / "searched"))
    lines = [json.loads(line) for line in (tmp_path / "searched" / "predictions.jsonl").read_text().splitlines()]
    assert all(line["prediction"] and set(line["prediction"].split()) <= set(WORDS) for line in lines)
    assert (transcriber / "predictions.jsonl").read_bytes() == before


@pytest.mark.usefixtures("_search")
def test_predict_searches_too(transcriber: Path, model: Path, run_here: Run, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "clip.wav", voice(RATE, 150.0), RATE)
    (tmp_path / "words.txt").write_text("a AH\none W AH N\nblue B L UW\n")
    asked = ("--decoder", "beam", "--lm", str(model), "--lexicon", str(tmp_path / "words.txt"), "--word-score", "99")
    code, out, err = run_here("predict", str(transcriber), str(tmp_path / "clip.wav"), *asked)
    assert code == 0, err
    heard = set(out.rstrip("\n").split("\t")[1].split())
    assert heard
    assert heard <= {"a", "one", "blue"}


@pytest.mark.usefixtures("_search")
@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("--lm", "{model}"), "words.arpa says nothing to greedy decoding; add --decoder beam"),
        (("--beam", "7"), "--beam 7 says nothing to greedy decoding; add --decoder beam"),
        (("--decoder", "beam", "--lm-weight", "0.3"), "--lm-weight 0.3 weighs a language model; name one with --lm"),
        (("--decoder", "beam", "--word-score", "1"), "--word-score 1.0 is about words, but none are known; name some"),
        (("--decoder", "beam", "--lm", "{model}x"), "words.arpax: no such file"),
        (("--decoder", "beam", "--lm", "{model}", "--beam", "0"), "beam must be at least 1, but is 0"),
        (("--decoder", "bema"), "bema"),
    ],
)
def test_mistakes(transcriber: Path, model: Path, run_here: Run, asked: tuple[str, ...], message: str) -> None:
    code, out, err = run_here("evaluate", str(transcriber), *(word.format(model=model) for word in asked))
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_classes_are_not_searched(trained: Path, model: Path, run_here: Run) -> None:
    code, out, err = run_here("evaluate", str(trained), "--decoder", "beam", "--lm", str(model))
    assert (code, out) == (2, "")
    assert "--decoder is about transcripts, but this task has none; leave it out" in err


def test_without_the_extra_it_says_what_to_install(
    transcriber: Path, model: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "flashlight.lib.text.decoder", None)
    code, _, err = run_here("evaluate", str(transcriber), "--decoder", "beam", "--lm", str(model))
    assert code == 2
    assert err.count("pip install 'sefront[asr]'") == err.count("\n") == 1
