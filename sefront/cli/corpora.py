"""What commands about corpora share: their options, and the corpus that a user names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sefront.cli.plugins import catalogue
from sefront.cli.words import options
from sefront.core.errors import SefrontError

if TYPE_CHECKING:
    from sefront.core.protocols import Corpus

Options = Annotated[
    list[str] | None, typer.Option("-o", "--option", help="Option NAME=VALUE of the corpus; may be repeated.")
]
FollowOutside = Annotated[
    bool,
    typer.Option("--follow-outside", help="Let a list lead out of its folder, by absolute paths, .. or links."),
]


def given(words: list[str] | None) -> dict[str, str]:
    """The options of a corpus, with or without the section before the name."""
    return {key.removeprefix("corpus."): value for key, value in options(words or []).items()}


def found(
    context: typer.Context, spec: str, option: list[str] | None, follow_outside: bool
) -> tuple[str, Path | None, Corpus]:
    """Name and root of the corpus that `spec` says, and the corpus itself.

    Raises:
        SefrontError: There is none, or it is no list that could lead outside.
    """
    from sefront.core.parameters import parameters
    from sefront.core.sources import located, opened

    corpora = catalogue(context).corpora
    name, root = located(spec, corpora)
    trusted = {"follow_outside": True} if follow_outside else {}
    if not trusted.keys() <= parameters(corpora[name]).keys():
        raise SefrontError(f"--follow-outside: corpus '{name}' is no list of files; leave it out")
    return name, root, opened(name, root, corpora[name], {**given(option), **trusted})
