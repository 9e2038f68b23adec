"""Sentences of the toy corpus: their words, their length, and what is new in the test."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sefront.core.clips import SPLITS, Split
from sefront.core.randomness import stream
from sefront.core.transcripts import transcription
from sefront.corpora.toy import Toy
from sefront.corpora.toy.phonemes import LEXICON, PHONEMES
from sefront.corpora.toy.sentences import PATTERNS, SLOTS, sentence

CORPUS = Toy(task="sentences")


def texts(split: Split) -> list[str]:
    return [str(clip.target) for clip in CORPUS.clips(split)]


def test_task() -> None:
    assert CORPUS.task() == transcription()
    assert CORPUS.role() == "speech"
    assert CORPUS.card().apart == ("speaker",)


@pytest.mark.parametrize("split", SPLITS)
def test_transcripts_are_words_of_the_lexicon_in_the_alphabet(split: Split) -> None:
    letters = set(CORPUS.task().labels[1:])
    for text in texts(split):
        assert set(text) <= letters
        assert 3 <= len(text.split()) <= 6
        assert set(text.split()) <= set(LEXICON)


def test_what_is_said_is_what_is_written() -> None:
    for clip in CORPUS.clips("valid"):
        assert " ".join(clip.audio.words) == clip.target  # type: ignore[attr-defined]


@pytest.mark.parametrize("word", LEXICON)
def test_words_are_made_of_known_sounds(word: str) -> None:
    assert set(LEXICON[word].split()) <= set(PHONEMES)


def test_the_grammar_has_thirty_words_and_all_are_learnt() -> None:
    words = {word for slot in SLOTS.values() for word in slot}
    assert len(words) == 30
    assert {word for text in texts("train") for word in text.split()} == words


def test_every_pattern_is_drawn() -> None:
    drawn = [sentence(stream(number)) for number in range(400)]
    shapes = [tuple(next(slot for slot in SLOTS if word in SLOTS[slot]) for word in words) for words in drawn]
    assert set(shapes) == set(PATTERNS)


def test_most_sentences_of_the_test_are_new() -> None:
    known, tested = set(texts("train")), texts("test")
    assert 0.3 < np.mean([text not in known for text in tested]) < 1.0


@pytest.mark.parametrize("split", SPLITS)
def test_sentences_take_about_two_seconds_and_leave_room_for_their_symbols(split: Split) -> None:
    clips = CORPUS.clips(split)
    seconds = [clip.audio.duration() for clip in clips]
    assert min(seconds) >= 1.0
    assert max(seconds) <= 3.6
    assert 1.6 <= np.mean(seconds) <= 2.4
    for clip, length in zip(clips, seconds, strict=True):
        repeats = sum(one == other for one, other in pairwise(str(clip.target)))
        assert length / 0.02 >= 1.3 * (len(str(clip.target)) + repeats), clip.id
