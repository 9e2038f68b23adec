from __future__ import annotations

import numpy as np
import pytest
import torch
from recordings import RATE, hiss

from sefront.core.errors import SefrontError
from sefront.core.pcm import decoded, delay, encoded, enhance_pcm
from sefront.frontends.identity import Identity
from sefront.frontends.unet import UNet

SAMPLES = (hiss(1000) * 2**15).astype("<i2").tobytes()


def enhanced(*blocks: bytes) -> tuple[bool, list[bytes]]:
    arriving, out = iter([*blocks, b""]), []
    return enhance_pcm(Identity(RATE), lambda: next(arriving), out.append), out


def test_what_is_not_changed_stays_as_it_is_to_the_bit() -> None:
    every = np.arange(-(2**15), 2**15).astype("<i2").tobytes()
    assert encoded(decoded(every)) == every


def test_samples_beyond_full_scale_are_clipped() -> None:
    assert np.frombuffer(encoded(torch.tensor([[-1.5, 1.0, 1.5, -1.0]])), "<i2").tolist() == [
        -32768, 32767, 32767, -32768,
    ]  # fmt: skip


def test_blocks_may_end_within_a_sample() -> None:
    odd, out = enhanced(SAMPLES[:1], SAMPLES[1:2], SAMPLES[2:333], SAMPLES[333:])
    assert not odd
    assert b"".join(out) == SAMPLES
    assert out[:3] == [b"", SAMPLES[:2], SAMPLES[2:332]]


def test_half_a_sample_at_the_end_is_left_out() -> None:
    odd, out = enhanced(SAMPLES, b"x")
    assert odd
    assert b"".join(out) == SAMPLES


def test_nothing_becomes_nothing() -> None:
    assert enhanced() == (False, [b""])


def test_how_far_it_is_behind() -> None:
    assert delay(Identity(RATE), "identity") == 0
    assert delay(UNet(RATE, width=1, causal=True), "unet") == 1024


def test_a_frontend_that_has_to_hear_what_comes_later() -> None:
    with pytest.raises(
        SefrontError, match=r"frontend 'unet' has to hear what comes later.*`sefront plugins show unet`"
    ):
        delay(UNet(RATE, width=1), "unet")
