"""The recogniser as it is found: trained on clean waves, met with noisy ones, without a frontend.

Source: Milling et al. 2024, doi:10.1007/s11390-024-2934-x, section 3.1, "Baseline".
"""

from __future__ import annotations

from collections.abc import Sequence

from sefront.core.phases import learn_backend
from sefront.core.protocols import Backend, Frontend
from sefront.core.types import Phase


class Baseline:
    """The backend learns from clean waves; no frontend."""

    chain = ("backend",)

    def phases(self, frontend: Frontend, backend: Backend) -> Sequence[Phase]:
        """One phase: learn the backend on clean waves."""
        return [learn_backend(backend, "clean")]
