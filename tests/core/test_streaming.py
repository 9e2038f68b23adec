from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sefront.core.signal import Stft
from sefront.core.streaming import SpectralStream, Stream, latency, stream_of
from sefront.frontends.identity import Identity


def wave(size: int) -> Tensor:
    return torch.randn(2, size, generator=torch.Generator().manual_seed(size))


def streamed(stream: Stream, waves: Tensor, block: int) -> list[Tensor]:
    return [*(stream.push(part) for part in torch.split(waves, block, 1)), stream.finish()]


@pytest.mark.parametrize(("points", "hop"), [(512, 256), (512, 128), (96, 32)])
@pytest.mark.parametrize("size", [1, 100, 256, 257, 5000])
@pytest.mark.parametrize("block", [7, 256, 6000])
def test_a_stream_equals_the_whole_and_keeps_its_latency(points: int, hop: int, size: int, block: int) -> None:
    stft, waves = Stft(points, hop, "hamming"), wave(size)
    gain = torch.rand(points // 2 + 1, 1, generator=torch.Generator().manual_seed(0))
    parts = streamed(SpectralStream(stft, lambda spectrum, state, last: (gain * spectrum, state)), waves, block)
    whole = stft.inverse(gain * stft(waves), torch.tensor([size, size]), size)
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-5, rtol=0)
    out = torch.tensor([0] + [part.shape[1] for part in parts[:-1]]).cumsum(0)
    given = torch.arange(len(out)).mul(block).clamp(max=size)
    assert int((given - out).max()) <= points


def test_frames_may_be_held_back() -> None:
    """A process that waits for three frames delays the output and changes nothing else."""

    def process(spectrum: Tensor, held: Tensor | None, last: bool) -> tuple[Tensor, Tensor]:
        held = spectrum if held is None else torch.cat([held, spectrum], 2)
        ready = held.shape[2] if last else max(0, held.shape[2] - 3)
        return held[..., :ready], held[..., ready:]

    waves = wave(4000)
    parts = streamed(SpectralStream(Stft(512, 256), process), waves, 500)
    torch.testing.assert_close(torch.cat(parts, 1), waves, atol=1e-5, rtol=0)


def test_every_frame_is_processed_once_and_the_last_call_says_so() -> None:
    calls: list[tuple[int, bool]] = []

    def process(spectrum: Tensor, state: Any, last: bool) -> tuple[Tensor, Any]:
        calls.append((spectrum.shape[2], last))
        return spectrum, state

    stft = Stft(512, 256)
    streamed(SpectralStream(stft, process), wave(5000), 300)
    assert sum(count for count, _ in calls) == int(stft.frames(torch.tensor(5000)))
    assert [last for _, last in calls] == [False] * (len(calls) - 1) + [True]
    assert all(count for count, _ in calls)


def test_nothing_in_nothing_out() -> None:
    stream = SpectralStream(Stft(512, 256), lambda spectrum, state, last: (spectrum, state))
    assert stream.finish().shape[1] == 0


def test_only_what_states_a_latency_and_has_a_stream_can_stream() -> None:
    class Late(Identity):
        latency: Any = None

    class Plain(nn.Module):
        latency = 0

    assert latency(Identity(16000)) == 0
    assert stream_of(Identity(16000)) is not None
    assert latency(Late(16000)) is None
    assert stream_of(Late(16000)) is None
    assert latency(Plain()) is None
