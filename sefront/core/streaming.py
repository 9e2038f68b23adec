"""Enhancing while the audio arrives: blocks of any size in, what is finished out.

A frontend that can do so states its `latency` in samples and has a method `stream`. What a stream puts out is what the
frontend would have made of the whole recording: it only comes piece by piece. Frontends that work on the frames of a
short-time Fourier transform give `SpectralStream` a function from frames to frames; analysis and synthesis are done
here, with the edges that `Stft` gives a whole clip.

    out(s) = sum_t w(s - t hop) ifft(X(., t)) / sum_t w(s - t hop)^2

The last frame that touches a sample ends n_fft - 1 samples behind it, so the latency of a transform is n_fft.
Source: Griffin and Lim 1984, doi:10.1109/TASSP.1984.1164317, for the synthesis.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, cast, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor

from sefront.core.protocols import Frontend
from sefront.core.signal import Stft, overlap_add

Process = Callable[[Tensor, Any, bool], tuple[Tensor, Any]]
"""From new frames (batch, bins, frames), what was remembered (None at first) and whether they are the last, to the
enhanced frames that are finished, in order, and what to remember. After the last ones none may be missing."""


class Stream(Protocol):
    """Enhances recordings that are still going on; used once, in eval mode."""

    def push(self, waves: Tensor) -> Tensor:
        """Take the next `waves` (batch, time); returns what is finished by now, (batch, time)."""
        ...

    def finish(self) -> Tensor:
        """The rest, (batch, time), so that as much has come out as went in."""
        ...


@runtime_checkable
class Streaming(Protocol):
    """A frontend that can enhance while the audio arrives, where its `latency` is not None."""

    def stream(self) -> Stream:
        """A stream at the beginning of a recording."""
        ...


def latency(frontend: object) -> int | None:
    """Algorithmic latency of `frontend` in samples; None where it cannot work on audio that is still arriving."""
    stated = getattr(frontend, "latency", None)
    return None if stated is None or not isinstance(frontend, Streaming) else int(stated)


def stream_of(frontend: Frontend) -> Stream | None:
    """A stream through `frontend`, or None where it needs to see what comes later."""
    return None if latency(frontend) is None else cast(Streaming, frontend).stream()


class SpectralStream:
    """A stream through the frames of a short-time Fourier transform.

    Args:
        stft: The transform.
        process: From frames to enhanced frames.
    """

    def __init__(self, stft: Stft, process: Process) -> None:
        self.stft, self.process = stft, process
        self.state: Any = None
        self.arrived = self.gone = 0  # samples in and out so far
        self.framed = 0  # frames so far
        self.heard: Tensor | None = None  # what the next frames begin with
        self.open: Tensor | None = None  # waves to which frames are still to be added
        self.weight = stft.window.new_zeros(stft.n_fft - stft.hop)  # their windows, squared and added

    def push(self, waves: Tensor) -> Tensor:
        """Take the next `waves` (batch, time); returns what is finished by now, (batch, time)."""
        half = self.stft.n_fft // 2
        if self.heard is None:
            self.heard = waves.new_zeros(len(waves), half)
            self.open = waves.new_zeros(len(waves), self.stft.n_fft - self.stft.hop)
        self.arrived += waves.shape[1]
        self.heard = torch.cat([self.heard, waves], 1)
        return self._out(self._frames((self.heard.shape[1] - self.stft.n_fft) // self.stft.hop + 1, False))

    def finish(self) -> Tensor:
        """The rest, (batch, time)."""
        if self.heard is None:
            return self.stft.window.new_zeros(1, 0)
        count = int(self.stft.frames(torch.tensor(self.arrived))) - self.framed
        missing = (count - 1) * self.stft.hop + self.stft.n_fft - self.heard.shape[1]
        self.heard = F.pad(self.heard, (0, max(0, missing)))
        finished = self._frames(count, True)
        return self._out(torch.cat([finished, cast(Tensor, self.open) / self.weight.clamp(min=1e-8)], 1))

    def _frames(self, count: int, last: bool) -> Tensor:
        """Enhance the next `count` frames; returns the waves, (batch, time), to which no frame will be added."""
        heard, hop = cast(Tensor, self.heard), self.stft.hop
        if count < 1:
            return heard[:, :0]
        cut = heard.unfold(1, self.stft.n_fft, hop)[:, :count]
        self.heard, self.framed = heard[:, count * hop :], self.framed + count
        spectrum = torch.fft.rfft(cut * self.stft.window).transpose(1, 2)
        enhanced, self.state = self.process(spectrum, self.state, last)
        return self._added(enhanced)

    def _added(self, spectrum: Tensor) -> Tensor:
        """Add frames to the open waves; returns those that became finished, (batch, time)."""
        done, left = spectrum.shape[2] * self.stft.hop, cast(Tensor, self.open)
        if not done:
            return left[:, :0]
        waves = overlap_add(self.stft.windowed(spectrum), self.stft.hop)
        power = overlap_add(self.stft.window.square().expand(1, spectrum.shape[2], -1), self.stft.hop)[0]
        rest = self.stft.n_fft - self.stft.hop
        waves[:, :rest] += left
        power[:rest] += self.weight
        finished = waves[:, :done] / power[:done].clamp(min=1e-8)
        self.open, self.weight = waves[:, done:], power[done:]
        return finished

    def _out(self, waves: Tensor) -> Tensor:
        """`waves` without what lies before the recording or behind it."""
        begin = max(0, min(self.stft.n_fft // 2 - self.gone, waves.shape[1]))
        self.gone += waves.shape[1]
        end = waves.shape[1] - max(0, self.gone - self.stft.n_fft // 2 - self.arrived)
        return waves[:, begin : max(begin, end)]
