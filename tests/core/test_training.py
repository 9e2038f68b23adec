from __future__ import annotations

import math

import pytest

from sefront.core.training import Training


@pytest.mark.parametrize("levels", [(math.nan,), (5.0, math.inf), (5.0, 0.0, 5.0)])
def test_levels_that_are_no_grid(levels: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="valid_snr must hold numbers in dB, each of them once, but is"):
        Training(valid_snr=levels)
