"""What installed plugins offer, and what becomes of the broken ones."""

from __future__ import annotations

import sys

import pytest
from fakes import METRIC, Site, page

from sefront.core.errors import SefrontError, UnknownNameError
from sefront.plugins import Catalogue
from sefront.plugins.failures import providing
from sefront.plugins.hookspecs import FAMILIES
from sefront.plugins.loading import identity
from sefront.plugins.resolution import METHODS

GOOD = {"acme": page('{"share": "acme_metric:Share"}'), "acme_metric": METRIC}


def test_own_components_are_there() -> None:
    catalogue = Catalogue.installed()
    assert {"identity", "unet"} <= set(catalogue.frontends)
    assert {"ser_cnn", "scr_m5"} <= set(catalogue.backends)
    assert {"mtl", "iterative"} <= set(catalogue.couplings)
    assert {"toy", "folder"} <= set(catalogue.corpora)
    assert {"uar", "stoi"} <= set(catalogue.metrics)


def test_no_singleton() -> None:
    assert Catalogue.installed() is not Catalogue.installed()


@pytest.mark.parametrize("family", FAMILIES)
def test_names_are_sorted(family: str) -> None:
    names = list(Catalogue.installed().family(family))
    assert names == sorted(names)


@pytest.mark.parametrize("family", FAMILIES)
def test_methods_are_those_of_the_protocols(family: str) -> None:
    from sefront.core import protocols

    protocol = getattr(protocols, family.capitalize())
    assert set(METHODS[family]) == {
        name for name, value in vars(protocol).items() if callable(value) and (name == "__call__" or name[0] != "_")
    }


def test_reference_is_imported_when_asked_for(site: Site) -> None:
    site.install("acme-metrics", GOOD)
    metrics = Catalogue.installed().metrics
    assert "share" in metrics
    assert "acme_metric" not in sys.modules
    assert metrics["share"]()([1, 2], [1, 3]) == 0.5
    assert "acme_metric" in sys.modules


def test_class_itself(site: Site) -> None:
    site.install("acme-metrics", {"acme": METRIC + page('{"share": Share}')})
    assert Catalogue.installed().metrics["share"].__name__ == "Share"


def test_unknown_name_has_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="there is no frontend 'unnet'; did you mean 'unet'"):
        Catalogue.installed().frontends["unnet"]


def test_family_is_a_well_behaved_mapping() -> None:
    frontends = Catalogue.installed().frontends
    assert frontends.get("unnet") is None
    assert "unnet" not in frontends
    assert len(frontends) == len(list(frontends))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise ValueError('too\\nold')", "ValueError: too old"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import sys; sys.exit()", "SystemExit"),
        ("import no_such_module_42", "No module named 'no_such_module_42'"),
        (page("{}", hook="metric"), "no hook 'sefront_metric'; did you mean 'sefront_metrics'"),
        ("def sefront_metrics(): return {}", "implements no hook; mark its functions with @sefront.hookimpl"),
        ("SEFRONT_API = 2\n" + page("{}"), "written for plugin API 2, while this sefront has 1"),
        ("import sefront\n@sefront.hookimpl\ndef sefront_metrics(nonsense): return {}", "nonsense"),
    ],
)
def test_plugin_that_cannot_be_loaded(site: Site, source: str, reason: str) -> None:
    site.install("acme-metrics", {"acme": source})
    catalogue = Catalogue.installed()
    assert "uar" in catalogue.metrics
    (broken,) = [plugin for plugin in catalogue.plugins if plugin.distribution == "acme-metrics"]
    assert reason in broken.reason
    with pytest.raises(UnknownNameError, match=r"acme-metrics 1\.0, which may have it, is broken: "):
        catalogue.metrics["share"]


def test_keyboard_interrupt_passes(site: Site) -> None:
    site.install("acme-metrics", {"acme": "raise KeyboardInterrupt"})
    with pytest.raises(KeyboardInterrupt):
        Catalogue.installed()


def test_stated_api_version(site: Site) -> None:
    site.install("acme-metrics", {**GOOD, "acme": "SEFRONT_API = 1\n" + GOOD["acme"]})
    assert "share" in Catalogue.installed().metrics


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ('"acme_nowhere:Share"', "No module named 'acme_nowhere'"),
        ('"acme_metric:Shore"', "acme_metric has no class 'Shore'; did you mean 'Share'"),
        ('"acme_metric"', "'acme_metric' is not a reference 'package.module:Class'"),
        ("42", "it is 42, neither a class nor a reference"),
        ('"acme_metric:METRIC"', "is a int, not a class"),
        ('"acme_metric:Other"', "Other is no metric: it lacks __call__, card"),
        ('"acme_exits:Share"', "SystemExit: 1"),
    ],
)
def test_component_that_cannot_be_used(site: Site, target: str, reason: str) -> None:
    modules = {"acme_metric": METRIC + "\nMETRIC = 1\nclass Other: pass\n", "acme_exits": "raise SystemExit(1)"}
    site.install("acme-metrics", {"acme": page(f'{{"share": {target}, "fine": "acme_metric:Share"}}'), **modules})
    metrics = Catalogue.installed().metrics
    assert metrics["fine"].__name__ == "Share"
    with pytest.raises(SefrontError, match=r"metric 'share' of acme-metrics 1\.0 cannot be used: ") as caught:
        metrics["share"]
    assert reason in str(caught.value)


