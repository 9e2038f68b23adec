"""What long work shows: bars on a terminal, plain lines elsewhere; always on stderr, so that results can be piped."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer

from sefront.core.progress import Progress, Quiet

PLAIN = ("loss", "loss_frontend", "loss_backend", "loss_weighted", "weight_entropy", "weight_max", "cosine", "score")


class Watcher:
    """A `Progress` for people: notes and epochs as lines, and a bar below them where there is a terminal."""

    def __init__(self, bar: Any = None) -> None:
        self.bar, self.task = bar, None

    def start(self, what: str, total: int) -> None:
        """Show a new bar in place of the old one."""
        if self.bar is not None:
            if self.task is not None:
                self.bar.remove_task(self.task)
            self.task = self.bar.add_task(what, total=total)

    def advance(self) -> None:
        """Move the bar."""
        if self.bar is not None and self.task is not None:
            self.bar.advance(self.task)

    def note(self, text: str) -> None:
        """Print a line."""
        if self.bar is not None:
            self.bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            typer.echo(text, err=True)

    def record(self, values: Mapping[str, Any]) -> None:
        """Print an epoch."""
        numbers = "  ".join(f"{name} {values[name]:.4g}" for name in PLAIN if name in values)
        best = "  best so far" if values["best"] else ""
        self.note(f"  {values['phase']} {values['epoch']:>3}  {numbers}  {values['seconds']:.1f} s{best}")


def first() -> bool:
    """Whether this process is the one that prints: the first of those that torchrun or accelerate has started."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def watched(main: bool = True) -> Iterator[Progress]:
    """A block with a watcher, who says nothing where another process is the `main` one."""
    if not main:
        yield Quiet()
        return
    if not sys.stderr.isatty():
        yield Watcher()
        return
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), transient=True) as bar:
        yield Watcher(bar)
