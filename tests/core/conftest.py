"""The tests of training share their probes with those of the couplings."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "couplings"))
