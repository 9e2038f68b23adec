"""Enhancing raw audio while it arrives: 16-bit little-endian mono samples in, the same out."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from torch import Tensor

from sefront.core.errors import SefrontError
from sefront.core.modes import judging
from sefront.core.protocols import Frontend
from sefront.core.streaming import Streaming, latency

FULL_SCALE = 2**15


def delay(frontend: Frontend, name: str) -> int:
    """Latency in samples of the `frontend` called `name`.

    Raises:
        SefrontError: It has to hear what comes later.
    """
    samples = latency(frontend)
    if samples is None:
        raise SefrontError(
            f"frontend '{name}' has to hear what comes later, so it cannot enhance a stream; `sefront plugins show "
            f"{name}` says whether an option makes it causal, or enhance files instead"
        )
    return samples


def enhance_pcm(frontend: Frontend, read: Callable[[], bytes], write: Callable[[bytes], None]) -> bool:
    """Enhance what `read` gives until it gives nothing, and `write` everything as soon as it is finished.

    Returns:
        Whether half a sample was left over at the end.
    """
    left = b""
    with judging(frontend):
        stream = cast(Streaming, frontend).stream()
        while block := read():
            left += block
            even = len(left) // 2 * 2
            write(encoded(stream.push(decoded(left[:even]))))
            left = left[even:]
        write(encoded(stream.finish()))
    return bool(left)


def decoded(samples: bytes) -> Tensor:
    """Waves (1, time) in [-1, 1]."""
    return torch.from_numpy(np.frombuffer(samples, "<i2").astype(np.float32) / FULL_SCALE)[None]


def encoded(waves: Tensor) -> bytes:
    """16-bit samples of `waves` (1, time), clipped to [-1, 1)."""
    scaled = (waves[0].float() * FULL_SCALE).round().clamp(-FULL_SCALE, FULL_SCALE - 1)
    return scaled.numpy().astype("<i2").tobytes()
