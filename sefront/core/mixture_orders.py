"""What to mix into files: clips, noises and SNRs, and what each mixture is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sefront.core.clips import SPLITS, Clip, Split
from sefront.core.data import Draw, Mixtures
from sefront.core.errors import SefrontError, unknown
from sefront.core.experiment import LEVELS, Experiment
from sefront.core.file_names import file_names
from sefront.core.frozen import check_known
from sefront.core.lock import fingerprint
from sefront.core.mixture_list import MixtureList
from sefront.core.randomness import stream
from sefront.core.recorded import are_recorded
from sefront.core.sources import Noise, noises, test_noises, wanted_of
from sefront.core.supply import Data


@dataclass(frozen=True)
class Order:
    """One mixture that is wanted.

    Args:
        name: What its files are called.
        split: Where the clip belongs.
        mixtures: What makes it.
        draw: Which of them it is.
    """

    name: str
    split: Split
    mixtures: Mixtures
    draw: Draw

    @property
    def clip(self) -> Clip:
        """The clip that is mixed."""
        return self.mixtures.clips[self.draw.index]


@dataclass(frozen=True)
class Orders:
    """All mixtures that are wanted.

    Args:
        each: One by one.
        asked: What was asked for and what that came to, as JSON can hold it.
        target: The column of a manifest that holds the clips' targets; None where they have none that fits.
    """

    each: Sequence[Order]
    asked: dict[str, Any]
    target: str | None


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


def named(each: Sequence[tuple[Split, Mixtures, Draw]]) -> list[Order]:
    """Every mixture with a name, which says the SNR where a clip has several."""
    ids = [mixtures.clips[draw.index].id for _, mixtures, draw in each]
    places = file_names(dict.fromkeys(ids))
    several = len(places) < len(ids)
    return [
        Order(f"{places[name]}_snr{draw.snr:.10g}" if several else places[name], split, mixtures, draw)
        for name, (split, mixtures, draw) in zip(ids, each, strict=True)
    ]


def asked_for(
    data: Data, split: str, listed: MixtureList | None, each: Sequence[tuple[Split, Mixtures, Draw]]
) -> dict[str, Any]:
    """What decides about the mixtures; two requests with the same answer have the same files.

    Raises:
        SefrontError: Nothing is asked for.
    """
    if not each:
        raise SefrontError(
            f"corpus '{data.experiment.corpus}', {split} split: there is nothing to mix; name another split"
        )
    table = data.experiment.as_toml()
    known = {key: table.get(key) for key in ("corpus", "noise", "seed", "sample_rate", "options")}
    sets = {s: fingerprint(mixtures) for s, mixtures, _ in each}
    snr = table.get("snr") or table.get("test_snr")
    from_list = str(listed.path.resolve()) if listed else None
    return {"schema": 1, **known, "snr": snr, "split": split, "list": from_list, "data": sets}