def test_unwritten_forward_is_missing(site: Site) -> None:
    source = "from torch import nn\nclass Half(nn.Module):\n    def loss(self, enhanced, batch): ...\n"
    site.install("acme", {"acme": page('{"half": "acme_half:Half"}', "frontends"), "acme_half": source})
    with pytest.raises(SefrontError, match=r"Half is no frontend: it lacks forward$"):
        Catalogue.installed().frontends["half"]


@pytest.mark.parametrize(
    ("answer", "reason"), [("[]", "returned a list, not a dict"), ("1 / 0", "sefront_metrics failed: ZeroDivision")]
)
def test_hook_that_does_not_answer(site: Site, answer: str, reason: str) -> None:
    site.install("acme", {"acme": page(answer)})
    catalogue = Catalogue.installed()
    assert "uar" in catalogue.metrics
    with pytest.raises(SefrontError, match=reason):
        catalogue.metrics["acme_entry"]


def test_name_offered_twice(site: Site) -> None:
    site.install("acme", {"acme": page('{"share": "acme_metric:Share"}'), "acme_metric": METRIC})
    site.install("bold", {"bold": page('{"share": "acme_metric:Share", "bold": "acme_metric:Share"}')})
    metrics = Catalogue.installed().metrics
    assert metrics["bold"].__name__ == "Share"
    with pytest.raises(SefrontError, match="offered by acme and bold; uninstall one of them"):
        metrics["share"]


def test_built_in_name_offered_again(site: Site) -> None:
    site.install("acme", {"acme": page('{"uar": "acme_metric:Share"}'), "acme_metric": METRIC})
    catalogue = Catalogue.installed()
    with pytest.raises(SefrontError, match="offered by acme and sefront"):
        catalogue.metrics["uar"]
    assert "accuracy" in catalogue.metrics


def test_disabled_distribution_no_longer_contests(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install("acme_metrics", {"acme": page('{"uar": "acme_metric:Share"}'), "acme_metric": METRIC})
    monkeypatch.setenv("SEFRONT_DISABLED_PLUGINS", "Acme-Metrics")
    assert Catalogue.installed().metrics["uar"].__name__ == "UAR"
    assert "acme" not in sys.modules


def test_disabled_component(site: Site) -> None:
    site.install("acme-metrics", GOOD)
    catalogue = Catalogue.installed({"SEFRONT_DISABLED_PLUGINS": "share, unet"})
    assert "share" not in catalogue.metrics
    assert "unet" not in catalogue.frontends
    with pytest.raises(SefrontError, match=r"metric 'share' .*disabled by SEFRONT_DISABLED_PLUGINS"):
        catalogue.metrics["share"]


def test_disabled_entry_point_is_not_imported(site: Site) -> None:
    site.install("acme-metrics", {"acme": "raise ValueError"})
    catalogue = Catalogue.installed({"SEFRONT_DISABLED_PLUGINS": "acme_entry"})
    (plugin,) = [plugin for plugin in catalogue.plugins if plugin.distribution == "acme-metrics"]
    assert (plugin.disabled, plugin.reason) == (True, "")
    with pytest.raises(UnknownNameError, match="acme-metrics is disabled by SEFRONT_DISABLED_PLUGINS"):
        catalogue.metrics["share"]


def test_missing_package_names_the_extra(site: Site) -> None:
    modules = {"acme": page('{"share": "acme_metric:Share"}'), "acme_metric": "import heavy_thing.inner"}
    site.install("acme-metrics", modules, requires=("pluggy", "heavy-thing>=2; extra == 'big'"))
    with pytest.raises(SefrontError, match=r"pip install 'acme-metrics\[big\]'"):
        Catalogue.installed().metrics["share"]


def test_output_of_a_plugin_is_kept_off_stdout(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.install("acme-metrics", {**GOOD, "acme": "print('hello')\n" + GOOD["acme"]})
    Catalogue.installed()
    assert capsys.readouterr() == ("", "hello\n")


def test_damaged_metadata(site: Site) -> None:
    site.install("acme-metrics", GOOD)
    next(site.folder.glob("*.dist-info/METADATA")).unlink()
    (offer,) = Catalogue.installed().named("share")
    assert (offer.plugin.distribution, offer.plugin.version) == ("?", "?")


def test_undecodable_metadata(site: Site) -> None:
    site.install("acme-metrics", GOOD)
    next(site.folder.glob("*.dist-info/METADATA")).write_bytes(b"\xff\xfe\xfa")
    (offer,) = Catalogue.installed().named("share")
    assert offer.plugin.distribution == "?"


def test_entry_point_without_distribution() -> None:
    assert identity(None) == ("?", "?")


def test_extra_of_an_unknown_distribution() -> None:
    assert providing("no-such-distribution-42", "heavy_thing") == ""


def test_missing_package_that_no_extra_brings(site: Site) -> None:
    modules = {"acme": page('{"share": "acme_metric:Share"}'), "acme_metric": "import heavy_thing"}
    site.install("acme-metrics", modules, requires=("pluggy",))
    with pytest.raises(SefrontError, match=r"used: No module named 'heavy_thing'$"):
        Catalogue.installed().metrics["share"]
