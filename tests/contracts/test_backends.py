"""Every backend of the live catalogue keeps the contract."""

from __future__ import annotations

import math
from typing import Any

import pytest
from recordings import RATE, TASK, mixtures, voices

from sefront.core import Coupler, Material
from sefront.core.training import Lengths, Training
from sefront.couplings.frozen import Frozen
from sefront.couplings.iterative import Iterative
from sefront.couplings.mtl import MTL
from sefront.plugins import Catalogue
from sefront.testing import check_backend
from sefront.testing.probes import ProbeFrontend

SMALL: dict[str, dict[str, Any]] = {  # the same code, sooner done
    "asc_dual_resnet": {"width": 4},
    "cnn": {"width": 4},
    "cnn_lstm": {"width": 4},
    "densenet": {"growth": 4, "layers": 2},
    "densenet_highway": {"growth": 4, "layers": 2},
    "densenet_lstm": {"growth": 4, "layers": 2},
    "ser_cnn": {"width": 8},
}
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("acln", {"n_mfcc": 31, "n_fft": 256, "dropout": 0.0}),
    ("afcn", {"trunk": "alexnet_orig", "n_bins": 63, "attention_scale": 1.0, "dropout": 0.0}),
    ("asc_dual_resnet", {"width": 2, "deltas": True, "convs_per_block": 1}),
    ("cnn", {"width": 4, "dropout": 0.0}),
    ("densenet", {"growth": 4, "layers": 2, "theta": 0.5, "places": 1}),
    ("densenet_highway", {"growth": 2, "layers": 2, "theta": 0.5, "lstm_freq_pool": True, "scale": "mel"}),
    ("scr_m5", {"variant": "dai2017"}),
    ("scr_m5", {"internal_rate": 8000}),
    ("ser_cnn", {"width": 4, "dropout": 0.0}),
]


@pytest.mark.parametrize("name", list(Catalogue.installed().backends))
def test_contract(name: str) -> None:
    check_backend(Catalogue.installed().backends[name], **SMALL.get(name, {}))


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_contract_of_variants(name: str, options: dict[str, Any]) -> None:
    check_backend(Catalogue.installed().backends[name], **options)


@pytest.mark.parametrize("coupling", [Frozen(), MTL(init="scratch"), Iterative(init="scratch")], ids=type)
@pytest.mark.parametrize("name", list(Catalogue.installed().backends))
def test_every_mode(name: str, coupling: Any) -> None:
    backend = Catalogue.installed().backends[name](TASK, RATE, **SMALL.get(name, {}))
    clips = voices(6, (1600, 2400))
    training = Training(valid_snr=(5.0,))
    history = Coupler(ProbeFrontend(RATE), backend, coupling, Lengths(1, batch_size=3), training, device="cpu").fit(
        Material(mixtures(clips), mixtures(clips[:4]))
    )
    for record in history:
        assert all(math.isfinite(value) for value in record.values() if isinstance(value, float))
