"""Every frontend of the live catalogue keeps the contract."""

from __future__ import annotations

from typing import Any

import pytest

from sefront.plugins import Catalogue
from sefront.testing import check_frontend

SMALL: dict[str, dict[str, Any]] = {"unet": {"width": 4, "depth": 2}}  # the same code, sooner done
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("unet", {"width": 2, "depth": 1, "loss": "si_sdr", "feature": "mag"}),
    ("unet", {"width": 2, "depth": 1, "loss": "mask_mse"}),
    ("spectral_subtraction", {"variant": "boll"}),
    ("spectral_subtraction", {"noise": "imcra"}),
    ("spectral_subtraction", {"noise": "minstat", "exponent": 1}),
]


@pytest.mark.parametrize("name", list(Catalogue.installed().frontends))
def test_contract(name: str) -> None:
    check_frontend(Catalogue.installed().frontends[name], **SMALL.get(name, {}))


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_contract_of_variants(name: str, options: dict[str, Any]) -> None:
    check_frontend(Catalogue.installed().frontends[name], **options)
