"""The house rules that a machine can check."""

from __future__ import annotations

import ast
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "sefront").rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
FORBIDDEN = {"base", "abstract", "manager", "helper", "helpers", "util", "utils", "common"}
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def where(path: Path, node: ast.AST) -> str:
    """File and line, as editors jump to it."""
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def lengths() -> dict[str, int]:
    """Lines of every function, its docstring included."""
    return {
        f"{where(path, node)} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def public(body: list[ast.stmt]) -> Iterator[Definition]:
    """Public classes, functions and methods, but not what is defined inside functions."""
    for node in body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)


def words(name: str) -> set[str]:
    """The words of a name in CamelCase or snake_case."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def imports(tree: ast.AST) -> Iterator[str]:
    """Top-level packages that a file imports, wherever it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_floors() -> None:
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or shutil.which("lint-imports")
    if command is None:
        pytest.skip("import-linter is not installed: pip install 'sefront[test]'")
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_long_file() -> None:
    assert {str(path): n for path in FILES if (n := len(path.read_text().splitlines())) > 250} == {}


def test_median_file() -> None:
    assert statistics.median(len(path.read_text().splitlines()) for path in FILES) <= 100


def test_no_long_function() -> None:
    assert {name: n for name, n in lengths().items() if n > 60} == {}


def test_nine_functions_in_ten_are_short() -> None:
    assert statistics.quantiles(lengths().values(), n=10)[-1] <= 40


def test_no_print_and_no_assert() -> None:
    found = [
        where(path, node)
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert)
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print")
    ]
    assert found == []


def test_names_say_something() -> None:
    modules = [str(path.relative_to(ROOT)) for path in FILES if words(path.stem) & FORBIDDEN]
    classes = [
        f"{where(path, node)} {node.name}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and words(node.name) & FORBIDDEN
    ]
    assert modules + classes == []


def test_everything_public_has_a_docstring() -> None:
    bare = [str(path.relative_to(ROOT)) for path, tree in TREES.items() if ast.get_docstring(tree) is None]
    bare += [
        f"{where(path, node)} {node.name}"
        for path, tree in TREES.items()
        for node in public(tree.body)
        if ast.get_docstring(node) is None
    ]
    assert bare == []


def test_every_import_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = chain(project["dependencies"], *project["optional-dependencies"].values())
    declared = {normalised(re.match(r"[\w.-]+", line)[0]) for line in wanted}  # type: ignore[index]
    homes = packages_distributions()
    undeclared = {
        f"{path.relative_to(ROOT)}: {name}"
        for path, tree in TREES.items()
        for name in imports(tree)
        if name != "sefront" and name not in sys.stdlib_module_names
        if not {normalised(home) for home in homes.get(name, [name])} & declared
    }
    assert undeclared == set()


def normalised(distribution: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
