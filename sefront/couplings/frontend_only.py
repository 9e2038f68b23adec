"""Enhancement without a task: the frontend learns by its own loss.

Source: Milling et al. 2024, doi:10.1007/s11390-024-2934-x, section 3.3.
"""

from __future__ import annotations

from collections.abc import Sequence

from sefront.core.phases import learn_frontend
from sefront.core.protocols import Backend, Frontend
from sefront.core.types import Phase


class FrontendOnly:
    """The frontend alone, trained and judged as an enhancer."""

    chain = ("frontend",)

    def phases(self, frontend: Frontend, backend: Backend) -> Sequence[Phase]:
        """One phase: learn the frontend."""
        return [learn_frontend(frontend)]
