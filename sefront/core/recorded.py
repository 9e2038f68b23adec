"""Clips that were noisy when they were recorded: nothing is mixed into them, and few have a clean part to learn from.

Such a set of clips has one level, ``recorded``, in place of clean audio and a grid of SNRs, since nobody knows its SNR.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sefront.core.clips import Clip
from sefront.core.columns import Rows
from sefront.core.errors import BadOptionError, DamagedAudioError, SefrontError
from sefront.core.experiment import DEFAULT_NOISE, Experiment
from sefront.core.mixing import Wave
from sefront.core.speed import Copies

if TYPE_CHECKING:
    from sefront.core.data import Material, Mixtures
    from sefront.core.protocols import Metric
    from sefront.core.types import Phase

LEVEL = math.nan  # the SNR of recordings
MIXING = ("mixing", "test_mixing")  # sections of options that are about mixtures


def are_recorded(clips: Iterable[Clip], what: str = "these clips") -> bool:
    """Whether `clips`, called `what` in the error, are noisy as they came.

    Raises:
        SefrontError: Some are and some are not.
    """
    clips = clips.originals if isinstance(clips, Copies) else clips
    if isinstance(clips, Rows):
        return False  # a list says nothing of the kind, and looking at a million clips takes seconds
    example: dict[bool, str] = {}
    for clip in clips:
        example.setdefault(clip.recorded, clip.id)
    if len(example) > 1:
        raise SefrontError(
            f"{what}: clip {example[True]} was recorded in noise, but {example[False]} is for noise to be mixed into; "
            "give each kind a corpus of its own"
        )
    return True in example


def lacking(clips: Sequence[Clip]) -> list[Clip]:
    """Those of `clips` whose clean part nobody has."""
    return [clip for clip in clips if clip.recorded and clip.reference is None]


def parts(clip: Clip, read: Callable[[Clip], Wave]) -> tuple[Wave, Wave | None]:
    """Noisy and clean samples of a recording, (samples,) each; both scaled down where one would leave [-1, 1].

    Raises:
        DamagedAudioError: One cannot be used, or they differ in length.
    """
    noisy = read(clip)
    clean = None if clip.reference is None else read(replace(clip, audio=clip.reference))
    if clean is not None and len(clean) != len(noisy):
        raise DamagedAudioError(f"{clip.id}: its clean reference has {len(clean)} samples, but it has {len(noisy)}")
    scale = max(1.0, *(float(np.abs(wave).max()) for wave in (noisy, clean) if wave is not None))
    return noisy / np.float32(scale), None if clean is None else clean / np.float32(scale)


def levels_of(mixtures: Mixtures, asked: Sequence[float]) -> Sequence[float]:
    """The SNRs in dB to judge at: those `asked` for, or the one level of recordings in noise."""
    return [LEVEL] if mixtures.recorded else asked


def named(level: float) -> str | float:
    """What a row calls an SNR in dB: infinity is clean."""
    if math.isnan(level):
        return "recorded"
    return "clean" if level == math.inf else level


def titled(level: float) -> str:
    """What people call an SNR in dB."""
    name = named(level)
    return name if isinstance(name, str) else f"{name:g} dB"


def described(mixtures: Mixtures) -> str:
    """How many clips and noises there are, and of recordings in noise how many have a clean reference."""
    if not mixtures.recorded:
        return f"{len(mixtures)} clips, {len(mixtures.noises)} noises"
    count = len(mixtures) - len(lacking(mixtures.clips))
    having = {0: "none", len(mixtures): "all"}.get(count, f"{count}")
    return f"{len(mixtures)} clips recorded in noise, {having} of them with a clean reference"


def check_unmixed(asked: Collection[str], corpus: str) -> None:
    """Refuse what was `asked` of mixtures for a `corpus` that is noisy already.

    Raises:
        BadOptionError: Naming the option.
    """
    for name in ("mixtures", "noise", "test_noise", "intruder", "frontend_noise", "snr", "test_snr", *MIXING):
        if name in asked:
            option = f"-o {name}" if name in MIXING else f"--{name.replace('_', '-')}"
            raise BadOptionError(
                f"{option}: the clips of corpus '{corpus}' were recorded in noise, so nothing is "
                "mixed into them; leave it out"
            )


def unmixed(asked: Experiment, resolved: Experiment, sets: Mapping[str, Mixtures]) -> Experiment:
    """`resolved` without the noise and the SNRs of which no set of mixtures makes use.

    Args:
        asked: What was asked for.
        resolved: What that comes to.
        sets: Every set of mixtures by its name.

    Raises:
        BadOptionError: Such noise or such SNRs were asked for.
    """
    mixed = {name for name, mixtures in sets.items() if not mixtures.recorded}
    if len(mixed) == len(sets):
        return resolved
    before, test = mixed & {"frontend train", "frontend valid"}, mixed & {"test"}
    rest = mixed - (before if asked.frontend_noise else set()) - (test if asked.test_noise else set())
    users = {
        "noise": rest, "intruder": rest, "test_noise": test, "frontend_noise": before, "test_snr": test,
        "snr": mixed & {"train", "frontend train"}, "mixing": mixed, "test_mixing": test,
    }  # fmt: skip
    idle = [name for name, by in users.items() if not by]
    usual = {"noise": DEFAULT_NOISE, "snr": None, "test_snr": None}
    vain = [name for name in idle if getattr(asked, name, ()) not in ((), usual.get(name)) or asked.section(name)]
    check_unmixed(vain, asked.corpus)
    kept = {key: value for key, value in resolved.options.items() if key.partition(".")[0] not in idle}
    blank: dict[str, Any] = {name: None if name.endswith("snr") else () for name in idle if name not in MIXING}
    return replace(resolved, **blank, options=kept)


def check_references(phases: Iterable[tuple[Phase, Material]]) -> None:
    """Refuse to train a phase that needs clean waves on clips that have none.

    Args:
        phases: What will run, each with what it learns from.

    Raises:
        SefrontError: Naming phase and clips, and what works.
    """
    for phase, material in phases:
        for mixtures in (material.train, material.valid) if phase.needs_clean else ():
            if count := len(lacking(mixtures.clips)):
                raise SefrontError(
                    f"{mixtures.what}: phase {phase.name} needs clean references, but {count} of {len(mixtures)} "
                    "clips were recorded in noise without any; --mode augment learns from such recordings, --mode "
                    "frozen with --init-frontend RUN, or with --frontend-corpus and --frontend-noise, from what a "
                    "frontend trained elsewhere makes of them"
                )


def check_measurable(mixtures: Mixtures, metrics: Mapping[str, Metric]) -> None:
    """Refuse to judge by signal metrics alone where these have nothing to compare with.

    Raises:
        SefrontError: Saying what would work.
    """
    of_waves = all(metric.card().compares == "waves" for metric in metrics.values())
    if of_waves and (count := len(lacking(mixtures.clips))):
        raise SefrontError(
            f"{mixtures.what}: {', '.join(metrics)} compare with clean references, but {count} of {len(mixtures)} "
            "clips were recorded in noise without any; judge a chain with a backend by a metric of its task, or name "
            "a corpus with references"
        )
