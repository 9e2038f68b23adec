"""The same from Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recordings import RATE, hiss, noise_folder, voice

import sefront
import sefront.core
from sefront.core import SefrontError

OPTIONS = {"frontend.width": 1, "frontend.depth": 1, "backend.width": 2}


class Watcher:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.started: list[tuple[str, int]] = []
        self.notes: list[str] = []
        self.records: list[dict[str, Any]] = []
        self.steps = 0

    def start(self, what: str, total: int) -> None:
        self.started.append((what, total))

    def advance(self) -> None:
        self.steps += 1

    def note(self, text: str) -> None:
        self.notes.append(text)

    def record(self, values: Any) -> None:
        self.records.append(dict(values))


@pytest.fixture
def asked(audio: Path) -> dict[str, Any]:
    return {
        "corpus": str(audio / "speech"), "noise": [str(audio / "noise")], "options": OPTIONS, "epochs": 1,
        "test_snr": [0], "device": "cpu", "precision": "32",
    }  # fmt: skip


def test_coupling_and_opening(asked: dict[str, Any], tmp_path: Path) -> None:
    watcher = Watcher()
    run = sefront.couple(
        frontend="unet",
        backend="ser_cnn",
        mode="frozen",
        out=tmp_path / "run",
        progress=watcher,
        command=["me"],
        **asked,
    )
    assert run.path == tmp_path / "run"
    assert [record["phase"] for record in watcher.records] == ["frontend", "backend"]
    assert watcher.steps == sum(total for _, total in watcher.started)
    assert watcher.started[-1][0] == "evaluating 0 dB"
    assert json.loads((run.path / "lock.json").read_text())["command"] == ["me"]
    again = sefront.open_run(str(run.path))
    assert again.task == run.task
    for part in ("frontend", "backend"):
        one, other = getattr(run, part).state_dict(), getattr(again, part).state_dict()
        assert all(torch.equal(one[name], other[name]) for name in one)
        assert not getattr(run, part).training
    assert again.original is None
    with pytest.raises(SefrontError, match=r"run: holds a run already; name another --out, or continue it"):
        sefront.couple(out=run.path, **asked)


def test_everything_at_eight_kilohertz(asked: dict[str, Any], tmp_path: Path) -> None:
    words = {**asked, "corpus": Path(asked["corpus"]), "noise": Path(asked["noise"][0]), "precision": 32, "test_snr": 0}
    run = sefront.couple(mode="frontend_only", sample_rate=8000, out=tmp_path / "run", **words)
    rows = json.loads((run.path / "evaluation.json").read_text())["rows"]
    assert {row["metric"] for row in rows} == {"si_sdr", "stoi", "pesq"}
    again = sefront.couple(
        mode="frontend_only", init_frontend=run.path, sample_rate=8000, out=tmp_path / "again", **words
    )
    assert again.experiment.init_frontend == str(run.path)


def test_an_unnamed_run(asked: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert sefront.couple(mode="augment", **asked).path == Path("runs/augment-unet-ser_cnn-001")
    assert sefront.couple(out=None, resume=False, mode="augment", **asked).path.name.endswith("002")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"frontent": "unet"}, r"couple has no option 'frontent'; did you mean 'frontend'\?"),
        ({"backend": "ser"}, r"there is no backend 'ser'"),
        ({"epochs": 1.5}, r"couple: option 'epochs' is 1\.5, which is not int"),
    ],
)
def test_mistakes(asked: dict[str, Any], tmp_path: Path, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(SefrontError, match=message):
        sefront.couple(out=tmp_path / "run", **{**asked, **wrong})
    assert not (tmp_path / "run").exists()


def test_a_plan(asked: dict[str, Any]) -> None:
    job = sefront.plan(mode="baseline", **asked)
    assert job.plan()[-1].startswith("phase backend: backend (")
    assert job.run.task is not None
    assert job.run.task.labels == ("high", "low")


def test_evaluating(trained: Path) -> None:
    found = sefront.evaluate(trained, test_snr=[20], metrics="uar", device="cpu")
    assert {row["metric"] for row in found.rows} == {"uar"}
    assert {row["snr"] for row in found.rows} == {"clean", 20.0}
    assert found.table().splitlines()[0].split() == ["metric", "system", "clean", "20", "dB"]
    assert {row["system"] for row in found.predictions} == {"original", "bypass", "coupled", "noisy"} - {"noisy"}


@pytest.mark.parametrize("kind", [str, Path])
def test_one_noise_alone(trained: Path, tmp_path: Path, kind: type) -> None:
    noise_folder(tmp_path / "noise", seed=50)
    found = sefront.evaluate(
        kind(trained), noise=kind(tmp_path / "noise"), metrics=["uar"], test_snr=0, out=kind(tmp_path / "rows")
    )
    assert {row["noise"] for row in found.rows} <= {"all", "hiss", "rumble"}
    assert {row["snr"] for row in found.rows} == {"clean", 0.0}
    assert (tmp_path / "rows" / "evaluation.json").exists()


def test_other_options_do_not_overwrite(trained: Path) -> None:
    before = (trained / "evaluation.json").read_bytes()
    run = sefront.open_run(trained, {"frontend.mix": 0.5})
    run.evaluate(metrics=None)
    assert (trained / "evaluation.json").read_bytes() == before
    with pytest.raises(SefrontError, match=r"frontend 'unet' has no option 'widht'"):
        sefront.open_run(trained, {"frontend.widht": 1})


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("shape", [(), (1,), (2,), (5,)])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_enhancing_arrays(trained: Path, rate: int, shape: tuple[int, ...], kind: type) -> None:
    run = sefront.open_run(trained)
    samples = (voice(rate // 2 + 3, 150.0, rate) + hiss(rate // 2 + 3, level=0.05)).astype(kind)
    waves = np.tile(samples.reshape(-1, *[1] * len(shape)), (1, *shape)) if shape else samples
    found = run.enhance(waves, rate)
    assert found.shape == waves.shape
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert found.std() > 0.01
    if shape:
        np.testing.assert_allclose(found, np.repeat(found[:, :1], shape[0], axis=1), atol=1e-5)


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_predicting_arrays(trained: Path, rate: int) -> None:
    run = sefront.open_run(trained)
    mono = voice(rate // 2, 150.0, rate)
    one, two = run.predict(mono, rate), run.predict(np.stack([mono, mono], axis=1), rate)
    assert one["label"] in ("high", "low")
    assert sum(one["scores"].values()) == pytest.approx(1.0, abs=1e-5)
    assert two["scores"] == pytest.approx(one["scores"], abs=1e-5)


def test_silence_and_very_short_waves(trained: Path) -> None:
    run = sefront.open_run(trained)
    assert not run.enhance(np.zeros(1000, np.float32), RATE).any()
    for size in (1, 2, 100):
        assert run.enhance(hiss(size), RATE).shape == (size,)
        assert run.predict(hiss(size), 48000)["label"] in ("high", "low")


@pytest.mark.parametrize(
    ("waves", "message"),
    [
        (np.zeros(100, np.int16), r"waves are integers; give floats in \[-1, 1\], such as waves / 32768"),
        (np.zeros(0), r"waves must be \(samples,\) or \(samples, channels\) and not empty, but are \(0,\)"),
        (np.zeros((2, 3, 4)), r"but are \(2, 3, 4\)"),
        (np.array([0.0, np.nan]), r"waves hold values that are not finite \(NaN or infinity\)"),
    ],
)
def test_waves_that_are_none(trained: Path, waves: np.ndarray, message: str) -> None:
    run = sefront.open_run(trained)
    for use in (run.enhance, run.predict):
        with pytest.raises(SefrontError, match=message):
            use(waves, RATE)


def test_core_exports() -> None:
    for name in sefront.core.__all__:
        assert getattr(sefront.core, name).__name__ == name or name == "Split"
    assert {"Batch", "Coupler", "Frontend", "Task", "Update"} <= set(sefront.core.__all__)
    assert {"Material", "Mixtures", "Reader"} <= set(sefront.core.__all__)
    with pytest.raises(AttributeError, match=r"module 'sefront\.core' has no attribute 'Copler'"):
        sefront.core.Copler  # noqa: B018


def test_the_package_exports() -> None:
    assert all(hasattr(sefront, name) for name in sefront.__all__)
    assert sefront.__version__


@pytest.mark.parametrize("rate", [0, -5, 16000.5])
def test_a_sample_rate_is_a_positive_whole_number(trained: Path, rate: Any) -> None:
    with pytest.raises(SefrontError, match=f"sample_rate must be a whole number of Hz of at least 1, but is {rate}"):
        sefront.open_run(trained).enhance(hiss(100), rate)
