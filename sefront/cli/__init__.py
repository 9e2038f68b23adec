"""The command ``sefront``: what it prints when it is used wrongly, and with which code it ends."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import cast

import typer

from sefront.cli.application import application
from sefront.core.errors import SefrontError

USER_MISTAKE = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells count it
Misuse = cast("type[Exception]", typer.BadParameter.__mro__[2])
"""click's ClickException: typer brings its own copy of click, or uses the installed one, and exports only the heir."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2 for a user's mistake, 130 for Ctrl-C.

    Args:
        arguments: The words after ``sefront``; None means those of this process.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words  # also after the command, where one thinks of it
    words = [word for word in words if word != "--debug"]
    try:
        with warnings.catch_warnings():
            if not debug:
                warnings.showwarning = warned
            outcome = typer.main.get_command(application()).main(words, prog_name="sefront", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        outcome = INTERRUPTED
    except (SefrontError, Misuse) as error:
        if debug:
            traceback.print_exc()
        typer.echo(f"sefront: {sentence(error)}", err=True)
        return USER_MISTAKE
    if outcome == INTERRUPTED:
        typer.echo("sefront: interrupted", err=True)
    return outcome if isinstance(outcome, int) else 0


def warned(message: Warning | str, category: type[Warning], *where: object, **more: object) -> None:
    """Show a warning in one line, and leave out those that are meant for programmers."""
    if issubclass(category, UserWarning):
        typer.echo(f"sefront: {' '.join(str(message).split())}", err=True)


def sentence(error: BaseException) -> str:
    """The error in one line; for a misused command also where its help is."""
    format_message = getattr(error, "format_message", None)
    if format_message is None:
        return " ".join(str(error).split())
    context = getattr(error, "ctx", None)
    hint = f"; see {context.command_path} --help" if context else ""
    return " ".join(str(format_message()).split()).rstrip(".") + hint
