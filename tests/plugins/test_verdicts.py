"""Where verdicts are kept, and what they depend on."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from fakes import Site

from sefront.plugins.verdicts import changed, location, python_files


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"SEFRONT_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, Path("/a")),
        ({"SEFRONT_CACHE": "", "XDG_CACHE_HOME": "/b"}, Path("/b/sefront")),
        ({}, Path("~/.cache/sefront").expanduser()),
    ],
)
def test_location(environment: dict[str, str], folder: Path) -> None:
    assert location(environment) == folder / "health.json"


def test_files_of_a_package(site: Site) -> None:
    site.install("acme", {"acme/__init__": "", "acme/inner/deep": ""})
    (site.folder / "acme/data.txt").touch()
    found = {line.rpartition(" ")[0] for line in python_files("acme")}
    assert found == {f"{site.folder}/acme/__init__.py", f"{site.folder}/acme/inner/deep.py"}


def test_files_of_what_is_not_there() -> None:
    assert list(python_files("no_such_package_42")) == []


def test_files_of_a_module_without_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "acme_live", ModuleType("acme_live"))
    assert list(python_files("acme_live")) == []


def test_time_of_what_is_not_there(tmp_path: Path) -> None:
    assert changed(str(tmp_path / "gone")) == 0
