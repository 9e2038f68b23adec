"""How fast the beam search is, for bench/backends.py.

10 s of what a recogniser might say in frames of 20 ms are decoded with two language models: a 3-gram of 2000 made-up
words, written here, and AN4's, where SEFRONT_TEST_DATA has it. "peaked" is a recogniser that is almost sure of every
frame, "flat" one that knows nothing.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from sefront.core.decoding import Decoding, decoder_of
from sefront.core.transcripts import ALPHABET, transcription

FRAMES, FRAME = 500, 0.02  # number, seconds
PEAKS = {"peaked": 6.0, "flat": 0.0}


def real_time_factors() -> Iterator[tuple[str, float]]:
    """Seconds of the processor for a second of audio, by what is decoded."""
    with tempfile.TemporaryDirectory() as folder:
        models = {"3-gram": Path(folder) / "3.arpa"}
        text = " ".join(language(models["3-gram"]))
        an4 = Path(os.environ.get("SEFRONT_TEST_DATA", ""), "an4/etc/an4.lm")
        models |= {"an4.lm": an4} if an4.is_file() else {}
        for name, path in models.items():
            search = decoder_of(transcription(), Decoding(decoder="beam", lm=path, beam=100))
            for kind, peak in PEAKS.items():
                scores, took = posteriors(text, peak), []
                for _ in range(5):
                    began = time.process_time()
                    search(scores, None)
                    took.append(time.process_time() - began)
                yield f"{name}, {kind}", median(took) / (FRAMES * FRAME)


def language(path: Path, words: int = 2000, sentences: int = 3000) -> list[str]:
    """Write a 3-gram of made-up sentences to `path`; returns the sentences."""
    draw = random.Random(0)
    known = ["".join(draw.choices(ALPHABET[2:28], k=draw.randint(2, 9))) for _ in range(words)]
    shares = [1 / rank for rank in range(1, words + 1)]
    said = [" ".join(draw.choices(known, shares, k=8)) for _ in range(sentences)]
    counts: list[Counter[tuple[str, ...]]] = [Counter() for _ in range(3)]
    for sentence in said:
        marked = ["<s>", *sentence.split(), "</s>"]
        for n in range(3):
            counts[n].update(zip(*(marked[i:] for i in range(n + 1)), strict=False))
    with path.open("w", encoding="utf-8") as file:
        file.writelines(arpa_lines(counts))
    return said


def arpa_lines(counts: list[Counter[tuple[str, ...]]]) -> Iterator[str]:
    """Lines of a model with absolute discounting; weights for backing off are all the same."""
    yield "\\data\\\n"
    yield from (f"ngram {n + 1}={len(count)}\n" for n, count in enumerate(counts))
    for n, count in enumerate(counts):
        yield f"\n\\{n + 1}-grams:\n"
        for words, times in count.items():
            of = counts[n - 1][words[:-1]] if n else sum(count.values())
            log = torch.log10(torch.tensor((times - 0.5) / of)).item()
            yield f"{log:.4f}\t{' '.join(words)}" + ("\t-0.4\n" if n < 2 else "\n")
    yield "\n\\end\\\n"


def posteriors(text: str, peak: float) -> Tensor:
    """Log-probabilities (1, frames, symbols) that say `text`, each symbol for 2 frames and blank for 2, under noise."""
    logits = torch.randn(1, FRAMES, len(ALPHABET), generator=torch.Generator().manual_seed(0))
    said = [0 if frame % 4 > 1 else ALPHABET.index(text[frame // 4]) for frame in range(FRAMES)]
    logits[0, torch.arange(FRAMES), torch.tensor(said)] += peak
    return logits.log_softmax(-1)
