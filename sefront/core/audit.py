"""Measuring mixtures from their files: is the SNR what was asked for, and do the parts belong together?

    SNR = 10 log10( P_clean / P_noise ),  noise = noisy - clean where it has no file of its own

Powers are means of squares over the whole clip, or where a list says so the active speech level. Clean and noisy are
aligned where their correlation is highest at no lag; noise that is 20 dB above the clean part hides it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
from scipy.signal import correlate

from sefront.core.active_level import active_power
from sefront.core.audio import read_channels
from sefront.core.audit_findings import Audit, Problem
from sefront.core.audit_lists import Triple
from sefront.core.errors import DamagedAudioError
from sefront.core.mixing import Wave, decibels, power
from sefront.core.progress import Progress

CLIPPED, PEAKS, FULL = 0.001, 10, 32767 / 32768  # share of samples at full scale, and their number, from which it clips
ROUNDING = 2**-14  # by which the parts may fail to add up, when each is rounded to 16 bits
LAG, MARGIN, LEAST = 0.1, 1.02, 0.1  # seconds of lag looked at; how much higher the peak; the least correlation


def audited(triples: Sequence[Triple], tolerance: float, progress: Progress) -> Audit:
    """Measure mixtures."""
    audit = Audit(tolerance)
    progress.start("measuring", len(triples))
    for triple in triples:
        audit.mixtures += 1
        audit.noted += triple.recorded is not None
        try:
            measured = triple.recorded if triple.recorded is not None else heard(triple, audit)
        except DamagedAudioError as error:
            audit.problems.append(Problem("damaged", triple.name, str(error)))
            measured = None
        if measured is not None:
            audit.measured[triple.snr].append(measured)
            if triple.snr is not None and not abs(measured - triple.snr) <= tolerance:
                what = f"has {measured:.4f} dB, asked for were {triple.snr:g} dB ({measured - triple.snr:+.4f})"
                audit.problems.append(Problem("snr", triple.name, what))
        progress.advance()
    return audit


def heard(triple: Triple, audit: Audit) -> float | None:
    """The SNR of a mixture in dB, measured from its files; None where there is none, as its problems say.

    Raises:
        DamagedAudioError: A file cannot be read.
    """
    paths = {"noisy": triple.noisy, "clean": triple.clean, "noise": triple.noise}
    read = {part: read_channels(path) for part, path in paths.items() if path is not None}
    waves = {part: samples.mean(axis=1, dtype=np.float32) for part, (samples, _) in read.items()}
    unfit = [*unequal(triple, waves, {rate for _, rate in read.values()})]
    audit.problems += unfit
    if unfit:
        return None
    rate, noise = read["clean"][1], waves.get("noise", waves["noisy"] - waves["clean"])
    found = [*faults(triple, waves, noise, rate)]
    audit.problems += found
    audit.clipped += any(problem.kind == "clipped" for problem in found)
    level = active_power(waves["clean"], rate) if triple.conditions.level == "active" else power(waves["clean"])
    measured = decibels(level, power(noise))
    if np.isfinite(measured):
        return measured
    audit.problems.append(Problem("silent", triple.name, "clean part or noise is silent, so there is no SNR"))
    return None


def unequal(triple: Triple, waves: Mapping[str, Wave], rates: Collection[int]) -> Iterator[Problem]:
    """Why the parts of a mixture cannot be compared."""
    lacking = [part for part in ("noisy", "clean") if part not in waves]
    lengths = {len(wave) for wave in waves.values()}
    if lacking:
        yield Problem("pair", triple.name, f"has no {lacking[0]} file")
    if len(lengths) > 1:
        yield Problem("length", triple.name, f"parts have {' and '.join(map(str, sorted(lengths)))} samples")
    if len(rates) > 1:
        yield Problem("rate", triple.name, f"parts have {' and '.join(map(str, sorted(rates)))} Hz")


def faults(triple: Triple, waves: dict[str, Wave], noise: Wave, rate: int) -> Iterator[Problem]:
    """What is wrong with a mixture beside its SNR."""
    full = int(np.count_nonzero(np.abs(waves["noisy"]) >= FULL))
    if triple.plain and full >= PEAKS and full > CLIPPED * len(waves["noisy"]):
        yield Problem("clipped", triple.name, f"clipped ({full} samples are at full scale)")
    lag = delay(waves["clean"], waves["noisy"], rate)
    if lag:
        yield Problem("misaligned", triple.name, f"noisy lags {lag} samples behind clean")
    if triple.plain and "noise" in waves:
        gap = float(np.max(np.abs(waves["noisy"] - waves["clean"] - noise)))
        if gap > ROUNDING:
            yield Problem("sum", triple.name, f"noise is not noisy - clean (they differ by up to {gap:.2g})")


def delay(clean: Wave, noisy: Wave, rate: int) -> int:
    """Samples by which `noisy` lags behind `clean`, both (samples,); 0 also where noise hides it."""
    most = min(round(LAG * rate), len(clean) - 1)
    lags = correlate(noisy.astype(np.float64), clean.astype(np.float64), method="fft")
    near = lags[len(clean) - 1 - most : len(clean) + most]
    peak, scale = int(np.argmax(near)), np.sqrt(power(clean) * power(noisy)) * len(clean)
    certain = near[peak] > MARGIN * near[most] and near[peak] >= LEAST * scale
    return peak - most if certain else 0
