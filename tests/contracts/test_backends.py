"""Every backend of the live catalogue keeps the contract."""

from __future__ import annotations

from typing import Any

import pytest

from sefront.plugins import Catalogue
from sefront.testing import check_backend

SMALL: dict[str, dict[str, Any]] = {"ser_cnn": {"width": 8}}
VARIANTS: list[tuple[str, dict[str, Any]]] = [
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
