"""Every metric of the live catalogue keeps the contract."""

from __future__ import annotations

from typing import Any

import pytest

from sefront.plugins import Catalogue
from sefront.testing import check_metric

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("pesq", {"band": "nb"}),
    ("stoi", {"extended": True}),
    ("ccc", {"over": "clip"}),
    ("rmse", {"over": "clip"}),
]


@pytest.mark.parametrize("name", list(Catalogue.installed().metrics))
def test_contract(name: str) -> None:
    check_metric(Catalogue.installed().metrics[name])


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_contract_of_variants(name: str, options: dict[str, Any]) -> None:
    check_metric(Catalogue.installed().metrics[name], **options)
