"""What can be wrong with a clip or with several: one function for each kind of fault, one line for each finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sefront.core.audio import AudioFile
from sefront.core.clips import Clip, Split, Task
from sefront.core.corpora import source
from sefront.core.errors import SefrontError, nearest
from sefront.core.kinds import kind_of
from sefront.core.listening import Heard
from sefront.core.traces import misfits

CLIPPED, PEAKS = 0.001, 10  # share of the samples at full scale, and their number, from which a clip is clipped


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Args:
        kind: damaged, silent, clipped, duplicate, contradiction, leak, rate, label, transcript, trace, reference,
            count, noise or corpus (what the corpus itself found).
        what: The file and what is wrong with it.
        remedy: What to do; empty where `what` says it.
        file: The file, or the name of a recording that is none.
        grave: Whether it has to be mended; else it is only worth knowing.
    """

    kind: str
    what: str
    remedy: str = ""
    file: str | None = None
    grave: bool = True

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}" if self.remedy else self.what


@dataclass(frozen=True)
class Unit:
    """A clip, the split it is in, whether it is noise, and what was heard or else why nothing was."""

    clip: Clip
    split: Split
    noise: bool = False
    heard: Heard | None = None
    damage: str = ""

    @property
    def home(self) -> str:
        """Where it belongs."""
        return f"noise of {self.split}" if self.noise else self.split

    @property
    def place(self) -> str:
        """The file; for a part of one also the clip."""
        part = self.clip.audio
        whole = not isinstance(part, AudioFile) or (part.start == 0 and part.end is None)
        return source(self.clip) if whole else f"{source(self.clip)}, clip {self.clip.id}"

    def finding(self, kind: str, what: str, remedy: str) -> Finding:
        """The finding that `what` is wrong with it."""
        return Finding(kind, f"{self.place}: {what}", remedy, source(self.clip))


def of_audio(unit: Unit) -> Iterator[Finding]:
    """Damaged, silent or clipped audio."""
    known = unit.heard
    if known is None:
        yield Finding("damaged", unit.damage, "copy it again, or leave it out", source(unit.clip))
    elif known.silent:
        yield unit.finding("silent", "silent (no sample differs from another)", "leave it out")
    elif known.share > CLIPPED and known.full >= PEAKS:
        what = f"clipped ({100 * known.share:.2g} % of the samples are at full scale)"
        yield unit.finding("clipped", what, "take a recording of a lower level, or leave it out")


def of_reference(unit: Unit) -> Iterator[Finding]:
    """A clean reference that cannot be read, or is of another length than the recording."""
    if unit.heard is None or unit.clip.reference is None:
        return
    try:
        seconds = unit.clip.reference.duration()
    except SefrontError as error:
        yield Finding("reference", str(error), "copy it again, or leave it out", source(unit.clip))
        return
    if seconds != unit.clip.audio.duration():
        what = f"lasts {unit.heard.seconds:.4f} s, but its clean reference {seconds:.4f} s"
        yield unit.finding("reference", what, "take the reference of this recording, or leave it out")


def of_target(unit: Unit, task: Task | None) -> Iterator[Finding]:
    """A label, transcript or trace that is missing or does not suit the task."""
    target = unit.clip.target
    if task is None:
        return
    if task.kind == "trace":
        yield from of_trace(unit, task)
    elif task.kind == "classification" and target not in task.labels:
        what = "has no label" if target is None else f"label '{target}' is not one of the task's {len(task.labels)}"
        yield unit.finding("label", f"{what}{nearest(str(target), task.labels)}", "mend the label, or leave it out")
    elif task.kind == "transcription":
        yield from of_text(unit, str(target or ""), task)


def of_trace(unit: Unit, task: Task) -> Iterator[Finding]:
    """A trace that cannot be read, or is of another length than the recording."""
    try:
        frames, rate = len(kind_of(task).encoded(unit.clip)), task.frame_rate or 1.0
    except SefrontError as error:  # damaged, or outside the folder of the list that names it
        yield Finding("trace", str(error), "", source(unit.clip))
        return
    if unit.heard and misfits(frames, rate, unit.heard.seconds):
        what = f"its trace lasts {frames / rate:.2f} s at {rate:g} Hz, but its audio {unit.heard.seconds:.2f} s"
        yield unit.finding("trace", what, "check rate and labels, or leave it out")


def of_text(unit: Unit, text: str, task: Task) -> Iterator[Finding]:
    """A transcript that is empty or holds what the alphabet lacks; letters may be in the other case."""
    alphabet = {case for symbol in task.labels[1:] for case in (symbol, symbol.lower(), symbol.upper())}
    strange = sorted(set(text) - alphabet)
    if not text.strip():
        yield unit.finding("transcript", "its transcript is empty", "write it down, or leave it out")
    elif strange:
        what = f"its transcript holds {' '.join(map(repr, strange))}, which the alphabet lacks"
        yield unit.finding("transcript", what, "spell it out, or leave it out")


def of_rates(units: Sequence[Unit]) -> Iterator[Finding]:
    """Files of a lower sample rate than most have; where there is no such rate, any will do."""
    counts = Counter(unit.heard.rate for unit in units if unit.heard)
    usual, most = max(counts.items(), key=lambda item: item[1], default=(0, 0))
    for unit in units:
        if unit.heard and unit.heard.rate < usual and 2 * most > counts.total():
            what = f"its rate is {unit.heard.rate} Hz, where {most} of {counts.total()} have {usual} Hz"
            remedy = f"nothing is there above {unit.heard.rate // 2} Hz: take the original, or leave it out"
            yield unit.finding("rate", what, remedy)


def duplicates(units: Sequence[Unit]) -> Iterator[Finding]:
    """The same samples under two names; silence is all the same."""
    first: dict[bytes, Unit] = {}
    for unit in units:
        if unit.heard and not unit.heard.silent:
            other = first.setdefault(unit.heard.digest, unit)
            if other is not unit and (source(other.clip) != source(unit.clip) or other.home == unit.home):
                yield repeated(unit, other)


def repeated(unit: Unit, other: Unit) -> Finding:
    """The finding that two clips have the same samples."""
    here, there = unit.clip, other.clip
    same = f"the same samples as {other.place}" if unit.place != other.place else f"{there.id} and {here.id} are one"
    if unit.home != other.home:
        return unit.finding("leak", f"{same}, but one is in {other.home} and one in {unit.home}", "keep one")
    for what, one, two in (("label", there.target, here.target), ("speaker", there.speaker, here.speaker)):
        if one != two and isinstance(one, str) and isinstance(two, str):
            return unit.finding(
                "contradiction", f"{same}, but the {what}s are '{one}' and '{two}'", "keep the true one"
            )
    return unit.finding("duplicate", same, "keep one")
