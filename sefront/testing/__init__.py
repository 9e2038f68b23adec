"""The conformance kit: what every component must do, whether it is built in or yours. Call it from your plugin's tests.

    from sefront.testing import check_frontend

    def test_my_frontend_conforms() -> None:
        check_frontend(MyFrontend, width=4)

Each check builds the component itself, with the options that it is given, on a processor and on audio that it makes up.
What breaks the contract is a `ConformanceError` that says what was found and what is right.
"""

from __future__ import annotations

from sefront.testing.backends import check_backend
from sefront.testing.corpora import check_corpus
from sefront.testing.couplings import check_coupling
from sefront.testing.frontends import check_frontend
from sefront.testing.metrics import check_metric
from sefront.testing.verdict import ConformanceError

__all__ = ["ConformanceError", "check_backend", "check_corpus", "check_coupling", "check_frontend", "check_metric"]
