"""Impulse responses of rooms that are only thought of: shoe boxes by the image method.

Their walls absorb what Sabine's equation asks of a reverberation time. Sources: Allen & Berkley 1979,
doi:10.1121/1.382599; Scheibler et al. 2018, doi:10.1109/ICASSP.2018.8461310.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sefront.core.errors import BadOptionError
from sefront.core.extras import extra
from sefront.core.mixing import Wave
from sefront.core.randomness import stream

ROOMS = 32  # of one seed, for each takes up to a few seconds
LEAST, MOST = (4.0, 4.0, 2.5), (10.0, 8.0, 4.0)  # metres of a room
WALL = 0.5  # metres that source and microphone keep from every wall
APART = 0.5  # metres, at least, between the two


def simulator() -> Any:
    """The package that simulates rooms.

    Raises:
        MissingExtraError: It is not installed.
    """
    return extra("rooms", "pyroomacoustics", "mixing.reverb=simulated")


@lru_cache(maxsize=4 * ROOMS)
def simulated(seed: int, number: int, rt60: tuple[float, float], sample_rate: int) -> Wave:
    """The impulse response (samples,) of a room whose size, positions and reverberation time follow from the seed."""
    acoustics = simulator()
    rng = stream(seed, "rooms", number)
    size, time = rng.uniform(LEAST, MOST), float(rng.uniform(*rt60))
    absorption, order = absorbing(acoustics, time, size)
    room = acoustics.ShoeBox(size, fs=sample_rate, materials=acoustics.Material(absorption), max_order=order)
    source, microphone = placed(size, rng)
    room.add_source(source)
    room.add_microphone(microphone)
    room.compute_rir()
    return np.asarray(room.rir[0][0], dtype=np.float32)


def absorbing(acoustics: Any, time: float, size: NDArray[np.float64]) -> tuple[float, int]:
    """Absorption and order of the images that give a room of `size` a reverberation time in seconds.

    Raises:
        BadOptionError: No walls absorb so much.
    """
    try:
        absorption, order = acoustics.inverse_sabine(time, size)
    except ValueError as error:
        raise BadOptionError(
            f"mixing.rt60: a room of {' x '.join(f'{side:.1f}' for side in size)} m cannot fade within {time:.2f} s; "
            "ask for 0.2 s or more"
        ) from error
    return float(absorption), int(order)


def placed(size: NDArray[np.float64], rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Source and microphone in a room of `size`, apart from the walls and each other."""
    while True:
        source, microphone = (rng.uniform(WALL, size - WALL) for _ in range(2))
        if np.linalg.norm(source - microphone) >= APART:
            return source, microphone
