"""Every command by name. A command's module has ``register(app)`` and imports nothing heavy before it is run."""

from __future__ import annotations

from typing import Any

import typer

from sefront.cli import corpus, couple, enhance, evaluate, inspect, plugins, predict
from sefront.plugins.catalogue import Catalogue
from sefront.plugins.failures import BrokenError
from sefront.plugins.loading import Plugin

COMMANDS = (couple, evaluate, enhance, predict, inspect, corpus, plugins)


def application() -> typer.Typer:
    """sefront's commands, then those of the plugins."""
    app = empty()
    app.callback(invoke_without_command=True)(everywhere)
    for command in COMMANDS:
        command.register(app)
    catalogue = Catalogue.installed()
    for plugin in catalogue.plugins:
        try:
            adopt(app, plugin)
        except BrokenError as error:
            typer.echo(f"sefront: left out the commands of {plugin.distribution}: {error}", err=True)
    app.info.context_settings = {"obj": catalogue, "default_map": unasked(app)}
    return app


def empty() -> typer.Typer:
    """An application without commands, whose help is plain text."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def everywhere(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error; may stand anywhere."),
) -> None:
    """Couple any enhancement frontend with any recogniser, train them together, and measure whether it helps."""
    if version:
        from sefront import __version__

        typer.echo(f"sefront {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def adopt(app: typer.Typer, plugin: Plugin) -> None:
    """Add the commands of one plugin, all or none.

    Raises:
        BrokenError: Its hook failed, or it claims a name that is taken.
    """
    own = empty()
    plugin.call("sefront_commands", app=own)
    taken = names(app) & names(own)
    if taken:
        raise BrokenError(f"sefront has a command '{sorted(taken)[0]}' already")
    app.registered_commands += own.registered_commands
    app.registered_groups += own.registered_groups


def names(app: typer.Typer) -> set[str]:
    """What the commands and groups of `app` are called."""
    return set(unasked(app)) - {"help"}


def unasked(app: typer.Typer) -> dict[str, Any]:
    """That help is off unless asked for, by command: typer would import pydantic (80 ms) to make False of None."""
    commands = [c.name or getattr(c.callback, "__name__", "").replace("_", "-") for c in app.registered_commands]
    groups = {str(g.name or ""): unasked(g.typer_instance) for g in app.registered_groups if g.typer_instance}
    return {"help": False, **{command: {"help": False} for command in commands}, **groups}
