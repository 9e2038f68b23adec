"""One experiment: checked, changed, written and read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
import tomli_w

from sefront.core.clips import Task
from sefront.core.errors import BadOptionError, SefrontError, UnknownNameError
from sefront.core.experiment import Experiment
from sefront.core.parameters import resolved
from sefront.core.recipe import Recipe
from sefront.core.toml import read_toml


def saved(path: Path, experiment: Experiment) -> Path:
    path.write_text(tomli_w.dumps({"schema": 1, **experiment.as_toml(), "task": {"kind": "classification"}}))
    return path


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"frontend": "identity", "mode": "mtl", "seed": 7, "strict": True, "precision": "32", "epochs": 3},
        {"noise": ("a b", "c"), "test_noise": ("d",), "frontend_corpus": "x", "init_backend": "/runs/a"},
        {"snr": (-5.0, 20.0), "test_snr": (10.0, -2.5), "batch_size": 4, "device": "cuda:1"},
        {"options": {"frontend.width": 16, "folder.speaker": r"(\d+)", "training.valid_snr": [5.0, 0.0]}},
    ],
)
def test_what_is_written_is_read_again(tmp_path: Path, values: dict[str, Any]) -> None:
    values = {key: value for key, value in values.items() if key != "options"} | {
        "options": {k.replace("folder.", "corpus."): v for k, v in values.get("options", {}).items()}
    }
    experiment = Experiment.of(values)
    assert Experiment.read(saved(tmp_path / "e.toml", experiment)) == experiment


def test_none_survives_though_toml_has_none(tmp_path: Path) -> None:
    experiment = Experiment(options={"optimiser.frontend.clip": None, "corpus.role": "none"})
    again = Experiment.read(saved(tmp_path / "e.toml", experiment))
    assert again.as_toml() == experiment.as_toml()
    assert resolved(Recipe, again.section("optimiser.frontend"), "optimiser")["clip"] is None


def test_options_may_be_tables(tmp_path: Path) -> None:
    (tmp_path / "e.toml").write_text('mode = "mtl"\n[options]\nfrontend.width = 4\n"backend.width" = 2\n')
    assert Experiment.read(tmp_path / "e.toml").options == {"frontend.width": 4, "backend.width": 2}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"frontnd": "unet"}, r"^couple has no option 'frontnd'; did you mean 'frontend'\?"),
        ({"epochs": "many"}, r"^couple: option 'epochs' is 'many', which is not int \| None"),
        ({"epochs": 0}, r"^--epochs must be at least 1, but is 0$"),
        ({"batch_size": 0}, r"^--batch-size must be at least 1, but is 0$"),
        ({"seed": -1}, r"^--seed must be at least 0, but is -1$"),
        ({"sample_rate": 100}, r"^--sample-rate must be at least 8000, but is 100$"),
        ({"snr": (5, 0)}, r"^--snr 5:0: the lower end comes first$"),
        ({"snr": (0, float("nan"))}, r"^--snr and --test-snr hold something that is not a number"),
        ({"test_snr": (float("inf"),)}, r"^--snr and --test-snr hold something that is not a number"),
        ({"test_snr": ()}, r"^--test-snr is empty or holds an SNR twice"),
        ({"test_snr": (5, 0, 5.0)}, r"^--test-snr is empty or holds an SNR twice"),
        ({"precision": "16"}, r"^couple: option 'precision' is '16', which is not Literal"),
        ({"options": {"frontnd.width": 1}}, r"^-o has no option section 'frontnd'; did you mean 'frontend'\?"),
        ({"options": {"frontend": 1}}, r"^-o frontend: name a setting of it, such as -o frontend\.NAME=VALUE$"),
        ({"options": ["frontend.width=1"]}, r"^options are \['frontend.width=1'\]; give them by name"),
    ],
)
def test_mistakes(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SefrontError, match=message):
        Experiment.of(values)


def test_words_of_python_callers() -> None:
    experiment = Experiment.of({"noise": "toy", "test_snr": [10, 0], "snr": [0, 5], "epochs": "3"})
    assert (experiment.noise, experiment.test_snr, experiment.snr, experiment.epochs) == (("toy",), (10, 0), (0, 5), 3)


@pytest.mark.parametrize(
    ("name", "value", "held"),
    [
        ("corpus", Path("/a/b"), "/a/b"),
        ("valid_corpus", Path("/a"), "/a"),
        ("init_backend", Path("/run"), "/run"),
        ("noise", Path("/n"), ("/n",)),
        ("noise", "/one, two", ("/one, two",)),
        ("test_noise", [Path("/n"), "toy"], ("/n", "toy")),
        ("precision", 32, "32"),
        ("snr", "0:25", (0.0, 25.0)),
        ("snr", "5", (5.0, 5.0)),
        ("snr", 5, (5.0, 5.0)),
        ("test_snr", 0, (0.0,)),
        ("test_snr", -2.5, (-2.5,)),
        ("test_snr", "10,0", (10.0, 0.0)),
        ("test_snr", None, None),
    ],
)
def test_ways_to_write_a_value(name: str, value: Any, held: Any) -> None:
    assert getattr(Experiment.of({name: value}), name) == held


class Choice:
    """Something with options of several types."""

    def __init__(
        self,
        *,
        arch: Literal["10", "16"] = "10",
        size: int = 1,
        level: float | None = None,
        on: bool = False,
        words: list[str] | str = "",
    ) -> None:
        pass  # fmt: skip


@pytest.mark.parametrize(
    ("option", "value", "held"),
    [
        ("arch", 16, "16"), ("arch", "16", "16"), ("size", 2.0, 2), ("level", 1, 1.0), ("level", 0.5, 0.5),
        ("on", True, True), ("on", "true", True), ("on", "False", False), ("words", "true", "true"),
    ],
)  # fmt: skip
def test_readings_of_an_option(option: str, value: Any, held: Any) -> None:
    found = resolved(Choice, {option: value}, "me")[option]
    assert found == held
    assert type(found) is type(held)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        (
            "size",
            True,
            r"^me: option 'size' is True, which is not int \(input should not be true or false; default 1\)$",
        ),
        ("level", False, r"^me: option 'level' is False, which is not float \| None \(input should not be true or"),
        ("size", "true", r"^me: option 'size' is 'true', which is not int \("),
        ("arch", True, r"^me: option 'arch' is True, which is not Literal\['10', '16'\] \("),
        ("arch", 160, r"^me: option 'arch' is 160, which is not Literal\['10', '16'\]; did you mean '16'\? \("),
    ],
)
def test_values_that_are_not_what_an_option_wants(option: str, value: Any, message: str) -> None:
    with pytest.raises(BadOptionError, match=message):
        resolved(Choice, {option: value}, "me")


def test_levels_suit_what_is_wanted() -> None:
    scene = Task("classification", ("a", "b"), "accuracy", "scene")
    speech = Task("classification", ("a", "b"), "uar")
    scenes = tuple(float(level) for level in (-25, -20, -15, -10, -5, 0, 5, 10))
    assert Experiment().levels(scene) == ((-25.0, 10.0), scenes)
    assert Experiment().levels(speech) == Experiment().levels(None) == ((0.0, 25.0), (25.0, 20.0, 15.0, 10.0, 5.0, 0.0))
    assert Experiment(snr=(0.0, 0.0), test_snr=(3.0,)).levels(scene) == ((0.0, 0.0), (3.0,))


RESOLVED = Experiment(
    epochs=100,
    options={
        "frontend.width": 8, "backend.width": 64, "optimiser.frontend.lr": 1e-3, "optimiser.backend.lr": 1e-3,
        "optimiser.backend.clip": "none", "coupling.init": "warm", "epochs.joint": 4, "corpus.seed": 0,
        "corpus.task": "emotion", "training.patience": 10,
    },
)  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "gone"),
    [
        ({}, set()),
        ({"seed": 3}, set()),
        ({"frontend": "unet"}, set()),
        ({"frontend": "identity"}, {"frontend.width", "optimiser.frontend.lr"}),
        ({"backend": "scr_m5"}, {"backend.width", "optimiser.backend.lr", "optimiser.backend.clip", "corpus.task"}),
        ({"mode": "baseline"}, {"coupling.init", "epochs.joint"}),
        ({"corpus": "toy"}, set()),
        ({"corpus": "/data"}, {"corpus.seed", "corpus.task", "epochs.joint"}),
        ({"epochs": 2}, {"epochs.joint"}),
        ({"epochs": 100}, {"epochs.joint"}),
        ({"options": {"optimiser.lr": 1.0}}, {"optimiser.frontend.lr", "optimiser.backend.lr"}),
    ],
)
def test_what_is_changed_takes_its_options_along(asked: dict[str, Any], gone: set[str]) -> None:
    changed = RESOLVED.changed(asked)
    assert set(RESOLVED.options) - set(changed.options) == gone
    assert all(getattr(changed, name) == value for name, value in asked.items() if name != "options")


def test_changed_options_win() -> None:
    changed = RESOLVED.changed({"options": {"frontend.width": 2, "optimiser.backend.lr": 5}})
    assert (changed.section("frontend"), changed.options["optimiser.backend.lr"]) == ({"width": 2}, 5)


def test_judging_alike_means_all_but_the_device() -> None:
    assert RESOLVED.judges_like(RESOLVED.changed({"device": "cpu"}))
    assert not RESOLVED.judges_like(RESOLVED.changed({"test_snr": (1,)}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mode = ", r"e\.toml: not TOML \("),
        (b"\xff\xfe", r"e\.toml: not TOML"),
        (None, r"e\.toml: cannot be read \(No such"),
    ],
)
def test_files_that_are_no_experiment(tmp_path: Path, text: str | bytes | None, message: str) -> None:
    path = tmp_path / "e.toml"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SefrontError, match=message):
        read_toml(path)


def test_an_experiment_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "e.toml").write_text("[tool]\nx = 1\n")
    with pytest.raises(UnknownNameError, match=r"^couple has no option 'tool'"):
        Experiment.read(tmp_path / "e.toml")
    with pytest.raises(SefrontError, match=r"cannot be read \(Is a directory\)"):
        Experiment.read(tmp_path)


def test_sections() -> None:
    experiment = Experiment(options={"optimiser.frontend.lr": 1.0, "optimiser.lr": 2.0})
    assert experiment.section("optimiser") == {"frontend.lr": 1.0, "lr": 2.0}
    assert experiment.with_options("training", {"patience": 2}).section("training") == {"patience": 2}
    with pytest.raises(BadOptionError, match="name a setting"):
        experiment.with_options("training", {"": 2})
