"""Data augmentation: the recogniser is trained on noisy waves, without a frontend.

Source: Milling et al. 2024, doi:10.1007/s11390-024-2934-x, section 3.1, "Data Augmentation".
"""

from __future__ import annotations

from collections.abc import Sequence

from sefront.core.phases import learn_backend
from sefront.core.protocols import Backend, Frontend
from sefront.core.types import Phase


class Augment:
    """The backend learns from noisy waves; no frontend."""

    chain = ("backend",)

    def phases(self, frontend: Frontend, backend: Backend) -> Sequence[Phase]:
        """One phase: learn the backend on noisy waves."""
        return [learn_backend(backend, "noisy")]
