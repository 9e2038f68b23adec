"""Enhancing recordings of any length in the memory of one window.

A recording of up to W samples is enhanced as it is. A longer one goes through the frontend's own stream where it has
one, else through overlapping windows: with C = W / 8, window k begins at k (W - 2 C) and shares 2 C samples with the
next one, in which the two are faded into each other,

    out(s) = (1 - w(s)) earlier(s) + w(s) later(s),   w = 0 for C / 2 samples, rising for C, 1 for C / 2,

so that no sample is taken from a window that heard less than C / 2 samples on either side of it. Windows begin at
multiples of 3 W / 4 = 2^12 75 samples, so hops and strides that divide this fall as they would in the whole: 100, 160,
240, 256, 480 or 512 samples, and 4096 as in sixteen hops of 256. Others enhance each window as well, but not to the
same samples.

Source: none; crossfading is common practice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from sefront.core.audio import resampler
from sefront.core.chain import enhance
from sefront.core.mixed import Mixed
from sefront.core.modes import judging
from sefront.core.protocols import Frontend
from sefront.core.streaming import Stream, stream_of

WINDOW = 2**14 * 25  # samples: 26 s at 16 kHz; a process with the default unet, dcunet or wave_unet has 0.6 to 0.8 GB
BLOCK = WINDOW // 2  # samples that are read at a time

Waves = NDArray[np.float32]


def whole(frontend: Frontend, waves: Tensor) -> Tensor:
    """`waves` (batch, time), which are recordings from beginning to end, enhanced."""
    return enhance(frontend, waves, torch.full((len(waves),), waves.shape[1])).waves.float()


class Windows:
    """A stream through any frontend: overlapping windows, each enhanced as if it were a recording.

    Args:
        frontend: The frontend, in eval mode.
        channels: How many recordings are enhanced at once.
        window: Samples in a window; a multiple of 16.
    """

    def __init__(self, frontend: Frontend, channels: int, window: int = WINDOW) -> None:
        if window < 16 or window % 16:
            raise ValueError(f"window must be a positive multiple of 16 samples, not {window}")
        self.frontend, self.window, self.overlap = frontend, window, window // 4
        level = self.overlap // 4
        self.fade = F.pad(torch.linspace(0, 1, 2 * level), (level, 0))
        self.fade = F.pad(self.fade, (0, level), value=1.0)
        self.heard = torch.zeros(channels, 0)  # what the next window begins with
        self.tail = torch.zeros(channels, 0)  # the end of the last one, to be faded out

    def push(self, waves: Tensor) -> Tensor:
        """Take the next `waves` (batch, time); returns what is finished by now, (batch, time)."""
        self.heard = torch.cat([self.heard, waves], 1)
        step = self.window - self.overlap
        finished = [waves[:, :0]]
        while self.heard.shape[1] > self.window:
            enhanced = self._joined(self.heard[:, : self.window])
            finished.append(enhanced[:, :step])
            self.heard, self.tail = self.heard[:, step:], enhanced[:, step:]
        return torch.cat(finished, 1)

    def finish(self) -> Tensor:
        """The rest, (batch, time)."""
        return self._joined(self.heard) if self.heard.shape[1] else self.heard

    def _joined(self, waves: Tensor) -> Tensor:
        """The next window enhanced, row by row to save memory, with the last one fading into it."""
        enhanced = torch.cat([whole(self.frontend, row[None]) for row in waves])
        shared = self.tail.shape[1]
        faded = torch.lerp(self.tail, enhanced[:, :shared], self.fade[:shared])
        return torch.cat([faded, enhanced[:, shared:]], 1)


def windows(frontend: Frontend, channels: int, window: int = WINDOW) -> Stream:
    """`Windows` through `frontend`; what it adds back of the input follows the whole recording, not each window."""
    if isinstance(frontend, Mixed):
        return frontend.around(windows(frontend.unmixed, channels, window))
    return Windows(frontend, channels, window)


class Piecewise:
    """A stream that puts out what `frontend` makes of a whole recording, whether or not that can be had early.

    Args:
        frontend: The frontend.
        channels: How many recordings are enhanced at once.
        window: Samples up to which recordings are enhanced as they are.
    """

    def __init__(self, frontend: Frontend, channels: int, window: int = WINDOW) -> None:
        self.frontend, self.window = frontend, window
        self.heard = torch.zeros(channels, 0)
        self.inner: Stream | None = None

    def push(self, waves: Tensor) -> Tensor:
        """Take the next `waves` (batch, time); returns what is finished by now, (batch, time)."""
        if self.inner is None:
            self.heard = torch.cat([self.heard, waves], 1)
            if self.heard.shape[1] <= self.window:
                return waves[:, :0]
        with judging(self.frontend):
            if self.inner is None:
                self.inner = stream_of(self.frontend) or windows(self.frontend, len(waves), self.window)
                waves, self.heard = self.heard, waves[:, :0]
            some = self.window // 2  # a stream's memory grows with what it is given at once
            parts = [self.inner.push(waves[:, start : start + some]) for start in range(0, waves.shape[1], some)]
            return torch.cat([waves[:, :0], *parts], 1)

    def finish(self) -> Tensor:
        """The rest, (batch, time), so that as much has come out as went in."""
        with judging(self.frontend):
            if self.inner is not None:
                return self.inner.finish()
            return whole(self.frontend, self.heard) if self.heard.shape[1] else self.heard


class Passage:
    """The way of a recording through a frontend: to its rate, through it, and back, block by block.

    Each channel is enhanced by itself; nothing above half the frontend's rate survives.

    Args:
        frontend: The frontend.
        sample_rate: Its rate in Hz.
        rate: Rate of the recording in Hz.
        channels: Channels of the recording.
        window: Samples at the frontend's rate up to which recordings are enhanced as they are.
    """

    def __init__(self, frontend: Frontend, sample_rate: int, rate: int, channels: int, window: int = WINDOW) -> None:
        self.inner = Piecewise(frontend, channels, window)
        self.there = resampler(rate, sample_rate, channels)
        self.back = resampler(sample_rate, rate, channels)
        self.nothing = np.zeros((0, channels), dtype=np.float32)

    def through(self, blocks: Iterable[Waves]) -> Iterator[Waves]:
        """For each of `blocks` (samples, channels) what is finished by then; in the end the rest.

        As many samples come out as went in.
        """
        due = 0
        for block in blocks:
            enhanced = self.inner.push(columns(self.there(block, False)))
            out = self.back(enhanced.numpy().T, False)
            due += len(block) - len(out)
            yield out
        before = self.inner.push(columns(self.there(self.nothing, True)))
        enhanced = torch.cat([before, self.inner.finish()], 1)
        out = self.back(enhanced.numpy().T, True)[:due]
        yield np.pad(out, ((0, due - len(out)), (0, 0))) if len(out) < due else out


def columns(block: Waves) -> Tensor:
    """A block (samples, channels) as a batch (channels, samples)."""
    return torch.from_numpy(np.ascontiguousarray(block.T))
