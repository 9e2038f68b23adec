"""The main job from Python, on a synthetic corpus small enough for seconds: couple, look, enhance, predict.

python examples/01_from_python.py
"""

from __future__ import annotations

import tempfile

import numpy as np

import sefront


def main() -> None:
    """Couple a narrow U-Net with a narrow emotion network and use what comes out."""
    tiny = {"corpus.speakers": 3, "corpus.clips": 4, "noise.noises": 1, "frontend.width": 1, "backend.width": 4}
    with tempfile.TemporaryDirectory() as folder:
        run = sefront.couple(
            frontend="unet", backend="ser_cnn", mode="iterative", options=tiny, epochs=1, test_snr=(10, 0), out=folder
        )
        print(run.table())
        stereo = 0.1 * np.random.default_rng(0).standard_normal((48000, 2))
        print("enhanced:", run.enhance(stereo, 48000).shape)
        print("heard:", run.predict(stereo, 48000)["label"])


if __name__ == "__main__":
    main()
