"""What long work shows."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console
from rich.progress import Progress

from sefront.cli.watching import Watcher, watched

EPOCH = {"phase": "joint", "epoch": 3, "loss": 0.123456, "score": 50.0, "seconds": 1.25, "best": True, "norm": 9.0}


def test_plain_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with watched() as watcher:
        watcher.start("joint 1/2", 3)
        watcher.advance()
        watcher.note("left out: [a].wav")
        watcher.record(EPOCH)
    assert capsys.readouterr() == (
        "",
        "left out: [a].wav\n  joint   3  loss 0.1235  score 50  1.2 s  best so far\n",
    )


def test_a_bar_on_a_terminal() -> None:
    screen = StringIO()
    with Progress(console=Console(file=screen, force_terminal=True, width=80), auto_refresh=False) as bar:
        watcher = Watcher(bar)
        watcher.advance()  # nothing has begun
        watcher.start("joint 1/2", 3)
        watcher.start("joint 2/2", 4)
        watcher.advance()
        watcher.note("left out: [a].wav")
        watcher.record({**EPOCH, "best": False})
        assert [(task.description, task.completed, task.total) for task in bar.tasks] == [("joint 2/2", 1, 4)]
    assert "left out: [a].wav" in screen.getvalue()
    assert "1.2 s" in screen.getvalue()
    assert "best so far" not in screen.getvalue()


def test_the_terminal_is_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with watched() as watcher:
        assert watcher.bar is not None
    assert capsys.readouterr().out == ""
