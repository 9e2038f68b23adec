"""``sefront plugins``: what is installed, whether it is fit for use, and what it can do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from shutil import get_terminal_size
from typing import Annotated, Any

import typer

from sefront.cli.tables import aligned
from sefront.cli.words import options
from sefront.plugins.catalogue import Catalogue

app = typer.Typer(rich_markup_mode=None, help="Installed frontends, backends, couplings, corpora and metrics.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def register(commands: typer.Typer) -> None:
    """Add this group to `commands`."""
    commands.add_typer(app, name="plugins")


def catalogue(context: typer.Context) -> Catalogue:
    """What is installed, as the launcher found it."""
    found: Catalogue = context.obj
    return found


@app.command("list")
def list_(
    context: typer.Context,
    as_json: AsJson = False,
    check: Annotated[bool, typer.Option("--check", help="Import every component afresh.")] = False,
) -> None:
    """List every component with where it comes from and whether it can be used."""
    from sefront.plugins.health import rows

    found = [asdict(row) for row in rows(catalogue(context), check=check)]
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    header = ["name", "family", "distribution", "version", "status"]
    lines = [[*(row[column] for column in header[:-1]), stated(row)] for row in found]
    typer.echo(aligned([header, *lines]))


def stated(row: dict[str, Any]) -> str:
    """Status and reason in one cell."""
    return f"{row['status']}: {row['reason']}" if row["reason"] else str(row["status"])


@app.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of a component, as `plugins list` prints it.")],
    option: Annotated[
        list[str] | None, typer.Option("-o", "--option", help="Option NAME=VALUE to build it with; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a component is, whom to cite, its options and its size."""
    from sefront.plugins.description import description

    given = options(option or [])
    found = [description(offer, given) for offer in catalogue(context).named(name)]
    typer.echo(json.dumps(found, indent=2) if as_json else "\n\n".join(text(facts) for facts in found))


def text(facts: dict[str, Any]) -> str:
    """One component for reading."""
    lines = [f"{facts['name']}: {facts['summary']}", ""]
    pairs = [(key, facts[key]) for key in ("family", "distribution", "version")]
    pairs += [("source", source) for source in facts["citation"]]
    for key in ("trainable_parameters", "differentiable", "pads"):
        if facts.get(key) is not None:
            pairs.append((key.replace("_", " "), readable(facts[key])))
    if facts["family"] == "frontend" and "unbuilt" not in facts:
        pairs.append(("latency", waiting(facts)))
    for key in ("card", "recipe"):
        pairs += [(f"{key} {inner}", readable(value)) for inner, value in (facts.get(key) or {}).items()]
    if "unbuilt" in facts:
        pairs.append(("not built", facts["unbuilt"]))
    return "\n".join([*lines, paired(pairs), "", choices(facts)])


def paired(pairs: Sequence[tuple[str, str]]) -> str:
    """Names and values, as wide as the terminal."""
    return aligned(pairs, get_terminal_size((120, 24)).columns)


def choices(facts: dict[str, Any]) -> str:
    """The options of a component as a table."""
    table = [[o["name"], o["type"], readable(o["default"]), o["meaning"]] for o in facts["options"]]
    header = ["option", "type", "default", "meaning"]
    return aligned([header, *table], get_terminal_size((120, 24)).columns) if table else "It has no options."


def waiting(facts: dict[str, Any]) -> str:
    """How long the output of a frontend lags behind its input."""
    if facts["latency"] is None:
        return "it has to hear what comes later"
    return f"{facts['latency_ms']:g} ms ({facts['latency']} samples at 16 kHz)"


def readable(value: Any) -> str:
    """A value of a description as ``-o`` reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(readable(inner) for inner in value) or "-"
    return "none" if value is None else str(value)
