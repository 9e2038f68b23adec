"""A file is the old one or the new one."""

from __future__ import annotations

import errno
import math
from pathlib import Path
from typing import Any

import pytest

from sefront.core.errors import SefrontError
from sefront.core.files import append_line, clear_failures, read_lines, replacing, write_json, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b.txt", "é")
    write_json(tmp_path / "a" / "c.json", {"x": [1.5, None]})
    assert (tmp_path / "a" / "b.txt").read_text(encoding="utf-8") == "é"
    assert (tmp_path / "a" / "c.json").read_text() == '{\n "x": [\n  1.5,\n  null\n ]\n}\n'
    assert names(tmp_path / "a") == ["b.txt", "c.json"]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_json_holds_finite_numbers_only(tmp_path: Path, value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"x": value})
    assert names(tmp_path) == []


def test_a_failure_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")

    def fail() -> None:
        with replacing(tmp_path / "a.txt") as part:
            part.write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, "a: the disk is full; what was written before is intact, so free some space and use --resume"),
        (errno.EDQUOT, "a: the disk is full; what was written before is intact, so free some space and use --resume"),
        (errno.EACCES, r"a: cannot be written \(Permission denied\); name another place with --out"),
        (errno.EROFS, r"a: cannot be written \(Read-only file system\); name another place with --out"),
        (errno.ENOTDIR, r"a: cannot be written \(Not a directory\); name another place with --out"),
    ],
)
def test_what_the_system_refuses(code: int, message: str) -> None:
    import os

    with pytest.raises(SefrontError, match=f"^{message}$"), clear_failures(Path("a")):
        raise OSError(code, os.strerror(code))


@pytest.mark.parametrize(
    ("code", "message"),
    [(errno.ENOSPC, "is intact, so free some space and repeat the command$"), (errno.EACCES, "another place with -o$")],
)
def test_the_remedy_is_that_of_the_caller(code: int, message: str) -> None:
    with pytest.raises(SefrontError, match=message), clear_failures(Path("a"), "repeat the command", "-o"):
        raise OSError(code, "refused")


def test_other_failures_keep_their_name() -> None:
    with pytest.raises(OSError, match="Input/output"), clear_failures(Path("a")):
        raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize("path", ["/dev/null/run/a.txt", "/dev/full"])
def test_places_that_cannot_be(path: str) -> None:
    if not Path(path).parent.exists() and not Path("/dev/null").exists():
        pytest.skip("no such devices here")
    with pytest.raises(SefrontError, match=rf"^{path}: (cannot be written|the disk is full)"):
        append_line(Path(path), {}) if path == "/dev/full" else write_text(Path(path), "x")


def test_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    assert read_lines(path) == []
    records: list[dict[str, Any]] = [{"a": 1}, {"b": "line\nbreak\u2028"}]
    for record in records:
        append_line(path, record)
    assert read_lines(path) == records
    path.write_text(path.read_text() + '{"c": ')
    assert read_lines(path) == records
