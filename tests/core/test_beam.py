"""Beam search: against counting every path, with words, and with a language model written by hand."""

from __future__ import annotations

import gzip
import math
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import torch
from paths import probabilities
from torch import Tensor

from sefront.core import Task
from sefront.core.decoding import Decoder, Decoding, decoder_of
from sefront.core.errors import MissingExtraError, SefrontError
from sefront.core.transcripts import ALPHABET, transcription

MODEL = """\\data\\
ngram 1=5
ngram 2=3
ngram 3=1

\\1-grams:
-99\t<s>\t-0.3
-0.9\t</s>
-0.7\tA\t-0.2
-0.8\tAB\t-0.5
-1.0\tB\t-0.1

\\2-grams:
-0.4\t<s> A\t-0.15
-0.2\tA B\t-0.35
-0.1\tB </s>

\\3-grams:
-0.05\t<s> A B

\\end\\
"""
BY_HAND = {  # log10 P
    "": -0.3 - 0.9,  # </s> after <s>: its weight, and </s> alone
    "b": (-0.3 - 1.0) - 0.1,
    "ab": (-0.3 - 0.8) + (-0.5 - 0.9),
    "a b": -0.4 - 0.05 + (-0.35 - 0.1),  # all three of <s> A B; </s> after A B: its weight, and B </s>
    "a a": -0.4 + (-0.15 - 0.2 - 0.7) + (-0.2 - 0.9),  # A after <s> A: its weight, that of A, and A alone
    "b a b": (-0.3 - 1.0) + (-0.1 - 0.7) - 0.2 + (-0.35 - 0.1),
}
SYMBOLS = ("", "a", "b", " ")
TASK = Task("transcription", SYMBOLS, "wer")


@pytest.fixture(autouse=True)
def _flashlight() -> None:
    pytest.importorskip("flashlight.lib.text.decoder", reason="no flashlight: pip install 'sefront[asr]'")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "words.arpa"
    path.write_text(MODEL)
    return path


def random(*shape: int, spread: float = 2.0, seed: int = 0) -> Tensor:
    return (spread * torch.randn(shape, generator=torch.Generator().manual_seed(seed))).log_softmax(-1)


def searched(task: Task = TASK, **settings: Any) -> Decoder:
    return decoder_of(task, Decoding(decoder="beam", **settings))


def usual(text: str) -> float:
    """log10 P of a sentence by backing off in `MODEL`."""
    rows = [line.split("\t") for line in MODEL.splitlines() if "\t" in line]
    listed = {tuple(row[1].split()): float(row[0]) for row in rows}
    weights = {tuple(row[1].split()): float(row[2]) for row in rows if len(row) > 2}

    def after(past: tuple[str, ...], word: str) -> float:
        if (*past, word) in listed:
            return listed[(*past, word)]
        return weights.get(past, 0.0) + after(past[1:], word)

    words = ("<s>", *text.upper().split(), "</s>")
    return sum(after(words[max(0, i - 2) : i], words[i]) for i in range(1, len(words)))


def sentences(scores: Tensor) -> dict[str, float]:
    """ln of the probability of every sequence of words, however many spaces are between them."""
    found: dict[str, float] = defaultdict(float)
    for text, p in probabilities(scores, SYMBOLS).items():
        found[" ".join(text.split())] += p
    return {text: math.log(p) for text, p in found.items()}


@pytest.mark.parametrize("symbols", [("", "a", "b"), ("", " ", "b"), ("", "你", "|")])
def test_without_words_it_finds_the_most_probable_text(symbols: tuple[str, ...]) -> None:
    task, scores = Task("transcription", symbols, "cer"), random(60, 4, 3, spread=1.0)
    expected = [max(found := probabilities(row, symbols), key=lambda text: found[text]) for row in scores]
    assert searched(task)(scores, None) == expected
    assert decoder_of(task, Decoding())(scores, None) != expected  # the most probable path is not always it


@pytest.mark.parametrize("text", BY_HAND)
def test_backing_off_by_hand(text: str) -> None:
    assert usual(text) == pytest.approx(BY_HAND[text])


@pytest.mark.parametrize(("weight", "score"), [(0.75, 1.85), (0.0, 0.0), (1.5, -0.5)])
def test_with_a_language_model_it_finds_the_best_sentence(model: Path, weight: float, score: float) -> None:
    scores, expected = random(40, 5, 4), []
    for row in scores:
        heard = {text: p for text, p in sentences(row).items() if set(text.split()) <= {"a", "b", "ab"}}
        value = {t: p + weight * math.log(10) * usual(t) + score * len(t.split()) for t, p in heard.items()}
        expected.append(max(value, key=lambda text: value[text]))
    assert len(set(expected)) > 3
    assert searched(lm=model, lm_weight=weight, word_score=score, beam=1000)(scores, None) == expected


@pytest.mark.parametrize("score", [0.0, 3.0])
def test_with_a_lexicon_alone_it_finds_the_best_of_its_words(tmp_path: Path, score: float) -> None:
    (tmp_path / "words.txt").write_text("ab  AE1 B\n\nbb\n")
    scores, expected = random(40, 5, 4), []
    for row in scores:
        heard = {t: p + score * len(t.split()) for t, p in sentences(row).items() if set(t.split()) <= {"ab", "bb"}}
        expected.append(max(heard, key=lambda text: heard[text]))
    assert len(set(expected)) > 2
    assert searched(lexicon=tmp_path / "words.txt", word_score=score, beam=1000)(scores, None) == expected


