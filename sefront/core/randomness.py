"""Randomness that depends on names, never on the order of calls or the number of workers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def derive(seed: int, *names: object) -> int:
    """A 63-bit seed for the stream called `names` under `seed`; the same on every machine."""
    text = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogateescape"), digest_size=8).digest(), "big") >> 1


def stream(seed: int, *names: object) -> np.random.Generator:
    """A generator of its own for `names` under `seed`."""
    import numpy as np

    return np.random.default_rng(derive(seed, *names))


@contextmanager
def seeded(seed: int, *names: object) -> Iterator[None]:
    """Run a block under torch's generators seeded for `names`; the outer state is restored afterwards."""
    import torch

    devices = list(range(torch.cuda.device_count()))
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(derive(seed, *names))
        yield
