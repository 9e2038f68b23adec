"""Every coupling of the live catalogue keeps the contract."""

from __future__ import annotations

from typing import Any

import pytest

from sefront.plugins import Catalogue
from sefront.testing import check_coupling

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("mtl", {"init": "scratch"}),
    ("mtl", {"lambda_frontend": 0.0}),
    ("mtl", {"balance": "uncertainty"}),
    ("mtl", {"warmup": 3}),
    ("mtl", {"balance": "gradient", "lambda_backend": 0.3}),
    ("mtl", {"balance": "pcgrad"}),
    ("mtl", {"balance": "remedy"}),
    ("iterative", {"init": "scratch"}),
    ("iterative", {"weights": "softmax", "temperature": 0.5}),
    ("iterative", {"weights": "uniform"}),
    ("iterative", {"weights": "rank", "warmup": 3}),
    ("iterative", {"weights": "power", "alpha": 0.5}),
    ("iterative", {"weights": "clipped", "w_max": 0.5}),
    ("iterative", {"weights": "shuffled", "group": 8}),
    ("iterative", {"weights": "inverse", "normalise": "running"}),
    ("iterative", {"normalise": "literal_eq3", "stale": True}),
    ("iterative", {"backend_steps": 2, "frontend_steps": 2}),
    ("iterative", {"share_forward": True}),
    ("independent", {"loss": "focal", "sees": "clean", "count": "eval_pass"}),
    ("independent", {"loss": "ce", "beta": 0.3, "alpha_from": "full", "retrain_epochs": 0}),
    ("fused", {"sees": "noisy"}),
]


@pytest.mark.parametrize("name", list(Catalogue.installed().couplings))
def test_contract(name: str) -> None:
    check_coupling(Catalogue.installed().couplings[name])


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_contract_of_variants(name: str, options: dict[str, Any]) -> None:
    check_coupling(Catalogue.installed().couplings[name], **options)
