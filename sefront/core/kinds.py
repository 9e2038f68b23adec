"""The kinds of tasks: how a clip's target becomes numbers, and how a backend's numbers become an answer again.

Classification: the target is a label, the answer the most probable one. Transcription: the target is a text over an
alphabet whose first symbol is CTC's blank; the answer is what a decoder reads in the probabilities of all frames.
Trace: target and answer are frames of numbers, one for each traced dimension.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sefront.core.clips import Clip, Task, Tracing
from sefront.core.decoding import Decoding, decoder_of
from sefront.core.errors import DamagedAudioError, SefrontError
from sefront.core.losses import shared_frames
from sefront.core.types import Batch, Prediction

Target = NDArray[Any]
EXAMPLES: Mapping[str, Task] = {
    "classification": Task("classification", ("a", "b", "c", "d"), "uar"),
    "transcription": Task("transcription", ("", " ", "a", "b", "c"), "wer"),
    "trace": Task("trace", ("first", "second"), "ccc", frame_rate=25.0),
}
"""A small task of each kind, to build a backend with."""


class Kind(Protocol):
    """What is particular to a kind of task."""

    def encoded(self, clip: Clip) -> Target:
        """The target of `clip` as numbers: a class id (), symbol ids (symbols,) or a trace (frames, dims).

        Raises:
            DamagedAudioError: It cannot be read.
        """
        ...

    def pairs(self, batch: Batch, prediction: Prediction) -> list[tuple[Any, Any]]:
        """Truth and answer for each clip: labels, texts, or traces (frames, dims) of one length."""
        ...

    def scores(self, prediction: Prediction) -> list[dict[str, Any]]:
        """What a row of an evaluation keeps of each clip beside the answer."""
        ...

    def heard(self, prediction: Prediction) -> list[dict[str, Any]]:
        """What a user is told of each clip."""
        ...


class Classification:
    """Labels.

    Args:
        task: The task.
    """

    def __init__(self, task: Task) -> None:
        self.labels = task.labels
        self.ids = {label: i for i, label in enumerate(task.labels)}

    def encoded(self, clip: Clip) -> Target:
        """The id of the label, ()."""
        return np.array(self.ids.get(str(clip.target), 0))

    def answers(self, prediction: Prediction) -> list[str]:
        """The most probable labels."""
        return [self.labels[i] for i in prediction.scores.argmax(-1).tolist()]

    def pairs(self, batch: Batch, prediction: Prediction) -> list[tuple[Any, Any]]:
        """True and most probable labels."""
        truths = [self.labels[i] for i in batch.target.tolist()]
        return list(zip(truths, self.answers(prediction), strict=True))

    def scores(self, prediction: Prediction) -> list[dict[str, Any]]:
        """The posterior of every class; None where it is not finite."""
        return [{"scores": [p if math.isfinite(p) else None for p in row]} for row in posteriors(prediction)]

    def heard(self, prediction: Prediction) -> list[dict[str, Any]]:
        """The most probable label, and the posterior of every class by name."""
        named = [dict(zip(self.labels, row, strict=True)) for row in posteriors(prediction)]
        return [{"label": label, "scores": p} for label, p in zip(self.answers(prediction), named, strict=True)]


class Transcription:
    """Texts over an alphabet; a letter may be in the other case, and what is not in it is left out.

    Args:
        task: The task.
        decoding: How probabilities become a text.
    """

    def __init__(self, task: Task, decoding: Decoding) -> None:
        self.alphabet = task.labels
        self.ids = {case: i for i, s in reversed([*enumerate(task.labels)]) if i for case in (s.lower(), s.upper())}
        self.ids |= {symbol: i for i, symbol in enumerate(task.labels) if i}
        self.decoder = decoder_of(task, decoding)

    def encoded(self, clip: Clip) -> Target:
        """The ids of the symbols, (symbols,)."""
        return np.array([self.ids[s] for s in str(clip.target or "") if s in self.ids], dtype=np.int64)

    def answers(self, prediction: Prediction) -> list[str]:
        """The decoded texts."""
        return self.decoder(prediction.scores.float(), prediction.lengths)

    def pairs(self, batch: Batch, prediction: Prediction) -> list[tuple[Any, Any]]:
        """True and decoded texts."""
        rows = zip(batch.target.tolist(), batch.target_lengths.tolist(), strict=True)
        truths = ["".join(self.alphabet[i] for i in row[:size]) for row, size in rows]
        return list(zip(truths, self.answers(prediction), strict=True))

    def scores(self, prediction: Prediction) -> list[dict[str, Any]]:
        """Nothing: the probabilities of all frames would fill the disk."""
        return [{} for _ in prediction.scores]

    def heard(self, prediction: Prediction) -> list[dict[str, Any]]:
        """The decoded text."""
        return [{"text": text} for text in self.answers(prediction)]


class Traces:
    """Frames of numbers.

    Args:
        task: The task.
    """

    def __init__(self, task: Task) -> None:
        self.dimensions = task.labels
        self.frame_rate = task.frame_rate or 1.0

    def encoded(self, clip: Clip) -> Target:
        """The trace, (frames, dims) float32.

        Raises:
            DamagedAudioError: It is missing, empty, not finite, or has other dimensions.
        """
        if not isinstance(clip.target, Tracing):
            raise DamagedAudioError(f"{clip.id}: has no trace")
        trace = np.asarray(clip.target.values(), dtype=np.float32)
        if trace.ndim != 2 or trace.shape[1] != len(self.dimensions) or not len(trace):
            shape = f"(frames, {len(self.dimensions)})"
            raise DamagedAudioError(f"{clip.id}: its trace has the shape {trace.shape}, not {shape}")
        if not np.isfinite(trace).all():
            raise DamagedAudioError(f"{clip.id}: its trace holds values that are not finite")
        return trace

    def answers(self, prediction: Prediction) -> list[NDArray[np.float32]]:
        """The predicted traces, (frames, dims) each."""
        scores = prediction.scores.float().cpu().numpy()
        frames = [scores.shape[1]] * len(scores) if prediction.lengths is None else prediction.lengths.tolist()
        return [row[:size] for row, size in zip(scores, frames, strict=True)]

    def pairs(self, batch: Batch, prediction: Prediction) -> list[tuple[Any, Any]]:
        """True and predicted traces, (frames, dims) each, over the frames that both have.

        Raises:
            SefrontError: They differ by more than a second.
        """
        shared = shared_frames(prediction, batch, self.frame_rate).tolist()
        truths, answers = batch.target.cpu().numpy(), self.answers(prediction)
        return [(t[:size], a[:size]) for t, a, size in zip(truths, answers, shared, strict=True)]

    def scores(self, prediction: Prediction) -> list[dict[str, Any]]:
        """Nothing: the answer is all there is."""
        return [{} for _ in prediction.scores]

    def heard(self, prediction: Prediction) -> list[dict[str, Any]]:
        """The frame rate in Hz, and the predicted trace of each dimension by name."""
        return [
            {"frame_rate": self.frame_rate, "trace": dict(zip(self.dimensions, answer.T.tolist(), strict=True))}
            for answer in self.answers(prediction)
        ]


def kind_of(task: Task | None, decoding: Decoding | None = None) -> Kind:
    """What is particular to the kind of `task`; clips without one are one class.

    Args:
        task: The task.
        decoding: How probabilities become a text; by default greedily.

    Raises:
        SefrontError: The decoding does not suit the task.
    """
    if task is None:
        return Classification(Task("classification", ("",), ""))
    if task.kind == "transcription":
        return Transcription(task, decoding or Decoding())
    if decoding not in (None, Decoding()):
        raise SefrontError("--decoder is about transcripts, but this task has none; leave it out")
    return Classification(task) if task.kind == "classification" else Traces(task)


def posteriors(prediction: Prediction) -> list[list[float]]:
    """The posterior of every class for each clip."""
    rows: list[list[float]] = prediction.scores.float().softmax(-1).tolist()
    return rows


def padded(targets: Sequence[Target]) -> tuple[Tensor, Tensor]:
    """Targets of one kind in a batch, and how many symbols or frames of each are valid: (batch, ...) and (batch,)."""
    if not targets[0].ndim:
        return torch.tensor(np.stack(targets)), torch.ones(len(targets), dtype=torch.long)
    lengths = torch.tensor([len(target) for target in targets])
    together = np.zeros((len(targets), int(lengths.max()), *targets[0].shape[1:]), dtype=targets[0].dtype)
    for row, target in zip(together, targets, strict=True):
        row[: len(target)] = target
    return torch.from_numpy(together), lengths
