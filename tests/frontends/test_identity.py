from __future__ import annotations

import pytest
import torch

from sefront.core.losses import wsdr
from sefront.core.types import Batch
from sefront.frontends.identity import Identity


def test_returns_the_waves_and_zeros_beyond_them() -> None:
    waves = torch.ones(2, 5, requires_grad=True)
    enhanced = Identity(16000)(waves, torch.tensor([5, 3]))
    assert enhanced.waves.tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]
    enhanced.waves.sum().backward()
    assert waves.grad is not None


def test_its_loss_is_that_of_the_mixtures() -> None:
    clean, added = torch.randn(2, 2, 100, generator=torch.Generator().manual_seed(0))
    zeros, full = torch.zeros(2, dtype=torch.int64), torch.tensor([100, 100])
    batch = Batch(clean + added, clean, full, zeros, zeros + 1, ("a", "b"), torch.zeros(2))
    frontend = Identity(16000)
    loss = frontend.loss(frontend(batch.noisy, full), batch)
    assert loss.shape == (2,)
    assert torch.equal(loss, wsdr(batch.noisy, batch))


def test_has_no_delay_and_nothing_to_train() -> None:
    assert Identity(16000).latency == 0
    assert not list(Identity(16000).parameters())


def test_its_stream_gives_everything_back_at_once() -> None:
    stream, waves = Identity(16000).stream(), torch.ones(2, 5)
    assert torch.equal(stream.push(waves), waves)
    assert stream.finish().shape == (2, 0)


def test_refuses_an_impossible_rate() -> None:
    with pytest.raises(ValueError, match="sample_rate must be positive, not 0"):
        Identity(0)
