"""What the constructors of all families promise: facts by position, options by keyword, and a docstring for them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from sefront.core.errors import BadOptionError
from sefront.core.parameters import checked, described, parameters, resolved
from sefront.core.randomness import seeded
from sefront.plugins.description import sources
from sefront.testing.verdict import ConformanceError, require

PLACED = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def built(component: type, *facts: Any, options: Mapping[str, Any], seed: int = 0) -> Any:
    """An instance whose weights come from `seed`."""
    with seeded(seed, "kit"):
        return component(*facts, **options)


def check_constructor(component: type, facts: int) -> None:
    """The signature: as many positional parameters as the family has `facts`, then options that can be checked."""
    signature = inspect.signature(component).parameters.values()
    placed = [p.name for p in signature if p.kind in PLACED]
    require(
        len(placed) == facts, component,
        f"takes {len(placed)} arguments by position ({', '.join(placed) or 'none'}), its family {facts}; "
        "write a * before the options, so that they are keyword-only",
    )  # fmt: skip
    starred = [p.name for p in signature if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    require(not starred, component, f"takes *{', *'.join(starred)}; name every option, so that it can be listed")
    try:
        table = parameters(component)
    except (NameError, TypeError) as error:
        raise ConformanceError(f"{component.__name__}: its annotations cannot be read ({error})") from error
    for parameter in signature:
        if parameter.kind is parameter.KEYWORD_ONLY:
            check_option(component, parameter, table[parameter.name].annotation)
    check_docstring(component, placed)


def check_option(component: type, option: inspect.Parameter, annotation: Any) -> None:
    """One option: annotated with a type that pydantic can parse, and with a default of that type."""
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    name = option.name
    require(option.annotation is not option.empty, component, f"option '{name}' has no annotation")
    require(option.default is not option.empty, component, f"option '{name}' has no default; every option has one")
    try:
        TypeAdapter(annotation)
    except PydanticUserError as error:
        raise ConformanceError(
            f"{component.__name__}: option '{name}' is annotated {annotation}, which pydantic cannot parse; "
            "use numbers, strings, Literal, tuples and None"
        ) from error
    try:
        value = checked(parameters(component)[name], option.default, component.__name__)
    except BadOptionError as error:
        raise ConformanceError(f"the default does not pass its own check: {error}") from error
    require(
        value == option.default, component,
        f"option '{name}' turns its default {option.default!r} into {value!r}; write the default as its type has it",
    )  # fmt: skip


def check_docstring(component: type, placed: list[str]) -> None:
    """The docstring: its `Args` are the options, each explained."""
    require(bool(component.__doc__), component, "has no docstring; its first sentence is shown by `sefront plugins`")
    table = parameters(component)
    explained = [name for name, p in table.items() if p.meaning]
    missing = sorted(set(table) - set(explained))
    require(not missing, component, f"its docstring's Args lack {', '.join(missing)}; give each option a line")
    extra = sorted(set(described(inspect.getdoc(component) or "")) - set(table) - set(placed))
    require(not extra, component, f"its docstring's Args explain {', '.join(extra)}, which the signature does not have")


def check_citation(component: type, card: Any = None) -> None:
    """Whom to cite: on the card, or in a docstring."""
    cited = getattr(card, "citation", "") or sources(component)
    require(
        bool(cited), component,
        "cites nothing; write 'Source: ...' with a DOI into the docstring of the class or of its module",
    )  # fmt: skip


def check_rebuild(
    component: type, *facts: Any, options: Mapping[str, Any], same: Callable[[Any, Any], bool]
) -> None:  # fmt: skip
    """Building from what a run folder records gives the same: `same` compares two instances."""
    from pydantic import TypeAdapter

    recorded = TypeAdapter(dict[str, Any]).dump_python(resolved(component, options, component.__name__), mode="json")
    again = resolved(component, recorded, component.__name__)
    one, other = built(component, *facts, options=options), built(component, *facts, options=again)
    require(
        same(one, other), component,
        f"behaves differently when it is built from its recorded options {recorded}; "
        "nothing but facts, options and torch's seed may matter",
    )  # fmt: skip
