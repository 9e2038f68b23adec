"""One experiment: every component, option and number, as given and as resolved; read from and written to TOML."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from sefront.core.clips import Task
from sefront.core.division import Fold
from sefront.core.errors import BadOptionError, unknown
from sefront.core.parameters import resolved
from sefront.core.spelling import spelt
from sefront.core.toml import flat, plain, read_toml

SECTIONS = (
    "frontend", "backend", "coupling", "corpus", "valid_corpus", "noise", "test_noise", "intruder", "frontend_corpus",
    "frontend_noise", "optimiser", "epochs", "training", "augment", "mixing", "test_mixing",
)  # fmt: skip
LEVELS: Mapping[str, tuple[tuple[float, float], tuple[float, ...]]] = {
    "speech": ((0.0, 25.0), (25.0, 20.0, 15.0, 10.0, 5.0, 0.0)),
    "scene": ((-25.0, 10.0), tuple(float(level) for level in range(-25, 11, 5))),
}
"""SNRs in dB to train and to test with, by what is wanted; speech is what disturbs a scene."""
LEAST = {"epochs": 1, "batch_size": 1, "sample_rate": 8000, "seed": 0, "folds": 2, "repeats": 1}
"""The least value of whole numbers."""
SCENE_VALID = (-20.0, -5.0, 10.0)
"""SNRs in dB of the development grid of scenes."""
DEFAULT_NOISE = ("toy",)
NOISES = ("noise", "test_noise", "frontend_noise")
NOISE_TASKS = tuple(f"{name}.task" for name in NOISES)
OWNED: Mapping[str, tuple[str, ...]] = {
    "frontend": ("frontend.", "optimiser.frontend."),
    "backend": (
        "backend.", "optimiser.backend.", "corpus.task", "valid_corpus.task", "frontend_corpus.task", *NOISE_TASKS,
    ),
    "mode": ("coupling.", "optimiser.coupling.", "epochs."),
    "corpus": ("corpus.", "epochs.", *NOISE_TASKS),
    "splits": ("corpus.train", "corpus.valid", "corpus.test"),
    **{name: (f"{name}.",) for name in ("valid_corpus", "intruder", "frontend_corpus", *NOISES)},
}  # fmt: skip
"""Which options go where another value takes the place of a setting: they belonged to what was named before."""
DIVIDED: Mapping[str, tuple[str, ...]] = {
    "corpus": ("splits", "fold", "folds"), "splits": ("fold", "folds"),
    "fold": ("folds", "repeats"), "folds": ("fold",),
}  # fmt: skip
"""Which settings go as well: they divided what was named before."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What is coupled, on what, and how it is judged.

    Args:
        frontend: Name of the frontend.
        backend: Name of the backend.
        mode: Name of the coupling.
        corpus: Corpus of the task: NAME, NAME:PATH, a folder, or a manifest.
        valid_corpus: Development data from another corpus.
        noise: Noise corpora or folders.
        test_noise: Noise for the test; by default what `noise` keeps apart for it.
        intruder: Corpora whose speech disturbs scenes, in place of noise.
        splits: How the corpus is divided: as in `sefront.core.division.KINDS`, or a file with columns id and split.
        fold: Which fold of it, K/N.
        folds: Each fold in a run of its own: all, or how many there are.
        repeats: How often that is repeated, with the seed one higher each time.
        snr: Range in dB that training draws from; by default what suits speech or scenes, as in `LEVELS`.
        test_snr: SNRs in dB of the test; likewise.
        frontend_corpus: What the frontend alone is trained on first, in place of `corpus`.
        frontend_noise: Noise for that, in place of `noise`.
        options: Settings of components, such as ``{"frontend.width": 16}``.
        epochs: Most epochs of a phase.
        batch_size: Clips a step.
        seed: Seed of initial weights, order, mixtures and dropout.
        device: auto, cpu, cuda or cuda:N.
        precision: auto, 32 or bf16.
        sample_rate: Rate in Hz that everything is resampled to.
        init_frontend: Run whose frontend takes the place of pre-training one.
        init_backend: Run whose backend takes the place of pre-training one.
        strict: Stop at the first damaged clip.
        follow_outside: Whether the lists that are named may lead out of their folders.
        allow_leak: Go on where training and test share what the split keeps apart.
    """

    frontend: str = "unet"
    backend: str = "ser_cnn"
    mode: str = "iterative"
    corpus: str = "toy"
    valid_corpus: str | None = None
    noise: tuple[str, ...] = DEFAULT_NOISE
    test_noise: tuple[str, ...] = ()
    intruder: tuple[str, ...] = ()
    splits: str = "own"
    fold: str | None = None
    folds: Literal["all"] | int | None = None
    repeats: int = 1
    snr: tuple[float, float] | None = None
    test_snr: tuple[float, ...] | None = None
    frontend_corpus: str | None = None
    frontend_noise: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    epochs: int | None = None
    batch_size: int | None = None
    seed: int = 0
    device: str = "auto"
    precision: Literal["auto", "32", "bf16"] = "auto"
    sample_rate: int = 16000
    init_frontend: str | None = None
    init_backend: str | None = None
    strict: bool = False
    follow_outside: bool = False
    allow_leak: bool = False

    def __post_init__(self) -> None:
        """Check ranges, option sections and what disturbs.

        Raises:
            SefrontError: A number out of its range, an option of no known section, or noise beside an intruder.
        """
        if self.intruder and (self.noise not in ((), DEFAULT_NOISE) or self.test_noise or self.frontend_noise):
            raise BadOptionError(
                f"--intruder {self.intruder[0]}: there is noise beside it, but for scenes speech is the noise; "
                "leave one of them out"
            )
        if self.snr and self.snr[0] > self.snr[1]:
            raise BadOptionError(f"--snr {self.snr[0]:g}:{self.snr[1]:g}: the lower end comes first")
        if not all(map(math.isfinite, (*(self.snr or ()), *(self.test_snr or ())))):
            raise BadOptionError("--snr and --test-snr hold something that is not a number; give them SNRs in dB")
        if self.test_snr is not None and len(set(self.test_snr)) < max(1, len(self.test_snr)):
            raise BadOptionError("--test-snr is empty or holds an SNR twice; give it SNRs in dB, such as 20,10,0")
        if self.fold is not None:
            Fold.read(self.fold)
        for name, low in LEAST.items():
            value = getattr(self, name)
            if isinstance(value, int) and value < low:
                raise BadOptionError(f"--{name.replace('_', '-')} must be at least {low}, but is {value}")
        for key in self.options:
            section, dot, rest = key.partition(".")
            if section not in SECTIONS:
                raise unknown("option section", section, SECTIONS, owner="-o")
            if not dot or not rest:
                raise BadOptionError(f"-o {key}: name a setting of it, such as -o {section}.NAME=VALUE")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Experiment:
        """An experiment from named values, each checked.

        Raises:
            SefrontError: An unknown name or a value of the wrong type.
        """
        return cls(**resolved_experiment(values))

    def levels(self, task: Task | None) -> tuple[tuple[float, float], tuple[float, ...]]:
        """SNRs in dB: the range of training and those of the test, as named or as they suit `task`."""
        snr, test_snr = LEVELS[task.wanted if task else "speech"]
        return self.snr or snr, self.test_snr or test_snr

    def suited(self, task: Task | None) -> Experiment:
        """This experiment with the SNRs that suit `task`, where none are named, and no noise beside an intruder."""
        snr, test_snr = self.levels(task)
        suited = replace(self, snr=snr, test_snr=test_snr, noise=() if self.intruder else self.noise)
        if task is None or task.wanted == "speech" or "valid_snr" in self.section("training"):
            return suited
        return suited.with_options("training", {"valid_snr": SCENE_VALID})

    def section(self, name: str) -> dict[str, Any]:
        """The options of one section, without its name."""
        prefix = f"{name}."
        return {k[len(prefix) :]: v for k, v in self.options.items() if k.startswith(prefix)}

    def with_options(self, section: str, values: Mapping[str, Any]) -> Experiment:
        """The same experiment with `values` under `section`."""
        return replace(self, options={**self.options, **{f"{section}.{k}": v for k, v in values.items()}})

    def changed(self, asked: Mapping[str, Any]) -> Experiment:
        """This experiment with what was `asked` for in place of its own; options that this makes void are left out.

        An intruder takes the place of noise, and noise that of an intruder. Another corpus is divided by itself.

        Raises:
            SefrontError: An unknown name or a value of the wrong type.
        """
        wanted, own = Experiment.of(asked), dict(self.options)
        values = {name: getattr(wanted, name) for name in asked if name != "options"}
        if values.get("intruder"):
            values = {**dict.fromkeys(NOISES, ()), **values}
        elif any(map(values.get, NOISES)):
            values["intruder"] = ()
        for name, divided in DIVIDED.items():
            if name in values and values[name] != getattr(self, name):
                values = {**{n: getattr(Experiment(), n) for n in divided}, **values}
        void = [p for n, parts in OWNED.items() if n in values and values[n] != getattr(self, n) for p in parts]
        if "epochs" in asked:  # for all phases, whatever it was before
            void.append("epochs.")
        if "+" in self.backend and values.get("mode", self.mode) != self.mode:  # it learns as one, or branch by branch
            void.append("optimiser.backend.")
        for key in self.options:
            beaten = any(narrower(key, setting) for setting in wanted.options)
            if beaten or any(key.startswith(prefix) for prefix in void):
                del own[key]
        return replace(self, **values, options={**own, **wanted.options})

    @property
    def several(self) -> bool:
        """Whether it comes to several runs."""
        return self.folds is not None or self.repeats > 1

    def judges_like(self, other: Experiment) -> bool:
        """Whether both judge the same thing, be it on another device."""
        return replace(self, device=other.device, follow_outside=other.follow_outside).as_toml() == other.as_toml()

    def as_toml(self) -> dict[str, Any]:
        """Values that TOML can hold; none is left out, or written as a word where it differs from a default."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "options"}
        table = {k: plain(v) for k, v in values.items() if v is not None}
        return {**table, "options": {k: plain(v) for k, v in sorted(self.options.items())}}

    @classmethod
    def read(cls, path: Path) -> Experiment:
        """The experiment in a TOML file.

        Raises:
            SefrontError: The file is missing or is not an experiment.
        """
        return cls.of({k: v for k, v in read_toml(path).items() if k not in ("schema", "task")})


def resolved_experiment(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` checked against the fields of `Experiment`; options keep whatever their components will check."""
    given = {k: spelt(k, v) for k, v in values.items() if k != "options"}
    checked = resolved(Experiment, given, "couple") if given else {}
    options = values.get("options") or {}
    if not isinstance(options, Mapping):
        raise BadOptionError(f"options are {options!r}; give them by name, such as {{'frontend.width': 16}}")
    return {**{k: checked[k] for k in given}, "options": dict(flat(options))}


def narrower(key: str, setting: str) -> bool:
    """Whether `key` is `setting` for less: ``optimiser.frontend.lr`` is ``optimiser.lr``, test_mixing is mixing."""
    owner, _, name = setting.rpartition(".")
    if owner == "mixing":
        return key == f"test_{setting}"
    return owner.startswith("optimiser") and key.startswith(f"{owner}.") and key.endswith(f".{name}") and key != setting