def likely(*symbols: dict[str, float]) -> Tensor:
    """Log-probabilities (1, frames, symbols) of frames that give each symbol a share, and the rest next to none."""
    rows = [[math.log(row.get(symbol, 1e-4)) for symbol in SYMBOLS] for row in symbols]
    return torch.tensor([rows]).log_softmax(-1)


def test_the_language_model_changes_the_answer(model: Path) -> None:
    """A B is usual, B B is not: what sounds a little more like B B is heard as A B."""
    scores = likely({"b": 0.6, "a": 0.4}, {" ": 1.0}, {"b": 1.0})
    assert searched()(scores, None) == ["b b"]
    assert searched(lm=model, lm_weight=0.0)(scores, None) == ["b b"]
    assert searched(lm=model)(scores, None) == ["a b"]


def test_a_lexicon_narrows_the_language_model(model: Path, tmp_path: Path) -> None:
    """The words of the lexicon are asked for as the language model spells them; others are as rare as unknown ones."""
    lexicon = tmp_path / "words.txt"
    lexicon.write_text("b\nba\n")
    scores = likely({"b": 0.6, "a": 0.4}, {" ": 1.0}, {"b": 1.0})
    assert searched(lm=model, lexicon=lexicon)(scores, None) == ["b b"]
    unknown = likely({"b": 1.0}, {"a": 0.999, " ": 0.001})
    assert searched(lm=model, lexicon=lexicon, lm_weight=0.1)(unknown, None) == ["ba"]
    assert searched(lm=model, lexicon=lexicon)(unknown, None) == ["b"]  # -7 against -1


@pytest.mark.parametrize("packed", [False, True])
def test_models_in_capitals_behind_remarks_and_gzipped(tmp_path: Path, packed: bool) -> None:
    text = ("A model.\n\n" + MODEL).encode()
    path = tmp_path / ("words.arpa.gz" if packed else "words.arpa")
    path.write_bytes(gzip.compress(text) if packed else text)
    assert searched(lm=path)(likely({"b": 0.6, "a": 0.4}, {" ": 1.0}, {"b": 1.0}), None) == ["a b"]


def test_an_alphabet_in_capitals(tmp_path: Path, model: Path) -> None:
    model.write_text(MODEL.lower())
    task = Task("transcription", ("", "A", "B", " "), "wer")
    assert searched(task, lm=model)(likely({"b": 0.6, "a": 0.4}, {" ": 1.0}, {"b": 1.0}), None) == ["A B"]


def test_frames_beyond_a_clip_are_not_read(model: Path) -> None:
    scores, frames = random(4, 6, 4), torch.tensor([0, 2, 4, 6])
    for search in (searched(), searched(lm=model)):
        alone = [search(row[None, :size], None)[0] for row, size in zip(scores, frames.tolist(), strict=True)]
        assert search(scores, frames) == alone
        assert alone[0] == ""
        assert len(set(alone)) > 1


def test_scores_that_are_not_finite_or_ask_for_gradients(model: Path) -> None:
    scores = random(2, 6, 4).requires_grad_().bfloat16()
    broken = torch.where(torch.arange(4) == 1, torch.nan, scores)
    broken = torch.where(torch.arange(4) == 2, -torch.inf, broken)
    for search in (searched(), searched(lm=model)):
        assert all(set(text) <= {" "} for text in search(broken, None))


def test_words_that_the_alphabet_cannot_spell_are_counted_and_left_out(model: Path) -> None:
    model.write_text(MODEL.replace("\tAB", "\tAB-2"))
    with pytest.warns(UserWarning, match=r"words\.arpa: left out 1 words that the alphabet cannot spell, such as AB-2"):
        search = searched(lm=model)
    assert search(likely({"a": 1.0}, {"b": 0.8, " ": 0.2}), None) == ["a"]


@pytest.mark.parametrize(
    ("symbols", "said"),
    [(("", " ", "x"), "words.arpa: holds no word of the symbols x"), (("", "a"), "the alphabet has no space")],
)
def test_alphabets_that_do_not_fit(model: Path, symbols: tuple[str, ...], said: str) -> None:
    with pytest.raises(SefrontError, match=said):
        searched(Task("transcription", symbols, "wer"), lm=model)


def test_files_that_cannot_be_used(model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SefrontError, match=r"nowhere\.txt: no such file"):
        searched(lm=model, lexicon=tmp_path / "nowhere.txt")
    model.write_text(MODEL.replace("ngram 2=3", "ngram 2=30"))
    with pytest.raises(SefrontError, match=r"words.arpa: KenLM cannot read it: .+") as caught:
        searched(lm=model)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "flashlight.lib.text.decoder", None)
    with pytest.raises(MissingExtraError, match=r"beam search needs .*pip install 'sefront\[asr\]'"):
        searched()


def test_the_model_of_an4_is_searched_faster_than_real_time(real_data: Path) -> None:
    """500 frames are 10 s; nothing is harder to search than noise."""
    path = real_data / "an4" / "etc" / "an4.lm"
    if not path.is_file():
        pytest.skip(f"no {path}")
    search, scores = searched(transcription(), lm=path), random(1, 500, len(ALPHABET), spread=1.0)
    words = {line.split()[1].lower() for line in path.read_text().splitlines() if line.startswith("-2.0253\t")}
    began = time.process_time()
    (text,) = search(scores, None)
    assert time.process_time() - began < 10
    assert len(text.split()) > 5
    assert set(text.split()) <= words
