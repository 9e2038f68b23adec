"""What the documents say is true: commands, tables, code, links."""

from __future__ import annotations

import dataclasses
import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sefront.core.aggregation import SYSTEMS
from sefront.core.augment import Augment
from sefront.core.conditions import Conditions
from sefront.core.experiment import SECTIONS
from sefront.core.recipe import Recipe
from sefront.core.training import Training
from sefront.plugins import Catalogue
from sefront.testing import ConformanceError, check_coupling

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs/guide.md").read_text(encoding="utf-8")
PLUGINS = (ROOT / "docs/plugins.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
MAIN = "sefront couple --frontend unet --backend ser_cnn --mode iterative"


def test_readme_is_one_screen() -> None:
    assert len(README.splitlines()) <= 90


def test_the_two_commands_are_what_ci_runs() -> None:
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert f"pip install -c constraints.txt . && {MAIN}" in README
    assert "pip install -c constraints.txt '.[test]' && pytest" in README
    assert MAIN in ci
    assert "pip install --quiet -c constraints.txt '.[test]'" in ci


@pytest.mark.parametrize(
    ("family", "label"),
    [
        ("frontends", "frontend"),
        ("backends", "backend"),
        ("couplings", "coupling (mode)"),
        ("corpora", "corpus"),
        ("metrics", "metric"),
    ],
)
def test_component_table(family: str, label: str) -> None:
    row = next(line for line in README.splitlines() if line.startswith(f"| {label} |"))
    installed = {n for n, c in getattr(Catalogue.installed(), family).items() if c.__module__.startswith("sefront.")}
    assert set(re.findall(r"`(\w+)`", row)) == installed


def test_printed_table_has_the_systems_and_levels_of_a_run() -> None:
    table = README.split("```")[1].strip().splitlines()
    levels = [cell.strip() for cell in re.split(r"\s{2,}", table[0])]
    assert levels == ["metric", "system", "clean", "25 dB", "20 dB", "15 dB", "10 dB", "5 dB", "0 dB", "average"]
    rows = [re.split(r"\s{2,}", line)[:2] for line in table[1:10]]
    assert [row[1] for row in rows] == ["original", "bypass", "coupled"] + ["noisy", "coupled"] * 3
    assert {row[1] for row in rows} == set(SYSTEMS)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_guide_names_every_option_section() -> None:
    assert [name for name in SECTIONS if f"`{name}" not in GUIDE] == []


@pytest.mark.parametrize("settings", [Recipe, Training, Augment, Conditions])
def test_guide_names_every_setting(settings: type) -> None:
    assert [f.name for f in dataclasses.fields(settings) if f"`{f.name}`" not in GUIDE] == []


def test_modules_of_ones_own_as_in_the_guide(monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.split("## Your own modules, without names")[1], re.DOTALL)
    names: dict[str, Any] = {}
    monkeypatch.setattr("sefront.core.training.Lengths.of", lambda lengths, phase: 2)
    exec(code, names)
    assert [record["phase"] for record in names["history"]] == ["frontend"] * 2 + ["backend"] * 2 + ["joint"] * 2
    assert float(names["frontend"].gain.detach()) != 0.5
    assert not names["backend"].training


def test_guide_names_every_mode() -> None:
    modes = Catalogue.installed().couplings
    assert [name for name in modes if f"| `{name}` |" not in GUIDE] == []


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PLUGINS, re.DOTALL)


@pytest.fixture
def documented_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The plugin of docs/plugins.md as an installed distribution."""
    package = tmp_path / "my_package"
    package.mkdir()
    component, page, contract, *_ = blocks("python")
    (package / "filter.py").write_text(component, encoding="utf-8")
    (package / "__init__.py").write_text(page, encoding="utf-8")
    (tmp_path / "test_filter.py").write_text(contract, encoding="utf-8")
    information = tmp_path / "my_package-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n", encoding="utf-8")
    (information / "entry_points.txt").write_text("[sefront]\nfilter = my_package\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    return tmp_path


def test_documented_plugin_is_found_and_conforms(documented_plugin: Path) -> None:
    assert 'filter = "my_package"' in blocks("toml")[0]
    catalogue = Catalogue.installed()
    assert catalogue.frontends["filter"].__name__ == "Filter"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(documented_plugin / "test_filter.py")],
        capture_output=True, text=True, check=False, env={"PYTHONPATH": str(documented_plugin), "PATH": ""},
    )  # fmt: skip
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_documented_coupling_conforms() -> None:
    names: dict[str, Any] = {"__name__": "documented"}
    coupling, by_hand = (block for block in blocks("python") if "OneByOne" in block)
    exec(coupling, names)
    check_coupling(names["OneByOne"])
    exec(by_hand, names)
    with pytest.raises(ConformanceError, match=r"a step of phase learn_backend brings b from 1\.5"):
        check_coupling(names["OneByOne"], {"learn_backend": lambda a, b, batch: (a, b)})


WITH_EXAMPLES = sorted(path for path in (ROOT / "sefront").rglob("*.py") if ">>> " in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.stem)
def test_examples_in_docstrings(path: Path) -> None:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.attempted > 0
    assert outcome.failed == 0
