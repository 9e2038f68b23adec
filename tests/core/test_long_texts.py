"""Texts that are longer than their audio."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recordings import RATE, clip, hiss, mixtures
from torch import Tensor

from sefront.backends.asr_ds2 import AsrDS2
from sefront.core.clips import Task
from sefront.core.data import Damaged
from sefront.core.long_texts import learnable, needed

TASK = Task("transcription", ("", "a", "b"), "wer")


class Tenth:
    """Ten frames a second."""

    def frames(self, lengths: Tensor) -> Tensor:
        return torch.div(lengths * 10, RATE, rounding_mode="floor")


@pytest.mark.parametrize(("symbols", "frames"), [([], 0), ([1], 1), ([1, 2, 1], 3), ([1, 1], 3), ([1, 1, 1, 2], 6)])
def test_frames_that_a_text_needs(symbols: list[int], frames: int) -> None:
    assert needed(np.array(symbols, dtype=np.int64)) == frames


def test_texts_that_do_not_fit_are_named_and_left_out() -> None:
    clips = [clip("fits", hiss(4800), "aba"), clip("doubled", hiss(4800), "aab"), clip("long", hiss(1600), "ab")]
    reported: list[Damaged] = []
    kept = learnable(mixtures(clips, task=TASK), Tenth(), reported.append)
    assert [c.id for c in kept.clips] == ["fits"]
    assert kept.durations == [0.3]
    assert [found.reason for found in reported] == [
        "doubled: its text needs 4 frames, but its audio has 3",
        "long: its text needs 2 frames, but its audio has 1",
    ]


def test_other_tasks_and_backends_are_left_alone() -> None:
    labelled, spoken = mixtures([clip("one", hiss(100), "high")]), mixtures([clip("one", hiss(100), "ab")], task=TASK)
    assert learnable(labelled, Tenth(), print) is labelled
    assert learnable(spoken, object(), print) is spoken


def test_the_frames_of_asr_ds2() -> None:
    backend = AsrDS2(TASK, RATE, width=4, layers=1).eval()
    lengths = torch.tensor([1, 159, 160, 5121, 16000])
    with torch.no_grad():
        said = backend(torch.zeros(5, 16000), lengths).lengths
    assert said is not None
    assert backend.frames(lengths).tolist() == said.tolist()
