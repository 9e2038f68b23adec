"""How frames become a text: greedily, and what is said of settings that make no sense."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from paths import spelt_by
from torch import Tensor

from sefront.core import Task
from sefront.core.decoding import Decoding, decoder_of
from sefront.core.errors import SefrontError
from sefront.core.transcripts import transcription

ALPHABET = ("", " ", "a", "b")
TASK = Task("transcription", ALPHABET, "wer")


def certain(*paths: str) -> Tensor:
    """Log-probabilities of frames that say the symbols of `paths`, ``-`` for blank."""
    ids = torch.tensor([[("-" + "".join(ALPHABET[1:])).index(symbol) for symbol in path] for path in paths])
    return torch.nn.functional.one_hot(ids, len(ALPHABET)).float().log_softmax(-1)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("aabb", "ab"),
        ("a-a-", "aa"),
        ("aa-aab", "aab"),
        ("----", ""),
        ("a bb", "a b"),
        ("--b--", "b"),
        ("-ab  ba", "ab ba"),
    ],
)
def test_repeats_are_joined_and_blanks_dropped(path: str, text: str) -> None:
    assert decoder_of(TASK, Decoding())(certain(path), None) == [text]


def test_greedy_is_the_most_probable_path() -> None:
    scores = torch.randn(8, 12, 4, generator=torch.Generator().manual_seed(0)).log_softmax(-1)
    expected = [spelt_by(tuple(row.tolist()), ALPHABET) for row in scores.argmax(-1)]
    assert decoder_of(TASK, Decoding())(scores, None) == expected


def test_frames_beyond_a_clip_are_not_read() -> None:
    assert decoder_of(TASK, Decoding())(certain("abab", "baba", "aaaa"), torch.tensor([2, 4, 0])) == ["ab", "baba", ""]


def test_other_scripts() -> None:
    task = Task("transcription", ("", "你", "好", "ß"), "cer")
    scores = torch.eye(4)[None, [1, 1, 0, 2, 3, 3]].log_softmax(-1)
    assert decoder_of(task, Decoding())(scores, None) == ["你好ß"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"lm": Path("words.arpa")}, "--lm words.arpa says nothing to greedy decoding; add --decoder beam"),
        ({"lexicon": Path("words.txt")}, "--lexicon words.txt says nothing to greedy decoding; add --decoder beam"),
        ({"beam": 50}, "--beam 50 says nothing to greedy decoding; add --decoder beam"),
        ({"word_score": 0.0}, "--word-score 0.0 says nothing to greedy decoding; add --decoder beam"),
        ({"decoder": "beam", "lm_weight": 0.5}, "--lm-weight 0.5 weighs a language model; name one with --lm"),
        (
            {"decoder": "beam", "word_score": 0.0},
            "--word-score 0.0 is about words, but none are known; name some with --lm or --lexicon",
        ),
        (
            {"decoder": "beam", "lexicon": Path("words.txt"), "lm_weight": 0.0},
            "--lm-weight 0.0 weighs a language model; name one with --lm",
        ),
        ({"decoder": "beam", "beam": 0}, "beam must be at least 1, but is 0"),
        ({"beam": -3}, "beam must be at least 1, but is -3"),
        ({"lm_weight": float("nan")}, "lm_weight and word_score must be finite, but they are nan and 1.85"),
        ({"word_score": float("inf")}, "lm_weight and word_score must be finite, but they are 0.75 and inf"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(SefrontError) as caught:
        decoder_of(transcription(), Decoding(**settings))
    assert str(caught.value) == said


def test_only_transcripts_are_decoded() -> None:
    with pytest.raises(SefrontError, match="only transcripts are decoded, but the task is classification"):
        decoder_of(Task("classification", ("", "a"), "uar"), Decoding())
