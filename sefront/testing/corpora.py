"""The contract of corpora."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sefront.core.clips import SPLITS, Card, Clip, Split
from sefront.core.corpora import leaks, source
from sefront.core.errors import SefrontError
from sefront.core.protocols import Corpus
from sefront.testing.constructor import built, check_citation, check_constructor
from sefront.testing.material import RATE
from sefront.testing.verdict import require

READ = 3  # clips of a split that are read
Clips = dict[Split, tuple[Clip, ...]]


def check_corpus(component: type, root: Path | None, /, **options: Any) -> None:
    """Check a corpus that is built with `options` on the audio at `root`.

    Raises:
        ConformanceError: It breaks the contract.
    """
    check_constructor(component, 1)
    corpus = built(component, root, options=options)
    require(isinstance(corpus, Corpus), component, "lacks methods of Corpus: role, task, clips, problems and card")
    check_citation(component, corpus.card())
    role = corpus.role()
    require(role in ("speech", "scene", "noise"), component, f"its role is '{role}'; it is speech, scene or noise")
    problems = corpus.problems()
    require(not problems, component, f"reports {len(problems)} problems, the first: {[*problems, ''][0]}")
    again = built(component, root, options=options)
    check_set(component, corpus.clips, again.clips, "clips")
    if offers_noise(corpus):
        check_set(component, corpus.noise_clips, again.noise_clips, "noise clips")
    check_card(component, corpus.card())
    clips: Clips = {split: tuple(corpus.clips(split)) for split in SPLITS}
    check_kinds(component, clips)
    check_apart(component, clips, corpus.card())
    check_targets(component, clips, corpus.task())


def offers_noise(corpus: Any) -> bool:
    """Whether it has noise; one that could have, but was copied without, says so with a SefrontError."""
    try:
        return hasattr(corpus, "noise_clips") and bool(corpus.noise_clips("train"))
    except SefrontError:
        return False


def check_set(
    component: type, clips: Callable[[Split], Sequence[Clip]], again: Callable[[Split], Sequence[Clip]], what: str
) -> None:
    """Clips have ids of their own, stand in a stable order, and can be read."""
    found = {split: list(clips(split)) for split in SPLITS}
    everything = [clip for split in SPLITS for clip in found[split]]
    require(bool(everything), component, f"has no {what} in any split")
    doubles = [name for name, count in Counter(clip.id for clip in everything).items() if count > 1]
    require(
        not doubles, component,
        f"uses the id '{[*doubles, ''][0]}' for {what} more than once; ids are unique over all splits",
    )  # fmt: skip
    for split in SPLITS:
        same = [clip.id for clip in found[split]] == [clip.id for clip in again(split)]
        require(same, component, f"gives its {what} of the {split} split in another order the second time; sort them")
        picked = np.linspace(0, len(found[split]) - 1, READ).astype(int).tolist() if found[split] else []
        for clip in [found[split][i] for i in sorted(set(picked))]:
            check_clip(component, clip)
            check_reference(component, clip)


def check_clip(component: type, clip: Clip) -> None:
    """A clip lasts as long as it says, and holds mono audio in [-1, 1]."""
    seconds, wave = clip.audio.duration(), clip.audio.read(RATE)
    require(seconds > 0, component, f"clip {clip.id} lasts {seconds} seconds")
    require(
        wave.dtype == np.float32 and wave.ndim == 1, component,
        f"clip {clip.id} is read as {wave.dtype} of shape {wave.shape}; a recording is float32, (samples,)",
    )  # fmt: skip
    require(bool(np.isfinite(wave).all()), component, f"clip {clip.id} holds samples that are not finite")
    peak = float(np.abs(wave).max(initial=0.0))
    require(peak <= 1.0, component, f"clip {clip.id} peaks at {peak:.3g}; recordings lie in [-1, 1]")
    require(
        abs(len(wave) - seconds * RATE) <= 0.01 * RATE, component,
        f"clip {clip.id} has {len(wave) / RATE:.3f} s of samples but says {seconds:.3f} s",
    )  # fmt: skip


def check_reference(component: type, clip: Clip) -> None:
    """A clean reference belongs to a clip that was recorded in noise, and lasts as long."""
    if clip.reference is None:
        return
    require(clip.recorded, component, f"clip {clip.id} has a clean reference but does not say that it is recorded")
    check_clip(component, replace(clip, id=f"{clip.id} (reference)", audio=clip.reference, reference=None))
    sizes = [len(audio.read(RATE)) for audio in (clip.reference, clip.audio)]
    require(
        sizes[0] == sizes[1], component,
        f"clip {clip.id} has a reference of {sizes[0]} samples, but {sizes[1]} itself; they are aligned by sample",
    )  # fmt: skip


def check_kinds(component: type, clips: Clips) -> None:
    """All clips of a split were recorded in noise, or none was."""
    for split in SPLITS:
        kinds = {clip.recorded for clip in clips[split]}
        require(len(kinds) < 2, component, f"has clips recorded in noise and others in its {split} split")


def check_card(component: type, card: Card) -> None:
    """A user learns licence, citation, size and source."""
    for name in ("licence", "citation", "size", "source"):
        value = getattr(card, name)
        require(isinstance(value, str) and bool(value.strip()), component, f"its card says nothing about the {name}")


def check_apart(component: type, clips: Clips, card: Card) -> None:
    """What the card says is kept apart is."""
    keys: Mapping[str, Callable[[Clip], str | None]] = {
        "speaker": lambda clip: clip.speaker,
        "session": lambda clip: clip.session,
        "recording": source,
    }
    for what in card.apart:
        require(what in keys, component, f"its card keeps '{what}' apart; known: {', '.join(keys)}")
        found = leaks(clips, keys[what], what)
        require(not found, component, f"its card says that splits keep each {what} apart, but {[*found, ''][0]}")


def check_targets(component: type, clips: Clips, task: Any) -> None:
    """Every target is a label of the task, and every label is taught."""
    if task is None or task.kind != "classification":
        return
    doubles = [label for label, count in Counter(task.labels).items() if count > 1]
    require(bool(task.labels) and not doubles, component, f"its task has no labels, or some twice: {doubles}")
    for split in SPLITS:
        strangers = sorted({str(clip.target) for clip in clips[split]} - set(task.labels))
        require(
            not strangers, component,
            f"clips of the {split} split have the target '{[*strangers, ''][0]}', which its task does not list",
        )  # fmt: skip
    untaught = sorted(set(task.labels) - {str(clip.target) for clip in clips["train"]})
    require(
        not (clips["train"] and untaught), component,
        f"its task lists '{[*untaught, ''][0]}', of which the train split has no clip",
    )  # fmt: skip
