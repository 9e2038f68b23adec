"""Checks what a run of the README's command has to show: python bench/first_run.py RUN

At 0 dB the coupled chain's SI-SDR exceeds the mixture's by at least 3 dB on the mean over the noise types, and its UAR
exceeds that of the original recogniser.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import fmean


def main() -> None:
    rows = json.loads((Path(sys.argv[1]) / "evaluation.json").read_text(encoding="utf-8"))["rows"]
    at_zero = [row for row in rows if row["snr"] == 0.0]

    def values(metric: str, system: str) -> dict[str, float]:
        return {r["noise"]: r["value"] for r in at_zero if (r["metric"], r["system"]) == (metric, system)}

    noisy, coupled = values("si_sdr", "noisy"), values("si_sdr", "coupled")
    gains = {kind: coupled[kind] - noisy[kind] for kind in noisy if kind != "all"}
    original, reached = values("uar", "original")["all"], values("uar", "coupled")["all"]
    listed = ", ".join(f"{kind} {gain:+.2f}" for kind, gain in gains.items())
    print(f"SI-SDR gain at 0 dB: {fmean(gains.values()):+.2f} dB on the mean ({listed})")
    print(f"UAR at 0 dB: {reached:.1f} % coupled, {original:.1f} % original")
    if fmean(gains.values()) < 3.0 or reached <= original:
        sys.exit("the first run does not show what it has to")


if __name__ == "__main__":
    main()
