"""What to mix into files: which clips, under which noises, at which SNRs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from sefront.core.clips import SPLITS, Clip, Split
from sefront.core.data import Draw, Mixtures
from sefront.core.errors import SefrontError, unknown
from sefront.core.experiment import LEVELS, Experiment
from sefront.core.frozen import check_known
from sefront.core.mixture_list import MixtureList
from sefront.core.mixture_request import Orders, asked_for, named
from sefront.core.randomness import stream
from sefront.core.recorded import are_recorded
from sefront.core.sources import Noise, noises, test_noises, wanted_of
from sefront.core.supply import Data


def ordered(data: Data, split: str, listed: MixtureList | None = None) -> Orders:
    """The mixtures that an experiment comes to.

    Args:
        data: Corpus, noise, SNRs and conditions: a range of SNRs asks for one mixture of each clip, at an SNR that is
            drawn, several SNRs for one at each.
        split: train, valid, test or all.
        listed: Mixtures to make again, in place of new ones.

    Raises:
        SefrontError: Something is misnamed or missing.
    """
    splits: list[Split] = [s for s in SPLITS if split in (s, "all")]
    if not splits:
        raise unknown("split", split, (*SPLITS, "all"))
    experiment = data.experiment
    if listed is not None:
        conditions = {f"mixing.{name}": value for name, value in asdict(listed.conditions).items()}
        data = replace(data, experiment=replace(experiment, options={**experiment.options, **conditions}))
    corpus = data.corpus(experiment.corpus, "corpus")
    wanted, task = wanted_of(corpus), corpus.task()
    found = data.disturbing(wanted)
    source = replace(data.source(task, wanted), task=None)
    each: list[tuple[Split, Mixtures, Draw]] = []
    for s in splits:
        what, clips = f"corpus '{experiment.corpus}', {s} split", corpus.clips(s)
        if are_recorded(clips, what):
            raise SefrontError(f"{what}: the clips were recorded in noise; name a corpus of clean clips to mix it into")
        if clips or len(splits) == 1:
            mixtures = source.mixtures(what, clips, noise_of(found, s, splits, listed), experiment.seed)
            each += [(s, mixtures, draw) for draw in draws(mixtures, experiment, listed)]
    if listed is not None:
        each = from_list(each, listed)
    kinds = {"classification": "label", "transcription": "transcript"}
    return Orders(named(each), asked_for(data, split, listed, each), kinds.get(task.kind) if task else None)


def noise_of(found: Sequence[Noise], split: Split, splits: Sequence[Split], listed: MixtureList | None) -> list[Clip]:
    """What disturbs one of several splits.

    A split alone takes all noise that has no splits of its own; several share it out, so that none hears another's. A
    list says itself which noise it takes.
    """
    if listed is not None:
        every = [clip for s in SPLITS for clip in test_noises(found, s)]
        return list({clip.id: clip for clip in every}.values())
    return noises(found, split, False) if len(splits) > 1 else test_noises(found, split)


def draws(mixtures: Mixtures, experiment: Experiment, listed: MixtureList | None) -> list[Draw]:
    """The mixtures of every clip."""
    if listed is not None:
        return [Draw(row) for row in range(len(mixtures))]
    if experiment.snr is not None:
        low, high = experiment.snr
        drawn = (stream(experiment.seed, clip.id, "snr").uniform(low, high) for clip in mixtures.clips)
        return [Draw(row, snr=float(snr)) for row, snr in enumerate(drawn)]
    levels = experiment.test_snr or LEVELS[mixtures.wanted or "speech"][1]
    return [Draw(row, snr=snr) for row in range(len(mixtures)) for snr in levels]


def from_list(each: Sequence[tuple[Split, Mixtures, Draw]], listed: MixtureList) -> list[tuple[Split, Mixtures, Draw]]:
    """The mixtures of a list, where `each` has a draw of every clip.

    Raises:
        SefrontError: The list names a clip or noise that is not there.
    """
    clips = [mixtures.clips[draw.index] for _, mixtures, draw in each]
    check_known(listed, replace(each[0][1], clips=clips, durations=[0.0] * len(clips)))
    entries = {(entry.clean, entry.snr): entry for entry in listed.entries}
    made = {id(mixtures): replace(mixtures, listed=entries) for _, mixtures, _ in each}
    places = {clip.id: (split, made[id(m)], draw) for clip, (split, m, draw) in zip(clips, each, strict=True)}
    return [(places[c][0], places[c][1], replace(places[c][2], snr=snr)) for c, snr in entries]
