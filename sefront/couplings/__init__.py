"""Couplings: how frontend and backend learn from each other. This page is the catalogue; one idea, one file."""

from __future__ import annotations

from sefront.plugins import hookimpl


@hookimpl
def sefront_couplings() -> dict[str, str]:
    """The couplings that come with sefront."""
    return {
        "frontend_only": "sefront.couplings.frontend_only:FrontendOnly",  # the frontend learns, there is no backend
        "baseline": "sefront.couplings.baseline:Baseline",  # the backend learns on clean waves
        "augment": "sefront.couplings.augment:Augment",  # the backend learns on noisy waves
        "cold_cascade": "sefront.couplings.cold_cascade:ColdCascade",  # both learn apart and meet at test time
        "frozen": "sefront.couplings.frozen:Frozen",  # the backend learns on what a frozen frontend enhances
        "mtl": "sefront.couplings.mtl:MTL",  # both learn from the sum of their losses
        "iterative": "sefront.couplings.iterative:Iterative",  # they take turns; task losses weigh samples
        "independent": "sefront.couplings.independent:Independent",  # every branch by itself, hard examples twice
        "fused": "sefront.couplings.fused:Fused",  # all branches under one loss
    }
