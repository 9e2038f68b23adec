from __future__ import annotations

import math

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sefront.metrics.cer import CER
from sefront.metrics.wer import WER

texts = st.text("ab ö字'", max_size=10).map(lambda text: " ".join(text.split()))


def test_every_kind_of_error_by_hand() -> None:
    assert CER().counts("abcd", "axc") == [2, 1, 1, 0]
    assert CER()(["abcd", "y"], ["axc", "yes"]) == pytest.approx(100 * 4 / 5)


def test_a_space_is_a_character() -> None:
    assert CER()(["a b"], ["ab"]) == pytest.approx(100 / 3)


@given(st.lists(st.tuples(texts.filter(bool), texts), min_size=1, max_size=5))
def test_equals_jiwer_over_the_whole_set(pairs: list[tuple[str, str]]) -> None:
    truth, estimate = map(list, zip(*pairs, strict=True))
    assert CER()(truth, estimate) == pytest.approx(100 * jiwer.cer(truth, estimate))


def test_scripts_without_spaces() -> None:
    truth, estimate = ["今天天气很好"], ["今天天七很好"]
    assert CER()(truth, estimate) == pytest.approx(100 / 6)
    assert WER()(truth, estimate) == 100.0


def test_what_is_heard_where_nothing_was_said_is_inserted() -> None:
    assert CER().counts("", "a b") == [0, 0, 0, 3]
    assert CER()(["", "abcd"], ["ab", "abcd"]) == pytest.approx(50.0)
    assert math.isnan(CER()([""], ["a"]))


def test_case_and_spacing_do_not_count() -> None:
    assert CER()([" The  cat"], ["the cat "]) == 0.0
