from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("name", ["accuracy", "uar", "wer", "cer", "ccc", "rmse", "stoi", "pesq", "si_sdr"])
def test_metrics_do_not_import_torch(name: str) -> None:
    heavy = {"torch", "pystoi", "jiwer"}
    code = f"import sys, sefront.metrics.{name}; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
