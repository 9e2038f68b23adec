"""Down/up traces are smoother than dilated ones: Khorram et al. 2017, doi:10.21437/Interspeech.2017-548, part 6.2."""

from __future__ import annotations

import torch
from torch import Tensor

from sefront.backends.emotion_dilated import EmotionDilated
from sefront.backends.emotion_downup import EmotionDownUp
from sefront.core.affect import Tracer
from sefront.core.clips import Task
from sefront.core.types import Batch

RATE, FRAMES, STEPS = 25.0, 1000, 50
TASK = Task("trace", ("arousal",), "ccc", frame_rate=RATE)
LENGTHS = torch.tensor([FRAMES])


def clip(seed: int) -> tuple[Tensor, Batch]:
    """Features (1, 160, frames) under noise of a trace that moves below 0.3 Hz, and that trace."""
    torch.manual_seed(seed)
    spectrum = torch.zeros(1, FRAMES // 2 + 1, dtype=torch.complex64)
    spectrum[:, 1:12] = torch.randn(1, 11, dtype=torch.complex64)
    trace = torch.fft.irfft(spectrum, FRAMES)
    trace = trace / trace.std()
    pattern = torch.randn(160, generator=torch.Generator().manual_seed(99)) / 160**0.5
    features = pattern[:, None] * trace[:, None] + 3 * torch.randn(1, 160, FRAMES)
    return features, Batch(trace, None, LENGTHS, trace[..., None], LENGTHS, (f"clip{seed}",), LENGTHS)


def trained(component: type[Tracer]) -> tuple[Tensor, float]:
    """The trace (frames,) of an unseen clip after a short training, and the last loss of that."""
    torch.manual_seed(0)
    backend = component(TASK, 16000)
    optimiser = torch.optim.Adam(backend.parameters(), lr=2e-3)
    for step in range(STEPS):
        features, batch = clip(step % 4)
        loss = backend.loss(backend.classify(features, LENGTHS), batch).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        return backend.classify(clip(1000)[0], LENGTHS).scores[0, :, 0], loss.item()


def above_1_hz(trace: Tensor) -> float:
    """Share of the power of a trace (frames,) without its mean that lies above 1 Hz."""
    power = torch.fft.rfft(trace - trace.mean()).abs().square()
    return float(power[torch.fft.rfftfreq(len(trace), 1 / RATE) > 1].sum() / power.sum())


def test_down_up_traces_have_less_energy_above_1_hz() -> None:
    (dilated, loss), (downup, other) = trained(EmotionDilated), trained(EmotionDownUp)
    assert max(loss, other) < 0.1  # both have learnt what they were shown
    assert above_1_hz(clip(1000)[1].target[0, :, 0]) < 1e-6
    assert above_1_hz(downup) < 0.25 * above_1_hz(dilated)
