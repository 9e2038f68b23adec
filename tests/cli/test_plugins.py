"""``sefront plugins`` and the manners of the whole command."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from fakes import METRIC, Site, page

Run = Callable[..., tuple[int, str, str]]
ACME = {"acme": page('{"share": "acme_metric:Share"}'), "acme_metric": METRIC}


def listed(run: Run, *words: str) -> dict[str, dict[str, str]]:
    """The rows of ``plugins list --json`` by name."""
    code, out, _ = run("plugins", "list", "--json", *words)
    assert code == 0
    return {row["name"]: row for row in json.loads(out)}


def test_list_json(site: Site, run_here: Run) -> None:
    site.install("acme-metrics", ACME)
    assert listed(run_here)["share"] == {
        "name": "share",
        "family": "metric",
        "distribution": "acme-metrics",
        "version": "1.0",
        "status": "ok",
        "reason": "",
    }


def test_list_text(site: Site, run_here: Run) -> None:
    site.install("acme-metrics", {**ACME, "acme_metric": "raise ValueError('old')"})
    code, out, _ = run_here("plugins", "list")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["name", "family", "distribution", "version", "status"]
    (line,) = [line for line in lines if line.startswith("share")]
    assert line.split(maxsplit=4) == ["share", "metric", "acme-metrics", "1.0", "broken: ValueError: old"]
    assert line.index("metric") == lines[0].index("family")


def test_json_stays_json_when_a_plugin_prints(site: Site, run_here: Run) -> None:
    site.install("acme-metrics", {"acme": "print('hi')\n" + ACME["acme"], "acme_metric": "print('ho')\n" + METRIC})
    assert listed(run_here)["share"]["status"] == "ok"


def test_check_finds_what_the_cache_hides(site: Site, run_here: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install(
        "acme-metrics", {**ACME, "acme_metric": f"import os\nif 'BAD' in os.environ: raise ValueError\n{METRIC}"}
    )
    monkeypatch.setenv("BAD", "1")
    assert listed(run_here)["share"]["status"] == "broken"
    monkeypatch.delenv("BAD")
    assert listed(run_here)["share"]["status"] == "broken"
    assert listed(run_here, "--check")["share"]["status"] == "ok"


def test_broken_neighbour_stops_nothing(site: Site) -> None:
    site.install("acme-metrics", {"acme": "raise SystemExit(7)"})
    done = site.run("plugins", "list", "--json")
    assert done.returncode == 0
    (row,) = [row for row in json.loads(done.stdout) if row["distribution"] == "acme-metrics"]
    assert (row["status"], row["reason"]) == ("broken", "SystemExit: 7")
    assert site.run("plugins", "show", "uar").returncode == 0


def test_disabled(site: Site) -> None:
    done = site.run("plugins", "list", "--json", SEFRONT_DISABLED_PLUGINS="unet")
    (row,) = [row for row in json.loads(done.stdout) if row["name"] == "unet"]
    assert (row["status"], row["reason"]) == ("disabled", "it is disabled by SEFRONT_DISABLED_PLUGINS")


def test_show_metric(site: Site, run_here: Run) -> None:
    site.install("acme-metrics", ACME)
    code, out, _ = run_here("plugins", "show", "share", "--json")
    (facts,) = json.loads(out)
    assert code == 0
    assert facts["summary"] == "How much of it is right."
    assert facts["citation"] == ["Nobody 2020, doi:10.0/0."]
    assert facts["options"] == [
        {"name": "scale", "type": "float", "default": 1.0, "meaning": "What the best value is."}
    ]
    assert facts["card"]["citation"] == "Nobody 2020"


@pytest.mark.parametrize("name", ["unet", "ser_cnn"])
def test_show_model(run_here: Run, name: str) -> None:
    code, out, _ = run_here("plugins", "show", name, "--json")
    (facts,) = json.loads(out)
    assert code == 0
    assert facts["trainable_parameters"] > 0
    assert facts["recipe"]["lr"] > 0
    assert {"differentiable", "pads", "latency"} <= set(facts)


def test_show_text(run_here: Run) -> None:
    code, out, _ = run_here("plugins", "show", "unet")
    assert code == 0
    assert out.startswith("unet: ")
    assert "trainable parameters" in out
    assert "recipe lr" in out


@pytest.mark.parametrize(
    ("name", "said"), [("lstm_irm", "32 ms (512 samples at 16 kHz)"), ("unet", "it has to hear what comes later")]
)
def test_show_latency(run_here: Run, name: str, said: str) -> None:
    _, out, _ = run_here("plugins", "show", name)
    assert f"latency               {said}" in out


@pytest.mark.parametrize("key", ["causal", "frontend.causal"])
def test_show_with_an_option(run_here: Run, key: str) -> None:
    code, out, err = run_here("plugins", "show", "unet", "-o", f"{key}=true", "-o", "mix=learnt")
    assert code == 0, err
    assert "latency               64 ms (1024 samples at 16 kHz)" in out


def test_show_the_size_with_an_option(run_here: Run) -> None:
    def size(*words: str) -> int:
        (facts,) = json.loads(run_here("plugins", "show", "ser_cnn", "--json", *words)[1])
        return int(facts["trainable_parameters"])

    assert size("-o", "width=2") == size("-o", "backend.width=2") < size()


@pytest.mark.parametrize(
    ("name", "option", "message"),
    [
        ("unet", "casual=true", "frontend 'unet' has no option 'casual'; did you mean 'causal'?"),
        ("unet", "causal=maybe", "frontend 'unet': option 'causal' is 'maybe', which is not bool"),
        ("unet", "width=0", "frontend 'unet': width must be at least 1"),
        ("unet", "mix=2", "frontend 'unet': mix is 2"),
        ("unet", "backend.width=2", "frontend 'unet' has no option 'backend.width'"),
        ("unet", "causal", "-o causal: write settings as NAME=VALUE, such as -o width=16"),
        ("ser_cnn", "widht=2", "backend 'ser_cnn' has no option 'widht'; did you mean 'width'?"),
        ("iterative", "temprature=1", "coupling 'iterative' has no option 'temprature'; did you mean 'temperature'?"),
        ("emodb", "trian=1", "corpus 'emodb' has no option 'trian'; did you mean 'train'?"),
        ("uar", "a=1", "metric 'uar' has no option 'a'"),
    ],
)
def test_mistakes_of_show(run_here: Run, name: str, option: str, message: str) -> None:
    code, out, err = run_here("plugins", "show", name, "-o", option)
    assert (code, out) == (2, "")
    assert err.startswith(f"sefront: {message}")
    assert err.count("\n") == 1


def test_show_card_without_the_audio(run_here: Run) -> None:
    code, out, _ = run_here("plugins", "show", "emodb")
    assert code == 0
    assert "card licence" in out


def test_show_both_of_one_name(site: Site, run_here: Run) -> None:
    site.install("acme-metrics", {"acme": page('{"unet": "acme_metric:Share"}'), "acme_metric": METRIC})
    code, out, _ = run_here("plugins", "show", "unet", "--json")
    assert code == 0
    assert [facts["family"] for facts in json.loads(out)] == ["frontend", "metric"]


def test_show_coupling(run_here: Run) -> None:
    code, out, _ = run_here("plugins", "show", "iterative")
    assert code == 0
    assert "temperature" in out


def test_show_what_cannot_be_built(site: Site, run_here: Run) -> None:
    source = (
        METRIC
        + "\nclass Picky(Share):\n    def __init__(self, *, scale: float = 0.0):\n        raise ValueError('no')\n"
    )
    source += "    def card(self):\n        return self.nothing\n"
    site.install("acme-metrics", {"acme": page('{"picky": "acme_metric:Picky"}'), "acme_metric": source})
    code, out, _ = run_here("plugins", "show", "picky")
    assert code == 0
    assert "metric 'picky': no" in out


def test_show_unknown_name(run_here: Run) -> None:
    code, out, err = run_here("plugins", "show", "unnet")
    assert (code, out) == (2, "")
    assert err.startswith("sefront: there is no component 'unnet'; did you mean 'unet'?")
    assert err.count("\n") == 1


def test_show_broken_component(site: Site, run_here: Run) -> None:
    site.install("acme-metrics", {**ACME, "acme_metric": "raise ValueError('old')"})
    assert run_here("plugins", "show", "share") == (
        2,
        "",
        "sefront: metric 'share' of acme-metrics 1.0 cannot be used: ValueError: old\n",
    )


@pytest.mark.parametrize("words", [("--debug", "plugins", "show", "unnet"), ("plugins", "show", "unnet", "--debug")])
def test_debug_shows_the_traceback(run_here: Run, words: tuple[str, ...]) -> None:
    code, _, err = run_here(*words)
    assert code == 2
    assert err.startswith("Traceback")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("plugins", "list", "--jsno"), "--json"),
        (("plugins", "lsit"), "list"),
        (("plugin",), "plugins"),
        (("plugins",), "sefront plugins --help"),
        (("plugins", "show"), "'name'"),
    ],
)
def test_misuse_is_told_in_one_line(run_here: Run, words: tuple[str, ...], hint: str) -> None:
    code, out, err = run_here(*words)
    assert (code, out) == (2, "")
    assert err.startswith("sefront: ")
    assert hint in err
    assert err.count("\n") == 1


def test_version(run_here: Run) -> None:
    import sefront

    assert run_here("--version") == (0, f"sefront {sefront.__version__}\n", "")


def test_bare_command_shows_help(run_here: Run) -> None:
    assert run_here() == run_here("--help")


def test_interruption(site: Site, run_here: Run) -> None:
    site.install("acme-metrics", {"acme": "raise KeyboardInterrupt"})
    assert run_here("plugins", "list") == (130, "", "sefront: interrupted\n")


COMMANDS = '''
import sefront

@sefront.hookimpl
def sefront_commands(app):
    @app.command()
    def {name}(loud: bool = False):
        """Say hello."""
        {body}
'''


def test_command_of_a_plugin(site: Site, run_here: Run) -> None:
    site.install("acme", {"acme": COMMANDS.format(name="say_hello", body="print('HELLO' if loud else 'hello')")})
    assert run_here("say-hello", "--loud") == (0, "HELLO\n", "")
    assert "say-hello  Say hello." in run_here("--help")[1]


def test_interruption_of_a_command(site: Site, run_here: Run) -> None:
    site.install("acme", {"acme": COMMANDS.format(name="stop", body="raise KeyboardInterrupt")})
    assert run_here("stop") == (130, "", "sefront: interrupted\n")


def test_commands_that_fail_are_left_out(site: Site, run_here: Run) -> None:
    site.install("acme", {"acme": COMMANDS.format(name="hello", body="pass") + "    raise ValueError('no')\n"})
    code, out, err = run_here("--help")
    assert (code, err) == (0, "sefront: left out the commands of acme: ValueError: no\n")
    assert "hello" not in out


def test_command_that_sefront_has(site: Site, run_here: Run) -> None:
    site.install("acme", {"acme": COMMANDS.format(name="plugins", body="pass")})
    code, _, err = run_here("plugins", "list")
    assert (code, err) == (0, "sefront: left out the commands of acme: sefront has a command 'plugins' already\n")
