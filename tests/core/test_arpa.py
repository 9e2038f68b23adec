"""Language models as files: what is cut off, added and refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from sefront.core.arpa import prepared
from sefront.core.errors import SefrontError

MODEL = """\\data\\
ngram 1=4
ngram 2=1

\\1-grams:
-99\t<s>\t-0.3
-0.9\t</s>
-0.7\tYES\t-0.2
-0.8\tGO\t-0.5

\\2-grams:
-0.4\t<s> YES

\\end\\
"""
COMPLETED = MODEL.replace("ngram 1=4", "ngram 1=5").replace("\\1-grams:\n", "\\1-grams:\n-7\t<unk>\n")


@pytest.mark.parametrize("before", ["", "\n\n", "Made by hand.\n\\data marks\nngram 1=nr\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_the_beginning_is_cut_off_and_other_words_get_a_probability(tmp_path: Path, before: str, packed: bool) -> None:
    source, target = tmp_path / "model", tmp_path / "prepared"
    text = (before + MODEL).encode()
    source.write_bytes(gzip.compress(text) if packed else text)
    assert prepared(source, target) == ["YES", "GO"]
    assert target.read_text() == COMPLETED


@pytest.mark.parametrize("mark", ["<unk>", "<UNK>"])
def test_a_model_of_other_words_too_is_left_as_it_is(tmp_path: Path, mark: str) -> None:
    source, target = tmp_path / "model", tmp_path / "prepared"
    open_model = MODEL.replace("GO", mark)
    source.write_text(open_model)
    assert prepared(source, target) == ["YES"]
    assert target.read_text() == open_model


def test_bytes_that_are_no_text_survive(tmp_path: Path) -> None:
    source, target = tmp_path / "model", tmp_path / "prepared"
    source.write_bytes(MODEL.encode().replace(b"GO", b"caf\xe9"))
    prepared(source, target)
    assert target.read_bytes() == COMPLETED.encode().replace(b"GO", b"caf\xe9")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"hello\n", r"no line says \\data\\"),
        (b"", r"no line says \\data\\"),
        (bytes(range(256)), r"no line says \\data\\"),
        (b"\\data\\\nngram 1=1\n", "it lists no words or is cut off"),
        (MODEL[: MODEL.index("\\2-grams")].encode(), "it lists no words or is cut off"),
        (gzip.compress(MODEL.encode())[:-20], "cannot be used: "),
        (b"\x1f\x8bhello", "cannot be used: "),
    ],
)
def test_files_that_are_no_language_model(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "model").write_bytes(content)
    with pytest.raises(SefrontError, match=f"model: .*{said}"):
        prepared(tmp_path / "model", tmp_path / "prepared")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match="model: no such file"):
        prepared(tmp_path / "model", tmp_path / "prepared")
    with pytest.raises(SefrontError, match=r"cannot be used: .*directory"):
        prepared(tmp_path, tmp_path / "prepared")
