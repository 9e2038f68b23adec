"""Beam search over what a recogniser may have heard, with words and a language model where they are given.

A path is a symbol for every frame; it spells a text when repeats are joined and blanks dropped. The search keeps the
beginnings l of texts with the highest

    ln sum over paths that spell l of prod_t y_t(path_t) + a ln P(words of l) + b |words of l|

Frames are followed one by one; of each, blank and the 20 most probable symbols are tried. With a lexicon only its words
are followed, with spaces between them; the language model scores a word when a space ends it, and the end of the
sentence. A space is assumed behind the last frame, so that a clip may end with its last word. Done by flashlight
through torchaudio, whose log_add is this sum, and KenLM, whose logarithms are to base 10. Sources: Graves and Jaitly
2014, https://proceedings.mlr.press/v32/graves14.html; Kahn et al. 2022, arXiv:2201.12465.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from sefront.core.arpa import lines_of, prepared
from sefront.core.decoding import Decoding, sizes
from sefront.core.errors import SefrontError
from sefront.core.extras import extra
from sefront.core.features import torchaudio

SYMBOLS = 20  # tried of every frame
IMPOSSIBLE = -1e4  # a log-probability that no path survives, yet finite


class BeamSearch:
    """A decoder that adds up paths.

    Args:
        alphabet: The symbols, CTC's blank first.
        how: Its settings and files.

    Raises:
        SefrontError: flashlight is not installed, a file cannot be used, or the alphabet cannot spell its words.
    """

    def __init__(self, alphabet: tuple[str, ...], how: Decoding) -> None:
        self._alphabet = alphabet
        self._texts: dict[str, str] = {}  # of words by their names
        build = builder()
        if how.lm is None and how.lexicon is None:
            self._search = build(None, **settings(alphabet, how, silence=0))
            return
        if " " not in alphabet:
            raise SefrontError(f"{how.lm or how.lexicon}: holds words, but the alphabet has no space to part them")
        with TemporaryDirectory() as folder:
            model, lexicon = Path(folder) / "words.arpa", Path(folder) / "words.txt"
            self._texts = vocabulary(alphabet, how, model)
            lexicon.write_text("".join(spelling_lines(self._texts, alphabet)), encoding="utf-8")
            chosen = settings(alphabet, how, silence=alphabet.index(" "))
            with no_stderr():
                try:
                    self._search = build(str(lexicon), lm=how.lm and str(model), **chosen)
                except RuntimeError as error:
                    raise SefrontError(f"{how.lm}: KenLM cannot read it: {str(error).splitlines()[-1]}") from error

    def __call__(self, scores: Tensor, frames: Tensor | None) -> list[str]:
        """The texts of `scores`, log-probabilities (batch, frames, symbols) of which `frames` (batch,) are valid."""
        finite = scores.detach().float().cpu().nan_to_num(IMPOSSIBLE).clamp(min=IMPOSSIBLE)
        text = self._words if self._texts else self._symbols
        return [text(clip[:size]) for clip, size in zip(finite, sizes(scores, frames), strict=True)]

    def _symbols(self, scores: Tensor) -> str:
        """The best string for one clip, (frames, symbols)."""
        found = self._search(scores.contiguous()[None])
        return "".join(self._alphabet[i] for i in found[0][0].tokens.tolist())

    def _words(self, scores: Tensor) -> str:
        """The best words for one clip, (frames, symbols)."""
        end = torch.full((1, scores.shape[1]), IMPOSSIBLE)
        end[0, self._alphabet.index(" ")] = 0.0
        found = self._search(torch.cat([scores, end])[None])
        return " ".join(self._texts[word] for word in found[0][0].words)


def builder() -> Any:
    """torchaudio's maker of decoders.

    Raises:
        MissingExtraError: flashlight is not installed.
    """
    extra("asr", "flashlight.lib.text.decoder", "beam search")
    torchaudio()
    return import_module("torchaudio.models.decoder").ctc_decoder


def settings(alphabet: tuple[str, ...], how: Decoding, silence: int) -> dict[str, Any]:
    """What torchaudio is told; symbols go by their numbers, since the file of spellings puts spaces between them."""
    return {
        "tokens": [str(i) for i in range(len(alphabet))], "blank_token": "0", "sil_token": str(silence),
        "beam_size": how.beam, "beam_size_token": min(SYMBOLS, len(alphabet)), "log_add": True,
        "lm_weight": how.lm_weight * math.log(10), "word_score": how.word_score,
    }  # fmt: skip


def vocabulary(alphabet: tuple[str, ...], how: Decoding, model: Path) -> dict[str, str]:
    """The texts of the words that an answer may hold, by the names that the language model has for them.

    The language model, where there is one, is written to `model` for KenLM. A word that it does not know goes by its
    text.
    """
    names = {} if how.lm is None else spellings(prepared(how.lm, model), alphabet, how.lm)
    texts = names if how.lexicon is None else spellings(first_words(how.lexicon), alphabet, how.lexicon)
    return {names.get(text, text): text for text in texts}


def spellings(words: Iterable[str], alphabet: tuple[str, ...], source: Path) -> dict[str, str]:
    """The `words` of `source` by how they are spelt: as they stand, else in small letters, else in capitals.

    Raises:
        SefrontError: The alphabet can spell none of them.
    """
    symbols = set(alphabet[1:]) - {" "}
    found: dict[str, str] = {}
    strange = []
    for word in words:
        text = next((form for form in (word, word.lower(), word.upper()) if symbols.issuperset(form)), None)
        if text is None:
            strange.append(word)
        else:
            found.setdefault(text, word)
    if not found:
        raise SefrontError(f"{source}: holds no word of the symbols {''.join(sorted(symbols))}")
    if strange:
        text = f"{source}: left out {len(strange)} words that the alphabet cannot spell, such as {strange[0]}"
        warnings.warn(text, stacklevel=2)
    return found


def first_words(path: Path) -> list[str]:
    """The first word of each line of a lexicon.

    Raises:
        SefrontError: It cannot be read.
    """
    with lines_of(path) as lines:
        return [fields[0] for fields in map(str.split, lines) if fields]


def spelling_lines(texts: dict[str, str], alphabet: tuple[str, ...]) -> Iterator[str]:
    """A line for each word: its name, the numbers of its symbols, and that of the space that ends it."""
    numbers = {symbol: str(i) for i, symbol in enumerate(alphabet)}
    for name, text in texts.items():
        yield " ".join([name, *(numbers[symbol] for symbol in text), numbers[" "]]) + "\n"


@contextmanager
def no_stderr() -> Iterator[None]:
    """A block in which libraries cannot write to the terminal: KenLM draws a bar of its own while it reads."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
