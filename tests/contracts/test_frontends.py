"""Every frontend of the live catalogue keeps the contract."""

from __future__ import annotations

import math
from typing import Any

import pytest
from recordings import TASK, mixtures, voices

from sefront.core import Coupler, Material
from sefront.core.errors import SefrontError
from sefront.core.modes import trainable
from sefront.core.training import Lengths, Training
from sefront.couplings.frontend_only import FrontendOnly
from sefront.couplings.frozen import Frozen
from sefront.couplings.iterative import Iterative
from sefront.couplings.mtl import MTL
from sefront.plugins import Catalogue
from sefront.testing import check_frontend
from sefront.testing.probes import ProbeBackend

SMALL: dict[str, dict[str, Any]] = {  # the same code, sooner done
    "unet": {"width": 4, "depth": 2},
    "dcunet": {"width": 4},
    "wave_unet": {"levels": 4, "filters": 8},
    "lstm_irm": {"width": 16},
    "pl_mtl": {"width": 16},
}
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("unet", {"width": 2, "depth": 1, "loss": "si_sdr", "feature": "mag"}),
    ("unet", {"width": 2, "depth": 1, "loss": "mask_mse"}),
    ("unet", {"width": 2, "depth": 2, "causal": True}),
    ("dcunet", {"width": 2, "arch": "20", "time_stride": 1, "loss": "mask_mse"}),
    ("dcunet", {"width": 2, "arch": "16", "loss": "l1_mag"}),
    ("spectral_subtraction", {"variant": "boll"}),
    ("spectral_subtraction", {"variant": "boll", "noise": "leading_vad"}),
    ("spectral_subtraction", {"noise": "imcra"}),
    ("spectral_subtraction", {"noise": "minstat", "exponent": 1}),
    ("omlsa", {"floor": -30.0}),
    ("pl_mtl", {"width": 8, "decode": "t1_lps", "dense": "full", "layers": 2, "reduction": "sum"}),
    ("pl_mtl", {"width": 8, "decode": "t2_prm_ispp", "cumulative": False}),
]


@pytest.mark.parametrize("name", list(Catalogue.installed().frontends))
def test_contract(name: str) -> None:
    check_frontend(Catalogue.installed().frontends[name], **SMALL.get(name, {}))


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_contract_of_variants(name: str, options: dict[str, Any]) -> None:
    check_frontend(Catalogue.installed().frontends[name], **options)


def material() -> Material:
    clips = voices(6, (1600, 2400))
    return Material(mixtures(clips), mixtures(clips[:4]))


def fitted(name: str, coupling: Any, options: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """The log of a short training in the mode of `coupling`."""
    component = Catalogue.installed().frontends[name]
    frontend = component(16000, **{**SMALL.get(name, {}), **(options or {})})
    training = Training(valid_snr=(5.0,))
    return Coupler(frontend, ProbeBackend(TASK, 16000), coupling, Lengths(1, batch_size=3), training, device="cpu").fit(
        material()
    )


@pytest.mark.parametrize(
    "coupling", [FrontendOnly(), Frozen(), MTL(init="scratch"), Iterative(init="scratch")], ids=type
)
@pytest.mark.parametrize("name", list(Catalogue.installed().frontends))
def test_every_mode_that_its_nature_allows(name: str, coupling: Any) -> None:
    """What has nothing to train cannot be trained by a mode that must; everything else goes."""
    component = Catalogue.installed().frontends[name]
    if not trainable(component(16000)) and isinstance(coupling, (MTL, Iterative)):
        with pytest.raises(SefrontError, match="nothing to train; it works with cold_cascade and frozen"):
            fitted(name, coupling)
        return
    for record in fitted(name, coupling):
        assert all(math.isfinite(value) for value in record.values() if isinstance(value, float))


def test_a_decoding_without_gradient_learns_wherever_none_has_to_pass() -> None:
    options = {"decode": "t1_prm_ispp"}
    assert fitted("pl_mtl", Iterative(init="scratch"), options)
    with pytest.raises(SefrontError, match="not differentiable; it works with cold_cascade, frozen and iterative"):
        fitted("pl_mtl", MTL(init="scratch"), options)
