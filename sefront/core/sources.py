"""From what a user names — ``emodb:PATH``, a folder, a manifest — to clips that can be mixed."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sefront.core.audio import AudioFile
from sefront.core.clips import SPLITS, Clip, Split, Task
from sefront.core.damages import Damages
from sefront.core.data import Damaged, Mixtures, Reader
from sefront.core.errors import DamagedAudioError, SefrontError, unknown
from sefront.core.parameters import build
from sefront.core.protocols import Corpus

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


def noises(corpora: Sequence[Corpus], split: Split, tested_elsewhere: bool) -> list[Clip]:
    """The noise of one split of several corpora.

    Args:
        corpora: Where it comes from.
        split: Which split.
        tested_elsewhere: Whether the test noise is named apart; then corpora without splits of their own spare none.
    """
    found: list[Clip] = []
    for number, corpus in enumerate(corpora):
        spare = split == "train" and tested_elsewhere and not divided_by_itself(corpus)
        wanted: tuple[Split, ...] = ("train", "test") if spare else (split,)
        found += [replace(c, id=f"noise{number}/{c.id}") for s in wanted for c in noise_clips(corpus, s)]
    return found


def test_noises(corpora: Sequence[Corpus]) -> list[Clip]:
    """The noise to test with: test splits, and everything of corpora without splits of their own."""
    found: list[Clip] = []
    for number, corpus in enumerate(corpora):
        wanted: tuple[Split, ...] = ("test",) if divided_by_itself(corpus) else SPLITS
        found += [replace(c, id=f"noise{number}/{c.id}") for s in wanted for c in noise_clips(corpus, s)]
    return found


def check_apart(trained: Sequence[str], tested: Mapping[str, Corpus]) -> None:
    """Refuse to test on the very noise that was trained on.

    Raises:
        SefrontError: A noise corpus without splits of its own is named for both.
    """
    for spec, corpus in tested.items():
        if spec in trained and not divided_by_itself(corpus):
            raise SefrontError(
                f"noise '{spec}' is named for training and for test, but has no splits of its own; leave out "
                "--test-noise, and a third of its recordings is held back for the test"
            )


def divided_by_itself(corpus: Corpus) -> bool:
    """Whether a corpus comes with splits, rather than having them drawn."""
    return bool(getattr(corpus, "splits_of_its_own", lambda: True)())


def noise_clips(corpus: Corpus, split: Split) -> Sequence[Clip]:
    """What a corpus offers as noise: noise of its own where it has some, else its clips."""
    clips: Sequence[Clip] = getattr(corpus, "noise_clips", corpus.clips)(split)
    return clips


def pieces(clip: Clip, seconds: float) -> list[Clip]:
    """A long file as clips of `PIECE` seconds; anything else as it is."""
    if not isinstance(clip.audio, AudioFile) or seconds < 2 * PIECE:
        return [clip]
    count = int(seconds // PIECE)
    start = clip.audio.start
    parts = [AudioFile(clip.audio.path, start + i * PIECE, start + (i + 1) * PIECE) for i in range(count)]
    return [replace(clip, id=f"{clip.id}@{i * PIECE:g}", audio=part) for i, part in enumerate(parts)]


def measured(clips: Sequence[Clip], damages: Damages) -> list[tuple[Clip, float]]:
    """The clips whose headers can be read, with their seconds; the others are reported."""
    found: list[tuple[Clip, float]] = []
    for clip in clips:
        try:
            seconds = clip.audio.duration()
            if seconds <= 0:
                raise DamagedAudioError(f"{clip.id}: holds no samples")
            found.append((clip, seconds))
        except DamagedAudioError as error:
            damages(Damaged(clip.id, str(error)))
    return found


@dataclass(frozen=True)
class Source:
    """What mixtures are made from, whatever the split.

    Args:
        reader: Reads and keeps recordings.
        damages: Counts what is left out.
        snr: Range in dB that training draws from.
        task: What is predicted; None for unlabelled clips.
    """

    reader: Reader
    damages: Damages
    snr: tuple[float, float]
    task: Task | None

    def mixtures(self, what: str, clips: Sequence[Clip], noise: Sequence[Clip], seed: int) -> Mixtures:
        """Mixtures of `clips` under `noise`.

        Raises:
            SefrontError: Nothing usable is left of either, or a label is not among those that are trained.
        """
        usable = measured(clips, self.damages)
        if not usable:
            raise SefrontError(
                f"{what}: no usable clips (of {len(clips)}); give that split some, or name another corpus"
            )
        self.check_labels(what, clips)
        heard = [piece for clip, seconds in measured(noise, self.damages) for piece in pieces(clip, seconds)]
        if not heard:
            raise SefrontError(f"{what}: no usable noise (of {len(noise)} recordings); name more with --noise")
        return Mixtures(
            [clip for clip, _ in usable], heard, self.task, self.reader, seed, self.snr, [s for _, s in usable]
        )

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
