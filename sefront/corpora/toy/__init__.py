"""The corpus ``toy``: synthetic speech, scenes and noise from a seed, without any file.

Speech comes from a formant synthesiser (Klatt 1980, doi:10.1121/1.383940). Emotions differ in prosody and voice
quality alone, commands in their phonemes alone, scenes in what is heard; levels, silences, words, speakers and places
say nothing about the class. Arousal and valence show in how a voice changes, not in how it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Literal

from sefront.core.clips import Card, Clip, Split, Task
from sefront.core.randomness import stream
from sefront.core.transcripts import transcription
from sefront.corpora.toy.affect import TRACE, WINDOW, Talk, course
from sefront.corpora.toy.manner import EMOTIONS, Manner
from sefront.corpora.toy.noise import TYPES, VOICES, Noise
from sefront.corpora.toy.phonemes import COMMANDS, WORDS, milliseconds
from sefront.corpora.toy.scenes import SCENES, Scene, place
from sefront.corpora.toy.sentences import sentence
from sefront.corpora.toy.speech import Utterance
from sefront.corpora.toy.voice import Speaker, speaker

SHARES: dict[Split, float] = {"train": 0.6, "valid": 0.15, "test": 0.25}  # of the speakers
# Pairs of words that take 0.6 to 0.8 s to say, so that clips last about 1.1 s.
PAIRS = [pair for pair in combinations(sorted(WORDS), 2) if 600.0 <= sum(map(milliseconds, pair)) <= 780.0]
WORD = 560.0  # milliseconds: a command lasts this long at rate 1, so that length tells nothing


@dataclass(frozen=True)
class Lesson:
    """What is particular to a task.

    Args:
        task: The task.
        classes: What every voice or place gives equally many clips of; one nameless class where there are none.
        clips: Clips of a voice or place, unless asked otherwise.
        epochs: What a first try needs, by phase; --epochs overrides them.
        size: What a clip is, for the card.
    """

    task: Task
    classes: tuple[str, ...]
    clips: int
    epochs: Mapping[str, int]
    size: str


def classes(labels: Mapping[str, object], metric: str, wanted: Literal["speech", "scene"] = "speech") -> Task:
    """Classification of `labels`."""
    return Task("classification", tuple(labels), metric, wanted)


def epochs(frontend: int, backend: int, joint: int) -> dict[str, int]:
    """Epochs by phase."""
    return {"frontend": frontend, "backend": backend, "joint": joint}


LESSONS: dict[str, Lesson] = {
    "emotion": Lesson(classes(EMOTIONS, "uar"), tuple(EMOTIONS), 20, epochs(3, 12, 3), "clips of about one second"),
    "commands": Lesson(classes(COMMANDS, "accuracy"), tuple(COMMANDS), 20, epochs(3, 30, 3), "clips of about a second"),
    "sentences": Lesson(transcription(), ("",), 30, epochs(3, 40, 6), "sentences of about two seconds"),
    "scenes": Lesson(
        classes(SCENES, "accuracy", "scene"), tuple(SCENES), 16, epochs(3, 15, 3), "scenes of two to four seconds"
    ),
    "affect": Lesson(TRACE, ("",), 1, epochs(15, 60, 15), "clips of continuous speech"),
}


class Toy:
    """Synthetic speech or scenes for five tasks, and what disturbs them: five types of noise, or speech over scenes.

    Args:
        task: What is to be told: the emotion of two words, which of ten commands is said, the words of a sentence,
            which of eight kinds a scene is, or arousal and valence along continuous speech (affect).
        speakers: Voices in all (for scenes: places), 3 or more; three fifths train, a quarter tests.
        clips: Clips per voice or place, a multiple of the classes (4 emotions, 10 commands, 8 scenes); none means 20
            emotions or commands, 30 sentences, 16 scenes, and 1 clip of affect.
        noises: Noise recordings per type and split, 1 or more; for scenes, sentences of each of six intruding voices.
        seed: Seed of all voices, clips and noises.
        seconds: Length of clips of affect, give or take a fifth, 6 or more.
    """

    def __init__(
        self,
        root: Path | None = None,
        *,
        task: Literal["emotion", "commands", "sentences", "scenes", "affect"] = "emotion",
        speakers: int = 20,
        clips: int | None = None,
        noises: int = 8,
        seed: int = 0,
        seconds: float = 20.0,
    ) -> None:
        if task not in LESSONS:
            *others, last = map(repr, LESSONS)
            raise ValueError(f"task must be {', '.join(others)} or {last}, not {task!r}")
        self.kind, self.lesson, self.epochs = task, LESSONS[task], LESSONS[task].epochs
        clips, each = self.lesson.clips if clips is None else clips, len(self.lesson.classes)
        if speakers < 3:
            raise ValueError(f"speakers must be 3 or more (one per split), not {speakers}")
        if clips < 1 or clips % each:
            wanted = f"a positive multiple of {each} (the classes)" if each > 1 else "1 or more"
            raise ValueError(f"clips must be {wanted}, not {clips}")
        if noises < 1:
            raise ValueError(f"noises must be 1 or more, not {noises}")
        if not WINDOW <= seconds < float("inf"):
            raise ValueError(f"seconds must be {WINDOW:g} or more (affect changes that slowly), not {seconds:g}")
        self.takes, self.noises, self.seed, self.seconds = clips // each, noises, seed, seconds
        valid, test = (max(1, round(SHARES[split] * speakers)) for split in ("valid", "test"))
        self.speakers: dict[Split, int] = {"train": speakers - valid - test, "valid": valid, "test": test}

    def role(self) -> Literal["speech", "scene"]:
        """What the clips are; `noise_clips` disturb them."""
        return self.lesson.task.wanted

    def task(self) -> Task:
        """What is to be told, and by which metric it is judged."""
        return self.lesson.task

    def clips(self, split: Split) -> Sequence[Clip]:
        """The clips of one split: every voice or place gives equally many of every class."""
        names = [f"{split}{number:02d}" for number in range(1, self.speakers[split] + 1)]
        takes = range(1, self.takes + 1)
        return [self.clip(name, label, take) for name in names for label in self.lesson.classes for take in takes]

    def clip(self, name: str, label: str, take: int) -> Clip:
        """One take of `label` by the voice, or at the place, called `name`."""
        key = "-".join(part for part in (self.kind, name, label, f"{take:02d}") if part)
        if self.kind == "scenes":
            return Clip(key, Scene(label, place(self.seed, name), self.seed, key), label)
        if self.kind == "affect":
            trace = course(self.seed, key, self.seconds)
            return Clip(key, Talk(self.voice(name), trace), trace, name)
        words, manner = self.words(key, label), Manner()
        if self.kind == "emotion":
            manner = EMOTIONS[label]
        elif self.kind == "commands":
            manner = Manner(rate=milliseconds(label) / WORD)
        return Clip(key, Utterance(words, manner, self.voice(name), self.seed, key), label or " ".join(words), name)

    def words(self, key: str, label: str) -> tuple[str, ...]:
        """What is said: a sentence, the command, or two words that have nothing to do with the emotion."""
        rng = stream(self.seed, key, "words")
        if self.kind == "sentences":
            return sentence(rng)
        return (label,) if self.kind == "commands" else tuple(rng.permutation(PAIRS[rng.integers(len(PAIRS))]).tolist())

    def voice(self, name: str) -> Speaker:
        """The voice called `name`."""
        return speaker(self.seed, name)

    def noise_clips(self, split: Split) -> Sequence[Clip]:
        """What disturbs the clips of one split, by voices that speak in no clip and no other split.

        Scenes are disturbed by sentences, speech by equally many noises of each type.
        """
        numbers = range(1, self.noises + 1)
        if self.kind == "scenes":
            names = [f"intruder-{split}{voice:02d}" for voice in range(1, VOICES + 1)]
            return [self.intrusion(name, number) for name in names for number in numbers]
        return [self.noise_clip(split, kind, number) for kind in TYPES for number in numbers]

    def intrusion(self, name: str, number: int) -> Clip:
        """A sentence by the intruding voice called `name`."""
        key = f"{name}-{number:02d}"
        words = sentence(stream(self.seed, key, "words"))
        return Clip(key, Utterance(words, Manner(), self.voice(name), self.seed, key), "speech", name)

    def noise_clip(self, split: Split, kind: str, number: int) -> Clip:
        """One noise recording."""
        key = f"{kind}-{split}-{number:02d}"
        names = [f"{key}-{voice}" for voice in range(VOICES)] if kind == "babble" else []
        return Clip(key, Noise(kind, tuple(map(self.voice, names)), self.seed, key), kind)

    def problems(self) -> list[str]:
        """None: nothing can be missing."""
        return []

    def card(self) -> Card:
        """Licence, citation and size."""
        sources = sum(self.speakers.values())
        total = sources * self.takes * len(self.lesson.classes)
        scenes = self.kind == "scenes"
        return Card(
            licence="MIT, like the package: the audio is computed by it",
            citation="Klatt (1980), Software for a cascade/parallel formant synthesizer, doi:10.1121/1.383940",
            size=f"{total} {self.lesson.size} {'at' if scenes else 'by'} {sources} {'places' if scenes else 'voices'}",
            source="generated from a seed",
            apart=("recording",) if scenes else ("speaker",),
        )
