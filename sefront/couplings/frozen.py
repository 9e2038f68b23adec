"""Frozen frontend: the backend adapts to what the trained frontend makes of noisy waves.

    no_grad: x_hat = f(y);   phi <- step on mean_i l_CA(g(x_hat_i), t_i)

Source: Milling et al. 2024, doi:10.1007/s11390-024-2934-x, figure 1a and "Cold Cascade + Data Augmentation".
"""

from __future__ import annotations

from collections.abc import Sequence

from sefront.core.phases import learn_backend, learn_frontend
from sefront.core.protocols import Backend, Frontend
from sefront.core.types import Phase


class Frozen:
    """The frontend learns first; then the backend learns from enhanced waves while the frontend stays as it is."""

    def phases(self, frontend: Frontend, backend: Backend) -> Sequence[Phase]:
        """Two phases: learn the frontend; learn the backend on enhanced waves."""
        return [learn_frontend(frontend), learn_backend(backend, "enhanced", frontend)]
