"""Traces in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from sefront.core.errors import DamagedAudioError
from sefront.core.traces import TraceFile

BOTH = ("arousal", "valence")


def trace(folder: Path, text: str, dimensions: tuple[str, ...] = BOTH) -> TraceFile:
    path = folder / "trace.csv"
    path.write_text(text, encoding="utf-8")
    return TraceFile(path, dimensions)


@pytest.mark.parametrize(
    "text",
    [
        "0.5,1\n-1,0\n",
        "0.5;1\n-1;0\n",
        "0.5\t1\n\n-1\t0",
        "arousal,valence\n0.5,1\n-1,0\n",
        "\ufefftime;Valence;Arousal\n0;1;0.5\n0.04;0;-1\n",
    ],
)
def test_columns_are_dimensions(tmp_path: Path, text: str) -> None:
    found = trace(tmp_path, text)
    assert found.values().tolist() == [[0.5, 1.0], [-1.0, 0.0]]
    assert found.fault() is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "holds no frames"),
        ("arousal,valence\n", "holds no frames"),
        ("1\n2\n", "has 1 columns and no header; expected arousal, valence"),
        ("time,arousal\n0,1\n", "has no column 'valence'; its header has time, arousal"),
        ("1,2\n3,x\n", "line 2: expected a number each, but found 3, x"),
        ("1,2\n3\n", "line 2: expected a number each, but found 3"),
    ],
)
def test_faults_are_named(tmp_path: Path, text: str, fault: str) -> None:
    found = trace(tmp_path, text)
    with pytest.raises(DamagedAudioError, match=fault):
        found.values()
    assert fault in str(found.fault())


def test_a_missing_or_binary_file_is_damaged(tmp_path: Path) -> None:
    assert "no such file" in str(TraceFile(tmp_path / "none.csv", BOTH).fault())
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00")
    assert "not readable as a trace" in str(TraceFile(tmp_path / "x.csv", BOTH).fault())
