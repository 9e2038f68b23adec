from __future__ import annotations

import math

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sefront.metrics.wer import WER

words = st.lists(st.sampled_from(["a", "ab", "yes", "no", "never"]), max_size=8).map(" ".join)


def edits(truth: list[str], estimate: list[str]) -> int:
    """The edit distance by its recursion, Levenshtein's own."""
    row = list(range(len(estimate) + 1))
    for i, one in enumerate(truth, 1):
        above, row[0] = row[0], i
        for j, other in enumerate(estimate, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (one != other))
    return row[-1]


def test_every_kind_of_error_by_hand() -> None:
    metric = WER()
    assert metric.counts("the cat sat down", "the hat sat") == [2, 1, 1, 0]
    assert metric.counts("yes", "yes oh yes") == [1, 0, 0, 2]
    assert metric(["the cat sat down", "yes"], ["the hat sat", "yes oh yes"]) == pytest.approx(100 * 4 / 5)


def test_sums_errors_and_words_over_all_clips() -> None:
    assert WER()(["a b c d e f g h i", "x"], ["a b c d e f g h i", "y"]) == pytest.approx(10.0)


def test_can_exceed_a_hundred() -> None:
    assert WER()(["yes"], ["no no no"]) == pytest.approx(300.0)


@given(st.lists(st.tuples(words, words), min_size=1, max_size=6))
def test_equals_the_edit_distance(pairs: list[tuple[str, str]]) -> None:
    said = sum(len(truth.split()) for truth, _ in pairs)
    wrong = sum(edits(truth.split(), estimate.split()) for truth, estimate in pairs)
    truth, estimate = map(list, zip(*pairs, strict=True))
    value = WER()(truth, estimate)
    assert value == pytest.approx(100 * wrong / said) if said else math.isnan(value)


@given(st.lists(st.tuples(words.filter(bool), words), min_size=1, max_size=6))
def test_equals_jiwer_over_the_whole_set(pairs: list[tuple[str, str]]) -> None:
    truth, estimate = map(list, zip(*pairs, strict=True))
    whole = jiwer.process_words(truth, estimate)
    assert WER()(truth, estimate) == pytest.approx(100 * whole.wer)
    found = WER().details([WER().counts(*pair) for pair in pairs], ())["errors"]
    assert found == {kind: getattr(whole, kind) for kind in ("hits", "substitutions", "deletions", "insertions")}


def test_what_is_heard_where_nothing_was_said_is_inserted() -> None:
    assert WER().counts("", "a b") == [0, 0, 0, 2]
    assert WER().counts("", "") == [0, 0, 0, 0]
    assert WER()(["", "a b c d"], ["a b", "a b c d"]) == pytest.approx(50.0)


def test_case_and_spacing_do_not_count() -> None:
    assert WER()(["The  cat "], ["the CAT"]) == 0.0


@pytest.mark.parametrize(("truth", "estimate"), [([], []), ([""], ["a"]), (["", " "], ["", ""])])
def test_is_not_defined_where_nothing_was_said(truth: list[str], estimate: list[str]) -> None:
    assert math.isnan(WER()(truth, estimate))


@pytest.mark.parametrize(
    ("truth", "estimate", "found"),
    [
        (["a"], ["a", "b"], "1 items and 2 items"),
        ("a b", ["a b"], "a text and 1 items"),
        ("a", "a", "a text and a text"),
    ],
)
def test_refuses_what_is_not_one_text_a_clip(truth: list[str], estimate: list[str], found: str) -> None:
    with pytest.raises(ValueError, match=f"must be lists of one length, an item a clip, not {found}"):
        WER()(truth, estimate)
