"""A constructor's keyword-only parameters are its hyperparameter table: read, check and apply them."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from sefront.core.errors import BadOptionError, nearest, unknown


@dataclass(frozen=True)
class Parameter:
    """One option of a component: name, annotation, default and the line of `Args` that explains it."""

    name: str
    annotation: Any
    default: Any
    meaning: str

    def type_name(self) -> str:
        """The annotation as a user writes it."""
        return spelt_out(self.annotation)


def spelt_out(annotation: Any) -> str:
    """An annotation as a user writes it."""
    if get_origin(annotation) in (Union, UnionType):
        return " | ".join(map(spelt_out, get_args(annotation)))
    if annotation is type(None):
        return "None"
    plain = isinstance(annotation, type) and not hasattr(annotation, "__args__")
    return annotation.__name__ if plain else str(annotation).replace("typing.", "")


def parameters(component: type) -> dict[str, Parameter]:
    """The options of `component` by name, in the order of its signature; one made of others lists them itself."""
    if (table := getattr(component, "parameter_table", None)) is not None:
        return dict(table)
    hints = get_type_hints(getattr(component, "__init__"))  # noqa: B009  mypy distrusts the attribute
    meanings = described(inspect.getdoc(component) or "")
    return {
        p.name: Parameter(p.name, hints.get(p.name, Any), p.default, meanings.get(p.name, ""))
        for p in inspect.signature(component).parameters.values()
        if p.kind is inspect.Parameter.KEYWORD_ONLY
    }


def described(docstring: str) -> dict[str, str]:
    """The entries of a docstring's `Args` section by name, each on one line."""
    section = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", docstring, re.MULTILINE | re.DOTALL)
    if section is None:
        return {}
    entries = re.findall(r"^    (\w+): (.*?)(?=^    \w+: |\Z)", section[1], re.MULTILINE | re.DOTALL)
    return {name: " ".join(text.split()) for name, text in entries}


def candidates(value: Any) -> list[Any]:
    """How a value may be read.

    A word of the command line is tried as JSON, as itself and as a comma-separated list; a number also as a word.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [value, str(value)]
    if not isinstance(value, str):
        return [value]
    readings: list[Any] = [None] if value.lower() == "none" else []
    with suppress(ValueError):  # not JSON: the word itself is the value
        readings.append(json.loads(value))
    return [*readings, value, [part for part in value.split(",") if part]]


def words(annotation: Any) -> list[str]:
    """The words that an annotation lists."""
    if get_origin(annotation) is Literal:
        return [word for word in get_args(annotation) if isinstance(word, str)]
    return [word for inner in get_args(annotation) for word in words(inner)]


def checked(parameter: Parameter, value: Any, owner: str) -> Any:
    """`value` converted to the parameter's annotation.

    Raises:
        BadOptionError: No reading of the value fits the annotation.
    """
    from pydantic import PydanticSchemaGenerationError, TypeAdapter, ValidationError

    try:
        adapter = TypeAdapter(parameter.annotation)
    except PydanticSchemaGenerationError:
        return value
    for reading in candidates(value):
        try:
            found = adapter.validate_python(reading)
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            continue
        if isinstance(found, bool) or not isinstance(reading, bool):
            return found
        reason = "Input should not be true or false"  # which would else become 1 or 0
    hint = nearest(str(value), words(parameter.annotation))
    raise BadOptionError(
        f"{owner}: option '{parameter.name}' is {value!r}, which is not {parameter.type_name()}{hint} "
        f"({reason[0].lower()}{reason[1:]}; default {parameter.default!r})"
    )


def resolved(component: type, given: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Every option of `component`: the given ones checked, the others at their defaults.

    Raises:
        UnknownNameError: An option that the component does not have.
        BadOptionError: A value of the wrong type.
    """
    return filled(parameters(component), given, owner)


def filled(table: Mapping[str, Parameter], given: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Every option of `table`: the given ones checked, the others at their defaults; raises as `resolved` does."""
    for name in given:
        if name not in table:
            raise unknown("option", name, table, owner)
    return {n: checked(p, given[n], owner) if n in given else p.default for n, p in table.items()}


def build(component: type, *facts: Any, options: Mapping[str, Any], owner: str) -> Any:
    """An instance from positional facts and checked options.

    Raises:
        BadOptionError: The constructor refused a value as out of range.
    """
    try:
        return component(*facts, **resolved(component, options, owner))
    except ValueError as error:
        raise BadOptionError(f"{owner}: {error}") from error
