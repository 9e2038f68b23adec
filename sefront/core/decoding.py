"""How frames of a recogniser become a text: greedily, or by a search that may know words and a language model.

Greedy decoding takes the most probable symbol of every frame, joins repeats and drops blanks. That is the text of the
most probable path, and many paths spell the same text; a beam search adds them up (`sefront.core.beam`). Source:
Graves et al. 2006, doi:10.1145/1143844.1143891, section 3.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Literal

from torch import Tensor

from sefront.core.clips import Task
from sefront.core.errors import BadOptionError, SefrontError

Decoder = Callable[[Tensor, Tensor | None], list[str]]
"""Log-probabilities (batch, frames, symbols) and valid frames (batch,), None for all, to a text for each clip."""


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """How frames become a text.

    Args:
        decoder: greedy, or beam for a beam search (``pip install 'sefront[asr]'``).
        lm: Language model of words in the ARPA format, plain or gzipped. The answer is made of its words.
        lexicon: File with a word a line, which the answer is made of; what follows the word is not read. None for the
            words of the language model, or for any string of symbols where there is none.
        beam: Hypotheses that are kept after every frame.
        lm_weight: Weight a of ln P of the language model beside ln P of the frames.
        word_score: What every word adds, b; long answers gain by it. Only with a lexicon or a language model.
    """

    decoder: Literal["greedy", "beam"] = "greedy"
    lm: Path | None = None
    lexicon: Path | None = None
    beam: int = 100
    lm_weight: float = 0.75
    word_score: float = 1.85


def decoder_of(task: Task, how: Decoding) -> Decoder:
    """What turns the scores of a recogniser for `task` into texts.

    Raises:
        SefrontError: `task` is no transcription, settings contradict each other or lie out of range, a file cannot be
            used, or the extra of the beam search is missing.
    """
    if task.kind != "transcription":
        raise SefrontError(f"only transcripts are decoded, but the task is {task.kind}")
    if how.beam < 1:
        raise BadOptionError(f"beam must be at least 1, but is {how.beam}")
    if not (math.isfinite(how.lm_weight) and math.isfinite(how.word_score)):
        raise BadOptionError(
            f"lm_weight and word_score must be finite, but they are {how.lm_weight:g} and {how.word_score:g}"
        )
    check_needed(how)
    if how.decoder == "beam":
        from sefront.core.beam import BeamSearch

        return BeamSearch(task.labels, how)
    return partial(greedy, alphabet=task.labels)


def check_needed(how: Decoding) -> None:
    """Refuse settings that would change nothing.

    Raises:
        SefrontError: Naming the first of them, and what it needs.
    """
    changed = {f.name: value for f in fields(how) if (value := getattr(how, f.name)) != f.default}
    asked = {name: f"--{name.replace('_', '-')} {value}" for name, value in changed.items() if name != "decoder"}
    if how.decoder == "greedy" and asked:
        raise SefrontError(f"{next(iter(asked.values()))} says nothing to greedy decoding; add --decoder beam")
    if how.lm is None and "lm_weight" in asked:
        raise SefrontError(f"{asked['lm_weight']} weighs a language model; name one with --lm")
    if how.lm is None and how.lexicon is None and "word_score" in asked:
        raise SefrontError(
            f"{asked['word_score']} is about words, but none are known; name some with --lm or --lexicon"
        )


def greedy(scores: Tensor, frames: Tensor | None, alphabet: tuple[str, ...]) -> list[str]:
    """The text of the most probable path of each clip.

    Args:
        scores: Log-probabilities or logits, (batch, frames, symbols).
        frames: Valid frames, (batch,); None for all.
        alphabet: The symbols, CTC's blank first.
    """
    return [
        "".join(alphabet[i] for i, _ in groupby(path[:size]) if i)
        for path, size in zip(scores.argmax(-1).tolist(), sizes(scores, frames), strict=True)
    ]


def sizes(scores: Tensor, frames: Tensor | None) -> list[int]:
    """Valid frames of each clip of `scores` (batch, frames, ...)."""
    return [scores.shape[1]] * len(scores) if frames is None else list(map(int, frames.tolist()))
