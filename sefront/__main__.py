"""``python -m sefront``: the same as the command ``sefront``."""

from __future__ import annotations

import sys

from sefront.cli import main

sys.exit(main())
