"""From what a user names — ``emodb:PATH``, a folder, a manifest — to clips that can be mixed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sefront.core.audio import AudioFile
from sefront.core.clips import SPLITS, Clip, Split, Task, Wanted
from sefront.core.conditions import Conditions
from sefront.core.damages import Damaged, Damages
from sefront.core.data import Mixtures
from sefront.core.errors import DamagedAudioError, SefrontError, unknown
from sefront.core.parameters import build
from sefront.core.protocols import Corpus
from sefront.core.reader import Reader
from sefront.core.recorded import are_recorded

UNNAMED = ("folder", "manifest", "kaldi", "lhotse")  # corpora that are known by their place
PIECE = 30.0  # seconds: longer noises are read in pieces, so that drawing a second does not decode an hour


def located(spec: str, corpora: Mapping[str, type]) -> tuple[str, Path | None]:
    """Corpus name and root of ``NAME``, ``NAME:PATH``, a folder, or a manifest file.

    Raises:
        SefrontError: Neither a corpus nor a path.
    """
    name, _, path = spec.partition(":")
    if name in corpora:
        return name, Path(path).expanduser().resolve() if path else None
    place = Path(spec).expanduser()
    if place.is_dir():
        return "folder", place.resolve()
    if place.is_file():
        return "manifest", place.resolve()
    if "/" in name or (place.suffix and not path):
        raise SefrontError(f"{spec}: no such file or folder")
    raise unknown("corpus", name, corpora)


def opened(name: str, root: Path | None, component: type, options: Mapping[str, Any]) -> Corpus:
    """The corpus called `name`, a `component` at `root`, with `options`.

    Raises:
        SefrontError: It needs a root and has none, or an option is wrong.
    """
    first = next(iter(inspect.signature(component).parameters.values()), None)
    if root is None and (first is None or first.default is inspect.Parameter.empty):
        raise SefrontError(f"corpus '{name}' has to be told where its audio is: {name}:PATH")
    corpus: Corpus = build(component, root, options=options, owner=f"corpus '{name}'")
    return corpus


@dataclass(frozen=True)
class Noise:
    """A corpus as what disturbs.

    Args:
        name: Type of its speech, whose clips have targets of other kinds.
        corpus: The corpus.
        intrudes: Whether its speech disturbs, even where it brings noise of its own.
    """

    name: str
    corpus: Corpus
    intrudes: bool = False

    def clips(self, split: Split) -> Sequence[Clip]:
        """Noise of its own where it has some, else its clips; the target is the type."""
        own: Callable[[Split], Sequence[Clip]] | None = getattr(self.corpus, "noise_clips", None)
        if own and not self.intrudes:
            return own(split)
        clips = self.corpus.clips(split)
        return [replace(clip, target=self.name) for clip in clips] if self.corpus.role() == "speech" else clips

    def divided(self) -> bool:
        """Whether the corpus comes with splits, rather than having them drawn."""
        return bool(getattr(self.corpus, "splits_of_its_own", lambda: True)())


def type_of(name: str, root: Path | None) -> str:
    """What the speech of the corpus called `name` at `root` is called as a type of noise."""
    return root.stem if root and name in UNNAMED else name


def wanted_of(corpus: Corpus) -> Wanted:
    """What of the clips of `corpus` must survive."""
    task = corpus.task()
    if task is not None:
        return task.wanted
    return "scene" if corpus.role() == "scene" else "speech"


def noises(found: Sequence[Noise], split: Split, tested_elsewhere: bool) -> list[Clip]:
    """The noise of one split of several corpora.

    Args:
        found: Where it comes from.
        split: Which split.
        tested_elsewhere: Whether the test noise is named apart; then corpora without splits of their own spare none.
    """
    clips: list[Clip] = []
    for number, noise in enumerate(found):
        spare = split == "train" and tested_elsewhere and not noise.divided()
        wanted: tuple[Split, ...] = ("train", "test") if spare else (split,)
        clips += [replace(c, id=f"noise{number}/{c.id}") for s in wanted for c in noise.clips(s)]
    return clips


def test_noises(found: Sequence[Noise], split: Split = "test") -> list[Clip]:
    """The noise to test with: test splits (or another `split`), and all of corpora without splits of their own."""
    clips: list[Clip] = []
    for number, noise in enumerate(found):
        wanted: tuple[Split, ...] = (split,) if noise.divided() else SPLITS
        clips += [replace(c, id=f"noise{number}/{c.id}") for s in wanted for c in noise.clips(s)]
    return clips


def pieces(clip: Clip, seconds: float) -> list[Clip]:
    """A long file as clips of `PIECE` seconds; anything else as it is."""
    if not isinstance(clip.audio, AudioFile) or seconds < 2 * PIECE:
        return [clip]
    count = int(seconds // PIECE)
    start = clip.audio.start
    parts = [replace(clip.audio, start=start + i * PIECE, end=start + (i + 1) * PIECE) for i in range(count)]
    return [replace(clip, id=f"{clip.id}@{i * PIECE:g}", audio=part) for i, part in enumerate(parts)]


def measured(clips: Iterable[Clip], damages: Damages) -> Iterator[tuple[Clip, float]]:
    """The clips whose headers can be read, with their seconds; the others are reported."""
    for clip in clips:
        try:
            seconds = clip.audio.duration()
            if seconds <= 0:
                raise DamagedAudioError(f"{clip.id}: holds no samples")
        except DamagedAudioError as error:
            damages(Damaged(clip.id, str(error)))
        else:
            yield clip, seconds


@dataclass(frozen=True)
class Source:
    """What mixtures are made from, whatever the split.

    Args:
        reader: Reads and keeps recordings.
        damages: Counts what is left out.
        snr: Range in dB that training draws from.
        task: What is predicted; None for unlabelled clips.
        wanted: What of the clips must survive.
        conditions: How mixtures are made.
    """

    reader: Reader
    damages: Damages
    snr: tuple[float, float]
    task: Task | None
    wanted: Wanted = "speech"
    conditions: Conditions = field(default_factory=Conditions)

    def mixtures(self, what: str, clips: Sequence[Clip], noise: Sequence[Clip], seed: int) -> Mixtures:
        """Mixtures of `clips` under `noise`; recordings in noise need none.

        Of the clips, files are opened until one can be used; what is damaged among the others is named when it is read.
        Every noise is looked at, as long ones are drawn from piece by piece.

        Raises:
            SefrontError: Nothing usable is left of either, a label is not among those that are trained, only some of
                the clips were recorded in noise, or there are no such conditions.
        """
        if next(measured(clips, self.damages), None) is None:
            raise SefrontError(
                f"{what}: no usable clips (of {len(clips)}); give that split some, or name another corpus"
            )
        self.check_labels(what, clips)
        heard = [piece for clip, seconds in measured(noise, self.damages) for piece in pieces(clip, seconds)]
        if not heard and not are_recorded(clips, what):
            option = "--intruder" if self.wanted == "scene" else "--noise"
            raise SefrontError(f"{what}: no usable noise (of {len(noise)} recordings); name more with {option}")
        found = Mixtures(
            clips, heard, self.task, self.reader, seed, self.snr, wanted=self.wanted, what=what,
            conditions=self.conditions,
        )  # fmt: skip
        found.studio.check()
        return found

    def check_labels(self, what: str, clips: Sequence[Clip]) -> None:
        """Refuse labels that the task does not have."""
        if self.task is None or self.task.kind != "classification":
            return
        for clip in clips:
            if clip.target not in self.task.labels:
                count = sum(other.target == clip.target for other in clips)
                raise SefrontError(
                    f"{what}: label '{clip.target}' ({count} clips, such as {clip.id}) is not among those of the "
                    f"training data ({', '.join(self.task.labels)}); leave these clips out or train on it"
                )
