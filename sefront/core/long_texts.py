"""Transcripts that cannot be learnt: CTC needs a frame for each symbol, and one more between two that are the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sefront.core.damages import Damaged
from sefront.core.data import Mixtures


def learnable(mixtures: Mixtures, backend: Any, report: Callable[[Damaged], None]) -> Mixtures:
    """`mixtures` without the clips whose text is longer than the frames that `backend` makes of their audio.

    Left in, their loss would be infinite, or zero and so a weight of zero.

    Args:
        mixtures: What is to be learnt from.
        backend: One that transcribes says by `frames(lengths)` how many frames clips of some samples have, (batch,);
            for others nothing is left out.
        report: Called with each clip that is left out.
    """
    if mixtures.task is None or mixtures.task.kind != "transcription" or not hasattr(backend, "frames"):
        return mixtures
    samples = torch.tensor([round(seconds * mixtures.reader.sample_rate) for seconds in mixtures.durations])
    frames: Tensor = backend.frames(samples)
    kept = []
    for row, (clip, held) in enumerate(zip(mixtures.clips, frames.tolist(), strict=True)):
        if (wanted := needed(mixtures.kind.encoded(clip))) > held:
            report(Damaged(clip.id, f"{clip.id}: its text needs {wanted} frames, but its audio has {held}"))
        else:
            kept.append(row)
    if len(kept) == len(mixtures):
        return mixtures
    return replace(
        mixtures, clips=[mixtures.clips[row] for row in kept], durations=[mixtures.durations[row] for row in kept]
    )


def needed(symbols: NDArray[np.int64]) -> int:
    """Frames that the shortest path for `symbols` (symbols,) takes."""
    return len(symbols) + int((symbols[1:] == symbols[:-1]).sum())
