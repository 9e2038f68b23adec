"""What the tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real audio: SEFRONT_TEST_DATA, by default shared/data beside the repository."""
    folder = Path(os.environ.get("SEFRONT_TEST_DATA", BESIDE))
    if not folder.is_dir():
        pytest.skip(f"no real audio at {folder}; set SEFRONT_TEST_DATA")
    return folder
