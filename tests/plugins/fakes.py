"""Distributions that never saw an index: a package and its metadata in a folder on the path."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

METRIC = '''
from sefront.core import MetricCard

class Share:
    """How much of it is right. Seen often.

    Source: Nobody 2020, doi:10.0/0.

    Args:
        scale: What the best value is.
    """

    def __init__(self, *, scale: float = 1.0) -> None:
        self.scale = scale

    def __call__(self, truth, estimate, **facts):
        return self.scale * sum(a == b for a, b in zip(truth, estimate)) / len(truth)

    def card(self):
        return MetricCard("labels", "set", "", (0.0, self.scale), True, "Nobody 2020")
'''


def page(body: str, hook: str = "metrics") -> str:
    """A plugin module whose hook returns `body`."""
    return f"import sefront\n\n@sefront.hookimpl\ndef sefront_{hook}():\n    return {body}\n"


class Site:
    """A folder on the path into which tests install distributions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder.parent / "cache"

    def install(
        self, name: str, modules: Mapping[str, str], *, version: str = "1.0", requires: tuple[str, ...] = ()
    ) -> None:
        """A distribution whose first module is its plugin; a module's name may hold slashes."""
        for module, source in modules.items():
            path = self.folder / f"{module}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, encoding="utf-8")
        plugin = next(iter(modules)).replace("/__init__", "").replace("/", ".")
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        wanted = "".join(f"Requires-Dist: {line}\n" for line in requires)
        info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{wanted}")
        info.joinpath("entry_points.txt").write_text(f"[sefront]\n{plugin}_entry = {plugin}\n")
        info.joinpath("RECORD").write_text("".join(f"{module}.py,,\n" for module in modules))
        importlib.invalidate_caches()

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The command ``sefront`` in a process of its own that sees these distributions."""
        return self.python("-m", "sefront", *words, **environment)

    def python(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Python with these distributions on its path."""
        settings = {"PYTHONPATH": str(self.folder), "SEFRONT_CACHE": str(self.cache), **environment}
        command = [sys.executable, *words]
        return subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, check=False)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An empty site on this process's path; what was imported from it is forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    monkeypatch.setenv("SEFRONT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SEFRONT_DISABLED_PLUGINS", raising=False)
    before = set(sys.modules)
    importlib.invalidate_caches()
    yield Site(folder)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def run_here(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """The command in this process: exit code, stdout and stderr."""
    from sefront.cli import main

    def run(*words: str) -> tuple[int, str, str]:
        code = main(words)
        return (code, *capsys.readouterr())

    return run
