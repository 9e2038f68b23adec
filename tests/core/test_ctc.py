"""The loss of connectionist temporal classification: by counting paths, beside torch, and where no path exists."""

from __future__ import annotations

import math
import warnings
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from paths import probabilities
from torch import Tensor

from sefront.core.errors import SefrontError
from sefront.core.losses import ctc
from sefront.core.types import Batch, Prediction

ALPHABET = ("", " ", "a", "b")


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).log_softmax(-1)


def batch_of(*texts: str) -> Batch:
    rows = [torch.tensor([ALPHABET.index(symbol) for symbol in text], dtype=torch.int64) for text in texts]
    target = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    silence, count = torch.zeros(len(texts), 160), len(texts)
    ids = tuple(f"clip {text}" for text in texts)
    lengths = torch.tensor([len(text) for text in texts])
    return Batch(silence, silence, torch.full((count,), 160), target, lengths, ids, torch.zeros(count))


def test_the_loss_counts_every_path() -> None:
    texts, scores = ("ab", "aa", "a b", "", "bab a"), random(5, 5, 4)
    found = ctc(Prediction(scores, torch.full((5,), 5)), batch_of(*texts))
    expected = [
        -math.log(probabilities(row, ALPHABET)[text]) / max(1, len(text))
        for row, text in zip(scores, texts, strict=True)
    ]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_torchs_own_mean_is_the_mean_of_it() -> None:
    texts, frames, scores = ("ab ab", "b", "aab"), torch.tensor([30, 17, 9]), random(3, 30, 4)
    batch = batch_of(*texts)
    joined = torch.cat([row[:size] for row, size in zip(batch.target, batch.target_lengths, strict=True)])
    theirs = F.ctc_loss(scores.transpose(0, 1), joined, tuple(frames.tolist()), tuple(map(len, texts)))
    torch.testing.assert_close(ctc(Prediction(scores, frames), batch).mean(), theirs)


def test_neither_padding_nor_batch_mates_count() -> None:
    scores = random(2, 12, 4)
    alone = ctc(Prediction(scores[:1, :7], torch.tensor([7])), batch_of("ab"))
    together = ctc(Prediction(scores, torch.tensor([7, 12])), batch_of("ab", "a b a"))
    torch.testing.assert_close(together[:1], alone)


def test_silence_alone() -> None:
    scores = random(2, 6, 4)
    found = ctc(Prediction(scores, torch.tensor([6, 4])), batch_of("", ""))
    torch.testing.assert_close(found, torch.stack([-scores[0, :, 0].sum(), -scores[1, :4, 0].sum()]))


@pytest.mark.parametrize(("text", "needed"), [("aa", 3), ("abab", 4), ("aaa", 5), ("a  b", 5)])
def test_a_text_that_does_not_fit_is_told_and_not_learnt(text: str, needed: int) -> None:
    scores = random(2, needed - 1, 4).requires_grad_()
    frames = torch.tensor([needed - 1, needed - 1])
    said = f"clip {text}: nothing is learnt from it, since its text needs {needed} frames but it has {needed - 1}"
    with pytest.warns(UserWarning) as told:
        losses = ctc(Prediction(scores, frames), batch_of(text, "a"))
    assert [str(warning.message) for warning in told] == [said]
    losses.sum().backward()
    assert losses[0] == 0
    assert losses[1] > 0
    assert scores.grad is not None
    assert bool(scores.grad.isfinite().all())
    assert bool((scores.grad[0] == 0).all())


def test_a_text_that_just_fits_is_learnt() -> None:
    assert bool((ctc(Prediction(random(2, 3, 4), torch.tensor([3, 3])), batch_of("aa", "aba")) > 0).all())


def test_a_clip_is_named_once() -> None:
    def loss() -> Any:
        return ctc(Prediction(random(1, 2, 4), torch.tensor([2])), batch_of("abb"))

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        for _ in range(3):
            loss()
    assert len(told) == 1


def test_half_precision() -> None:
    scores, frames = random(1, 20, 4), torch.tensor([20])
    exact = ctc(Prediction(scores, frames), batch_of("ab"))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = ctc(Prediction(scores.bfloat16(), frames), batch_of("ab"))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, exact, atol=0, rtol=0.02)


def test_without_frames() -> None:
    with pytest.raises(SefrontError, match="CTC needs the valid frames of each clip"):
        ctc(Prediction(random(1, 3, 4)), batch_of("a"))
