"""Language models of words in the ARPA format: probabilities of n-grams and weights for backing off, log10 both.

    P(w | u, v) = p3(u, v, w) where listed, else bow(u, v) P(w | v),    P(w | v) = p2(v, w) or bow(v) p1(w)

KenLM computes that (Heafield 2011, https://aclanthology.org/W11-2123); it asks that a file begins with ``\\data\\``.
"""

from __future__ import annotations

import gzip
import re
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import TextIO

from sefront.core.errors import SefrontError

MARKS = {"<s>", "</s>", "<unk>"}  # what is listed among the words but is none
UNKNOWN = "-7\t<unk>\n"  # for a model that does not say how probable other words are
GZIPPED = b"\x1f\x8b"


def prepared(source: Path, target: Path) -> list[str]:
    """Copy the language model `source`, plain or gzipped, to `target` as KenLM reads it, and return its words.

    What stands before ``\\data\\`` is left out. Where no <unk> is listed, one with log10 P = -7 is added.

    Raises:
        SefrontError: `source` cannot be read, or is not in the ARPA format.
    """
    with lines_of(source) as lines, target.open("w", encoding="utf-8", errors="surrogateescape") as copy:
        if not any(line.strip() == "\\data\\" for line in lines):
            raise SefrontError(f"{source}: not a language model in the ARPA format: no line says \\data\\")
        header = list(takewhile(lambda line: line.strip() != "\\1-grams:", lines))
        entries, following = [], ""
        for following in lines:
            if following.startswith("\\"):
                break
            entries.append(following)
        words = [fields[1] for fields in map(str.split, entries) if len(fields) > 1]
        if not words or not following.startswith("\\"):
            raise SefrontError(f"{source}: not a language model in the ARPA format: it lists no words or is cut off")
        if "<unk>" not in map(str.lower, words):
            header = [re.sub(r"^(ngram 1\s*=\s*)(\d+)", one_more, line) for line in header]
            entries.insert(0, UNKNOWN)
        copy.writelines(["\\data\\\n", *header, "\\1-grams:\n", *entries, following])
        shutil.copyfileobj(lines, copy)
    return [word for word in words if word.lower() not in MARKS]


def one_more(counted: re.Match[str]) -> str:
    """A line of the header that counts one n-gram more."""
    return f"{counted[1]}{int(counted[2]) + 1}"


@contextmanager
def lines_of(source: Path) -> Iterator[TextIO]:
    """The text of `source`, plain or gzipped.

    Raises:
        SefrontError: It cannot be read.
    """
    try:
        with source.open("rb") as file:
            packed = file.read(len(GZIPPED)) == GZIPPED
        opened = gzip.open if packed else open
        with opened(source, "rt", encoding="utf-8", errors="surrogateescape") as text:
            yield text
    except FileNotFoundError:
        raise SefrontError(f"{source}: no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise SefrontError(f"{source}: cannot be used: {error}") from error
