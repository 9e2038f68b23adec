"""Cold cascade: frontend and clean-trained backend know nothing of each other until the test stacks them.

Source: Milling et al. 2024, doi:10.1007/s11390-024-2934-x, section 3.1, "Cold Cascade".
"""

from __future__ import annotations

from collections.abc import Sequence

from sefront.core.phases import learn_backend, learn_frontend
from sefront.core.protocols import Backend, Frontend
from sefront.core.types import Phase


class ColdCascade:
    """Frontend and backend learn apart, the backend from clean waves."""

    def phases(self, frontend: Frontend, backend: Backend) -> Sequence[Phase]:
        """Two phases: learn the frontend; learn the backend on clean waves."""
        return [learn_frontend(frontend), learn_backend(backend, "clean")]
