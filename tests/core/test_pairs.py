from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from sefront.core.pairs import audible, labels, waves


def test_labels_become_arrays() -> None:
    truth, estimate = labels(["a", "b"], ("b", "b"))
    assert (truth == estimate).tolist() == [False, True]


def test_labels_of_a_table_are_refused() -> None:
    with pytest.raises(ValueError, match=r"lists of one length, not of shapes \(1, 2\) and \(1, 2\)"):
        labels([[1, 2]], [[1, 2]])


def test_waves_of_two_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="waves of one length"):
        waves(np.zeros((10, 2)), np.zeros((10, 2)))


@pytest.mark.parametrize(
    ("wave", "expected"), [([0.0, 0.1], True), ([0.0, 0.0], False), ([], False), ([0.1, np.nan], False)]
)
def test_audible(wave: list[float], expected: bool) -> None:
    assert audible(np.array(wave)) == expected


def test_workers_that_compute_metrics_import_no_torch() -> None:
    from sefront.core.pairs import measured
    from sefront.metrics.si_sdr import SISDR

    wave = np.sin(np.arange(1000) / 7)
    found = measured({"si_sdr": SISDR(), "nan": lambda x, y, sample_rate: math.nan}, wave, wave + 0.01, 16000)
    assert (set(found["signal"]), found["failed"]) == ({"si_sdr"}, ["nan"])
    code = "import sys; from sefront.core.pairs import measured; sys.exit('torch' in sys.modules)"
    assert measured.__module__ == "sefront.core.pairs"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
