from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("name", ["accuracy", "uar", "stoi", "pesq", "si_sdr"])
def test_metrics_do_not_import_torch(name: str) -> None:
    code = f"import sys, sefront.metrics.{name}; sys.exit('torch' in sys.modules or 'pystoi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
