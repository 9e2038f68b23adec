"""Targets to numbers and numbers to answers, for each kind of task."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from recordings import Sound, hiss

from sefront.core.batches import collate
from sefront.core.clips import Clip, Task, Tracing
from sefront.core.data import Example
from sefront.core.decoding import Decoding
from sefront.core.errors import DamagedAudioError, SefrontError
from sefront.core.kinds import kind_of, padded
from sefront.core.types import Batch, Prediction

LABELS = Task("classification", ("a", "b", "c"), "uar")
TEXT = Task("transcription", ("", " ", "a", "b"), "wer")
TRACE = Task("trace", ("x", "y"), "ccc", frame_rate=25.0)


class Course:
    """A trace in memory."""

    def __init__(self, values: Any) -> None:
        self._values = values

    def values(self) -> NDArray[np.float32]:
        return np.asarray(self._values, dtype=np.float32)


def clip(target: str | Tracing | None) -> Clip:
    return Clip("one", Sound(hiss(100)), target)


def batch(task: Task, targets: list[Any]) -> Batch:
    kind = kind_of(task)
    wave = hiss(160)
    return collate([Example(f"clip{i}", wave, wave, kind.encoded(clip(t)), 0.0) for i, t in enumerate(targets)])


def logs(*frames: int, symbols: int = 4) -> torch.Tensor:
    """Log-probabilities (frames, symbols) that are largest at the given symbols."""
    return torch.nn.functional.one_hot(torch.tensor(frames), symbols).float().mul(5).log_softmax(-1)


def test_labels() -> None:
    scores = torch.tensor([[0.0, 2.0, 1.0], [torch.nan, 0.0, 0.0]])
    kind, found = kind_of(LABELS), batch(LABELS, ["c", "a"])
    assert found.target.tolist() == [2, 0]
    assert found.target_lengths.tolist() == [1, 1]
    assert kind.pairs(found, Prediction(scores))[0] == ("c", "b")
    assert kind.scores(Prediction(scores))[0]["scores"] == pytest.approx([0.0900, 0.6652, 0.2447], abs=1e-4)
    assert kind.scores(Prediction(scores))[1]["scores"] == [None, None, None]
    assert kind.heard(Prediction(scores))[0]["label"] == "b"
    assert list(kind.heard(Prediction(scores))[0]["scores"]) == ["a", "b", "c"]


def test_texts() -> None:
    kind, found = kind_of(TEXT), batch(TEXT, ["ab a", "b", "xab"])
    assert found.target.tolist() == [[2, 3, 1, 2], [3, 0, 0, 0], [2, 3, 0, 0]]
    assert found.target_lengths.tolist() == [4, 1, 2]
    scores = torch.stack([logs(2, 2, 0, 2, 3), logs(3, 0, 1, 2, 2), logs(0, 0, 0, 0, 0)])
    prediction = Prediction(scores, torch.tensor([5, 2, 5]))
    assert kind.pairs(found, prediction) == [("ab a", "aab"), ("b", "b"), ("ab", "")]
    assert kind.heard(prediction) == [{"text": "aab"}, {"text": "b"}, {"text": ""}]
    assert kind.scores(prediction) == [{}, {}, {}]
    assert pickle.loads(pickle.dumps(kind)).heard(prediction) == kind.heard(prediction)  # noqa: S301  # our own


def test_letters_may_be_in_the_other_case() -> None:
    assert kind_of(TEXT).encoded(clip("aB")).tolist() == [2, 3]
    both = Task("transcription", ("", "A", "a"), "wer")
    assert kind_of(both).encoded(clip("aA")).tolist() == [2, 1]


def test_traces() -> None:
    kind = kind_of(TRACE)
    found = batch(TRACE, [Course([[1, 2], [3, 4], [5, 6]]), Course([[7, 8]])])
    assert found.target.tolist() == [[[1, 2], [3, 4], [5, 6]], [[7, 8], [0, 0], [0, 0]]]
    assert found.target_lengths.tolist() == [3, 1]
    prediction = Prediction(torch.arange(8.0).view(2, 2, 2), torch.tensor([2, 2]))
    (truth, answer), (short, other) = kind.pairs(found, prediction)
    assert (truth.tolist(), answer.tolist()) == ([[1, 2], [3, 4]], [[0, 1], [2, 3]])
    assert (short.tolist(), other.tolist()) == ([[7, 8]], [[4, 5]])
    assert kind.heard(prediction)[1] == {"frame_rate": 25.0, "trace": {"x": [4.0, 6.0], "y": [5.0, 7.0]}}


def test_traces_of_another_length_are_refused() -> None:
    found = batch(TRACE, [Course(np.zeros((30, 2)))])
    message = r"^clip0: its trace has 30 frames, but its audio lasts for 4 at 25 Hz; they may differ by 1 s, so check"
    with pytest.raises(SefrontError, match=message):
        kind_of(TRACE).pairs(found, Prediction(torch.zeros(1, 4, 2)))


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        (None, "has no trace"),
        ("calm", "has no trace"),
        (Course([[1.0]]), r"its trace has the shape \(1, 1\), not \(frames, 2\)"),
        (Course(np.zeros((0, 2))), r"its trace has the shape \(0, 2\)"),
        (Course([[1.0, np.nan]]), "holds values that are not finite"),
    ],
)
def test_damaged_traces(target: Any, fault: str) -> None:
    with pytest.raises(DamagedAudioError, match=f"^one: .*{fault}|^one: {fault}"):
        kind_of(TRACE).encoded(clip(target))


def test_decoding_is_about_transcripts() -> None:
    for task in (LABELS, TRACE):
        kind_of(task, Decoding())
        with pytest.raises(SefrontError, match=r"^--decoder is about transcripts, but this task has none; leave it"):
            kind_of(task, Decoding(decoder="beam"))


def test_clips_without_a_task_are_one_class() -> None:
    assert kind_of(None).encoded(clip("whatever")).tolist() == 0


def test_padding_keeps_types() -> None:
    target, lengths = padded([np.array([1, 2]), np.array([], dtype=np.int64)])
    assert (target.dtype, target.tolist(), lengths.tolist()) == (torch.int64, [[1, 2], [0, 0]], [2, 0])
