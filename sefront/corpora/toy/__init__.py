"""The corpus ``toy``: synthetic speech and noise from a seed, without any file.

Speech comes from a formant synthesiser (Klatt 1980, doi:10.1121/1.383940). Emotions differ in prosody and voice
quality alone, commands in their phonemes alone; levels, silences, words and speakers say nothing about the class.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Literal

from sefront.core.clips import Card, Clip, Split, Task
from sefront.core.randomness import stream
from sefront.corpora.toy.manner import EMOTIONS, Manner
from sefront.corpora.toy.noise import TYPES, VOICES, Noise
from sefront.corpora.toy.phonemes import COMMANDS, WORDS, milliseconds
from sefront.corpora.toy.speech import Utterance
from sefront.corpora.toy.voice import Speaker, speaker

SHARES: dict[Split, float] = {"train": 0.6, "valid": 0.15, "test": 0.25}  # of the speakers
# Pairs of words that take 0.6 to 0.8 s to say, so that clips last about 1.1 s.
PAIRS = [pair for pair in combinations(sorted(WORDS), 2) if 600.0 <= sum(map(milliseconds, pair)) <= 780.0]
WORD = 560.0  # milliseconds: a command lasts this long at rate 1, so that length tells nothing


class Toy:
    """Emotional utterances or spoken commands by synthetic voices, and five types of noise.

    Args:
        task: What is labelled: the emotion of two words, or which of ten commands is said.
        speakers: Voices in all, 3 or more; three fifths train, a quarter tests.
        clips: Clips per voice, a multiple of the number of classes (4 emotions, 10 commands).
        noises: Noise recordings per type and split, 1 or more.
        seed: Seed of all voices, clips and noises.
    """

    def __init__(
        self,
        root: Path | None = None,
        *,
        task: Literal["emotion", "commands"] = "emotion",
        speakers: int = 20,
        clips: int = 20,
        noises: int = 8,
        seed: int = 0,
    ) -> None:
        if task not in ("emotion", "commands"):
            raise ValueError(f"task must be 'emotion' or 'commands', not {task!r}")
        # what a first try needs; --epochs overrides them
        self.epochs = {"frontend": 3, "backend": 12 if task == "emotion" else 30, "joint": 3}
        self.labels = tuple(EMOTIONS if task == "emotion" else COMMANDS)
        if speakers < 3:
            raise ValueError(f"speakers must be 3 or more (one per split), not {speakers}")
        if clips < 1 or clips % len(self.labels):
            raise ValueError(f"clips must be a positive multiple of {len(self.labels)} (the classes), not {clips}")
        if noises < 1:
            raise ValueError(f"noises must be 1 or more, not {noises}")
        self.kind, self.takes, self.noises, self.seed = task, clips // len(self.labels), noises, seed
        valid, test = (max(1, round(SHARES[split] * speakers)) for split in ("valid", "test"))
        self.speakers: dict[Split, int] = {"train": speakers - valid - test, "valid": valid, "test": test}

    def role(self) -> Literal["speech"]:
        """Speech; `noise_clips` are the noises."""
        return "speech"

    def task(self) -> Task:
        """Classification of emotions (unweighted average recall) or commands (accuracy)."""
        return Task("classification", self.labels, "uar" if self.kind == "emotion" else "accuracy")

    def clips(self, split: Split) -> Sequence[Clip]:
        """The clips of one split: every voice says every class equally often."""
        names = [f"{split}{number:02d}" for number in range(1, self.speakers[split] + 1)]
        takes = range(1, self.takes + 1)
        return [self.clip(name, label, take) for name in names for label in self.labels for take in takes]

    def clip(self, name: str, label: str, take: int) -> Clip:
        """One take of `label` by the voice called `name`."""
        key = f"{self.kind}-{name}-{label}-{take:02d}"
        if self.kind == "emotion":
            words, manner = self.words(key), EMOTIONS[label]
        else:
            words, manner = (label,), Manner(rate=milliseconds(label) / WORD)
        return Clip(key, Utterance(words, manner, self.voice(name), self.seed, key), label, name)

    def words(self, key: str) -> tuple[str, ...]:
        """Two words that have nothing to do with the class."""
        rng = stream(self.seed, key, "words")
        return tuple(rng.permutation(PAIRS[rng.integers(len(PAIRS))]).tolist())

    def voice(self, name: str) -> Speaker:
        """The voice called `name`."""
        return speaker(self.seed, name)

    def noise_clips(self, split: Split) -> Sequence[Clip]:
        """The noises of one split, equally many of each type; babble's voices speak in no clip and no other split."""
        numbers = range(1, self.noises + 1)
        return [self.noise_clip(split, kind, number) for kind in TYPES for number in numbers]

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
        total = sum(self.speakers.values()) * self.takes * len(self.labels)
        return Card(
            licence="MIT, like the package: the audio is computed by it",
            citation="Klatt (1980), Software for a cascade/parallel formant synthesizer, doi:10.1121/1.383940",
            size=f"{total} clips of about one second by {sum(self.speakers.values())} voices",
            source="generated from a seed",
            apart=("speaker",),
        )
