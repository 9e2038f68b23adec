"""Every coupling of the live catalogue keeps the contract."""

from __future__ import annotations

from typing import Any

import pytest

from sefront.plugins import Catalogue
from sefront.testing import check_coupling

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("mtl", {"init": "scratch"}),
    ("mtl", {"lambda_frontend": 0.0}),
    ("iterative", {"init": "scratch"}),
    ("iterative", {"weights": "softmax", "temperature": 0.5}),
    ("iterative", {"weights": "uniform"}),
    ("iterative", {"share_forward": True}),
]


@pytest.mark.parametrize("name", list(Catalogue.installed().couplings))
def test_contract(name: str) -> None:
    check_coupling(Catalogue.installed().couplings[name])


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_contract_of_variants(name: str, options: dict[str, Any]) -> None:
    check_coupling(Catalogue.installed().couplings[name], **options)
