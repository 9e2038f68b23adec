"""The rows of ``plugins list`` and the verdicts behind them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from fakes import METRIC, Site, page

from sefront.plugins import Catalogue
from sefront.plugins.health import Row, rows

NOISY = "import os\nwith open(os.environ['IMPORTS'], 'a') as file:\n    file.write('x')\n" + METRIC
ACME = {"acme/__init__": page('{"share": "acme.metric:Share"}'), "acme/metric": NOISY}


@pytest.fixture
def imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that grows by one character with each import of the fake metric."""
    path = tmp_path / "imports"
    path.touch()
    monkeypatch.setenv("IMPORTS", str(path))
    return path


def health(*, check: bool = False) -> dict[str, Row]:
    """The rows by name, as a new process would find them."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "acme"]:
        del sys.modules[name]
    return {row.name: row for row in rows(Catalogue.installed(), check=check)}


def test_third_party_reference(site: Site, imports: Path) -> None:
    site.install("acme-metrics", ACME)
    assert health()["share"] == Row("share", "metric", "acme-metrics", "1.0", "ok", "")


def test_second_time_the_cache_answers(site: Site, imports: Path) -> None:
    site.install("acme-metrics", ACME)
    first = health()
    assert health() == first
    assert imports.read_text() == "x"


def test_broken_verdict_is_remembered_too(site: Site, imports: Path) -> None:
    site.install("acme-metrics", {**ACME, "acme/metric": NOISY + "\nraise ValueError('old')"})
    assert health()["share"].reason == "ValueError: old"
    assert health()["share"].status == "broken"
    assert imports.read_text() == "x"


def test_changed_file_is_looked_at_again(site: Site, imports: Path) -> None:
    site.install("acme-metrics", {**ACME, "acme/inner/deep": ""})
    health()
    os.utime(site.folder / "acme/inner/deep.py", ns=(1, 1))
    health()
    assert imports.read_text() == "xx"


def test_other_version_is_looked_at_again(site: Site, imports: Path) -> None:
    site.install("acme-metrics", ACME)
    health()
    next(site.folder.glob("*.dist-info")).rename(site.folder / "acme_metrics-2.0.dist-info")
    site.install("acme-metrics", ACME, version="2.0")
    assert health()["share"].version == "2.0"
    assert imports.read_text() == "xx"


def test_check_is_afresh_and_remembered(site: Site, imports: Path) -> None:
    site.install("acme-metrics", ACME)
    health()
    health(check=True)
    health()
    assert imports.read_text() == "xx"


def test_failure_of_another_command_is_not_remembered(site: Site, imports: Path) -> None:
    site.install("acme-metrics", ACME)
    assert Catalogue.installed().metrics["share"].__name__ == "Share"
    assert not site.cache.exists()


@pytest.mark.parametrize("content", ["", "[]", "{broken", '{"a": 1}'])
def test_unreadable_cache_is_ignored(site: Site, imports: Path, content: str) -> None:
    site.install("acme-metrics", ACME)
    site.cache.mkdir()
    (site.cache / "health.json").write_text(content)
    assert health()["share"].status == "ok"
    assert health()["share"].status == "ok"
    assert imports.read_text() == "x"


def test_unwritable_cache_is_ignored(site: Site, imports: Path) -> None:
    site.install("acme-metrics", ACME)
    site.cache.write_text("a file where the folder should be")
    assert health()["share"].status == "ok"


def test_no_draft_is_left(site: Site, imports: Path) -> None:
    site.install("acme-metrics", ACME)
    health()
    assert [path.name for path in site.cache.iterdir()] == ["health.json"]


def test_plugin_that_cannot_be_loaded(site: Site) -> None:
    site.install("acme-metrics", {"acme": "raise SystemExit(1)"})
    assert health()["acme_entry"] == Row("acme_entry", "plugin", "acme-metrics", "1.0", "broken", "SystemExit: 1")


def test_disabled(site: Site, imports: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install("acme-metrics", ACME)
    monkeypatch.setenv("SEFRONT_DISABLED_PLUGINS", "share")
    assert health()["share"].status == "disabled"
    monkeypatch.setenv("SEFRONT_DISABLED_PLUGINS", "acme-metrics")
    assert health()["acme_entry"].status == "disabled"
    assert imports.read_text() == ""


def test_both_claimants_of_a_name_are_listed(site: Site) -> None:
    site.install("acme", {"acme": page('{"uar": "acme:Share"}')})
    found = [row for row in rows(Catalogue.installed()) if row.name == "uar"]
    assert [(row.distribution, row.status) for row in found] == [("acme", "broken"), ("sefront", "broken")]


def test_own_reference_that_is_not_there(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    import sefront.metrics
    from sefront.plugins import hookimpl

    @hookimpl
    def sefront_metrics() -> dict[str, str]:
        return {"gone": "sefront.metrics.gone:Gone", "odd": "sefront.metrics:Odd", "far": "sefront.x.y:Z"}

    monkeypatch.setattr(sefront.metrics, "sefront_metrics", sefront_metrics)
    found = health()
    assert found["gone"].reason == "there is no module 'sefront.metrics.gone'"
    assert found["odd"].reason == "module 'sefront.metrics' has no class 'Odd'"
    assert found["far"].status == "broken"


@pytest.mark.parametrize("check", [False, True])
def test_own_components_are_fit_for_use(check: bool) -> None:
    own = [row for row in rows(Catalogue.installed(), check=check) if row.distribution == "sefront"]
    assert [row for row in own if row.status != "ok"] == []
