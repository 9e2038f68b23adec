"""``sefront corpus``: where to get a corpus and what to unpack where, and whether a copy of it can be trusted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sefront.cli import corpus_audit, corpus_import, corpus_mix
from sefront.cli.corpora import FollowOutside, Options, found, given
from sefront.cli.plugins import AsJson, catalogue, choices, paired
from sefront.cli.tables import aligned
from sefront.cli.watching import watched

if TYPE_CHECKING:
    from sefront.core.checking import Report, Summary

app = typer.Typer(rich_markup_mode=None, help="Corpora: where to get them, and whether a copy can be trusted.")
PROBLEMS = 1  # exit code
FEW = 3  # remarks of one kind that are printed one by one


def register(commands: typer.Typer) -> None:
    """Add this group to `commands`."""
    corpus_import.register(app)
    corpus_mix.register(app)
    corpus_audit.register(app)
    commands.add_typer(app, name="corpus")


@app.command()
def show(
    context: typer.Context,
    spec: Annotated[str, typer.Argument(metavar="NAME", help="Name of a corpus, or NAME:PATH for the copy there.")],
    option: Options = None,
    follow_outside: FollowOutside = False,
    as_json: AsJson = False,
) -> None:
    """Show where to get a corpus, what to unpack where, its licence, whom to cite, and its options."""
    from sefront.plugins.description import description, plain

    name, _, path = spec.partition(":")
    (offer, *_) = catalogue(context).named(name, "corpus")
    facts = description(offer, given(option))
    if path:
        facts = {**facts, "card": plain(found(context, spec, option, follow_outside)[2].card())}
        facts.pop("unbuilt", None)
    typer.echo(json.dumps(facts, indent=2) if as_json else shown(facts))


def shown(facts: dict[str, Any]) -> str:
    """A description for reading; what a card leaves open is left out."""
    card = facts.get("card") or {}
    told = {
        "get it from": card.get("source"),
        "unpack as": card.get("layout"),
        "licence": card.get("licence"),
        "cite": card.get("citation"),
        "size": card.get("size"),
        "clips": card.get("clips"),
        "splits keep apart": ", ".join(card.get("apart", ())),
        "known faults": ", ".join(card.get("known", ())),
        "its card": "" if card else f"depends on the audio: sefront corpus show {facts['name']}:PATH",
    }
    pairs = [(key, str(value)) for key, value in told.items() if value]
    return "\n".join([f"{facts['name']}: {facts['summary']}", "", paired(pairs), "", choices(facts)])


@app.command()
def check(
    context: typer.Context,
    spec: Annotated[str, typer.Argument(metavar="CORPUS", help="NAME, NAME:PATH, a folder, or a manifest.")],
    option: Options = None,
    follow_outside: FollowOutside = False,
    as_json: AsJson = False,
) -> None:
    """Decode all of a corpus and list everything that is wrong with it; exit code 1 if anything is."""
    from sefront.core.checking import check as checked

    name, root, corpus = found(context, spec, option, follow_outside)
    with watched() as watcher:
        report = checked(corpus, watcher)
    if as_json:
        place = None if root is None else str(root)
        typer.echo(json.dumps({"corpus": name, "root": place, **report.as_dict()}, indent=1))
    else:
        typer.echo("\n".join(told(report)).encode(errors="backslashreplace"))  # names may hold bytes that are no text
    if report.problems:
        raise typer.Exit(PROBLEMS)


def told(report: Report) -> Iterator[str]:
    """A report for reading: every problem on a line, what is worth knowing, a table of the splits, the verdict."""
    yield from (str(problem).replace("\n", " ") for problem in report.problems)
    kinds = Counter(remark.kind for remark in report.remarks)
    yield from (f"remark: {remark}" for remark in report.remarks if kinds[remark.kind] <= FEW)
    for kind, count in kinds.items():
        if count > FEW:
            yield f"remark: {kind}: {count} clips, as in the published audio; --json names them"
    if report.findings:
        yield ""
    yield aligned([["split", "clips", "duration", "speakers", "labels"], *map(row, report.splits)])
    rates = ", ".join(f"{rate} Hz ({count})" for rate, count in sorted(report.rates.items()))
    yield f"\nsample rates: {rates or 'none, as nothing could be read'}"
    count = len(report.problems)
    yield f"{count} problem{'' if count == 1 else 's'}" if count else "no problems"


def row(split: Summary) -> list[str]:
    """A row of the table of splits."""
    minutes, seconds = divmod(round(split.seconds), 60)
    duration = f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
    labels = ", ".join(f"{label} {count}" for label, count in split.labels.items())
    return [split.split, str(split.clips), duration, str(split.speakers or "-"), labels or "-"]
