"""Fused training: all branches under one loss, the usual way, with which independent training is compared.

    z = ReLU(W [e_1 ; e_2 ; ...] + b),   L = mean_i -ln softmax(V z_i + c)[t_i]

Afterwards a linear support vector machine is fitted to z. Source: Zhong et al. 2020, doi:10.1109/ACCESS.2020.3043894,
section IV and table 3, "fused training".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sefront.core.errors import SefrontError
from sefront.core.joined import Joined
from sefront.core.phases import fit_svm, learn_backend, learn_frontend, waves_for
from sefront.core.protocols import Backend, Frontend
from sefront.core.types import Batch, Phase, Sees


class Fused:
    """All branches learn together from one loss; then an SVM decides from what they have fused.

    Args:
        sees: Which waves the branches learn from.
        svm_c: Weight of the errors of the support vector machine beside the width of its margin.
    """

    joins = True

    def __init__(self, *, sees: Sees = "enhanced", svm_c: float = 1.0) -> None:
        if not 0 < svm_c < math.inf:
            raise ValueError(f"svm_c must be above 0, but is {svm_c:g}")
        self.sees: Sees = sees
        self.svm_c = svm_c

    def phases(self, frontend: Frontend, backend: Backend) -> Sequence[Phase]:
        """Learn the frontend; learn all branches at once.

        Raises:
            SefrontError: The backend has no branches.
        """
        if not isinstance(backend, Joined):
            raise SefrontError(
                f"fused joins several backends, but {type(backend).__name__} is one alone; "
                "name more, such as --backend acln+fcn384, or use baseline, augment or frozen"
            )
        learn = learn_backend(backend, self.sees, frontend)
        return [learn_frontend(frontend), replace(learn, replaceable=False)]

    def finish(self, frontend: Frontend, backend: Backend, batches: Iterable[Batch]) -> Backend:
        """Fit the support vector machine to the fused features, and let it decide."""
        if isinstance(backend, Joined):
            fit_svm(backend, "fused", waves_for(self.sees, frontend), batches, self.svm_c)
        return backend
