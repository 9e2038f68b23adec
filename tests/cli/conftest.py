"""Fixtures of the tests of the command line: the fake distributions are those of the socket's tests."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "plugins"))

from fakes import run_here, site

__all__ = ["run_here", "site"]
