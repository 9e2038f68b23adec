"""What is wrong with a corpus: all of its audio is decoded, all of its targets and splits are looked at.

A problem has to be mended. A remark is worth knowing: a fault that the published audio has (`Card.known`), a corpus of
which only a part is there, noise that was not copied.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

from sefront.core.clips import SPLITS, Card, Clip, Split, Task
from sefront.core.corpora import Splits, faults, leaks, source
from sefront.core.errors import SefrontError
from sefront.core.findings import Finding, Unit, duplicates, of_audio, of_rates, of_reference, of_target
from sefront.core.listening import hear
from sefront.core.progress import Progress, Quiet
from sefront.core.protocols import Corpus

BATCH = 256  # clips that wait for a thread at a time, so that an interrupt is heard soon


@dataclass(frozen=True)
class Summary:
    """A split, or the noise of one: its clips, decoded seconds, speakers, and clips of each label or type."""

    split: str
    clips: int
    seconds: float
    speakers: int
    labels: Mapping[str, int]


@dataclass(frozen=True)
class Report:
    """What a check found.

    Args:
        clips: How many clips there are, noise not counted.
        published: How many the whole corpus has, where that is known.
        splits: A summary for each split that has clips.
        rates: Clips by sample rate in Hz, noise counted.
        findings: Everything that was found, each once.
    """

    clips: int
    published: int | None
    splits: tuple[Summary, ...]
    rates: Mapping[int, int]
    findings: tuple[Finding, ...]

    @property
    def problems(self) -> list[Finding]:
        """What has to be mended."""
        return [finding for finding in self.findings if finding.grave]

    @property
    def remarks(self) -> list[Finding]:
        """What is worth knowing."""
        return [finding for finding in self.findings if not finding.grave]

    def as_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {
            "clips": self.clips,
            "published": self.published,
            "splits": [asdict(split) for split in self.splits],
            "rates": {str(rate): count for rate, count in sorted(self.rates.items())},
            "problems": [asdict(finding) for finding in self.problems],
            "remarks": [asdict(finding) for finding in self.remarks],
        }


def check(corpus: Corpus, progress: Progress | None = None, threads: int | None = None) -> Report:
    """Everything that is wrong with `corpus`; decodes all of its audio.

    Args:
        corpus: The corpus.
        progress: Who watches.
        threads: How many clips are decoded at once; None means one for each processor.
    """
    card, task = corpus.card(), corpus.task()
    clips = [Unit(clip, split) for split in SPLITS for clip in corpus.clips(split)]
    noise, absent = noise_of(corpus, clips)
    walked = list(walk([*clips, *noise], progress or Quiet(), threads or os.cpu_count() or 1))
    speech, sounds = walked[: len(clips)], walked[len(clips) :]
    found = [finding for unit in walked for finding in of_audio(unit)]
    found += [finding for unit in speech for finding in (*of_target(unit, task), *of_reference(unit))]
    found += [*of_rates(speech), *of_rates(sounds), *duplicates(walked), *shared(speech, sounds, card)]
    found += [Finding("corpus", line) for line in corpus.problems()]
    found += [*counted(len(clips), card), *absent]
    each: dict[str, Finding] = {}
    for finding in found:
        each.setdefault(finding.what, replace(finding, grave=finding.grave and finding.kind not in card.known))
    rates = Counter(unit.heard.rate for unit in walked if unit.heard)
    return Report(len(clips), card.clips, tuple(summaries(walked, task)), rates, tuple(each.values()))


def noise_of(corpus: Corpus, clips: Sequence[Unit]) -> tuple[list[Unit], list[Finding]]:
    """The noise that the corpus has beside its clips; if that is said to be absent, a remark."""
    offered = getattr(corpus, "noise_clips", None)
    if offered is None:
        return [], []
    known = {(source(unit.clip), unit.split) for unit in clips}
    try:
        noise = [Unit(clip, split, noise=True) for split in SPLITS for clip in offered(split)]
    except SefrontError as error:
        return [], [Finding("noise", str(error), grave=False)]
    return [unit for unit in noise if (source(unit.clip), unit.split) not in known], []


def walk(units: Sequence[Unit], progress: Progress, threads: int) -> Iterator[Unit]:
    """The units in their order, with what was heard of each."""
    progress.start("checking", len(units))
    with ThreadPoolExecutor(threads) as workers:
        for start in range(0, len(units), BATCH):
            for unit in workers.map(listened, units[start : start + BATCH]):
                progress.advance()
                yield unit


def listened(unit: Unit) -> Unit:
    """`unit` with what was heard of it; damage is told as a corpus tells of it, so that it is told once."""
    try:
        return replace(unit, heard=hear(unit.clip.audio))
    except SefrontError as error:  # damaged, or outside the folder of the list that names it
        return replace(unit, damage=next(faults(by_split([unit])), str(error)))


def by_split(units: Sequence[Unit]) -> Splits:
    """The clips of the units by split."""
    splits: dict[Split, list[Clip]] = {split: [] for split in SPLITS}
    for unit in units:
        splits[unit.split].append(unit.clip)
    return {split: tuple(clips) for split, clips in splits.items()}


def shared(speech: Sequence[Unit], sounds: Sequence[Unit], card: Card) -> Iterator[Finding]:
    """Recordings in two splits, and speakers where the card says that they are kept apart."""
    lines = leaks(by_split(speech), lambda clip: clip.speaker, "speaker") if "speaker" in card.apart else []
    lines += leaks(by_split(speech), source, "recording") + leaks(by_split(sounds), source, "noise recording")
    for line in lines:
        yield Finding("leak", line, "give it to one split")


def counted(count: int, card: Card) -> Iterator[Finding]:
    """A number of clips that is not the published one: fewer are a part, but more cannot be."""
    if card.clips is not None and count < card.clips:
        yield Finding("count", f"{count} of {card.clips} clips are there", grave=False)
    elif card.clips is not None and count > card.clips:
        what = f"{count} clips are there, but {card.clips} were published"
        yield Finding("count", what, "find what else lies among them")


def summaries(units: Sequence[Unit], task: Task | None) -> Iterator[Summary]:
    """A summary for each split that has clips, and for its noise."""
    homes: dict[str, list[Unit]] = {}
    for unit in units:
        homes.setdefault(unit.home, []).append(unit)
    for home, members in homes.items():
        clips = [unit.clip for unit in members]
        named = members[0].noise or task is None or task.kind == "classification"
        labels = Counter(str(clip.target) for clip in clips if named and clip.target is not None)
        speakers = {clip.speaker for clip in clips if clip.speaker is not None}
        seconds = sum(unit.heard.seconds for unit in members if unit.heard)
        yield Summary(home, len(members), seconds, len(speakers), dict(sorted(labels.items())))
