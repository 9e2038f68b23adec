"""What may still change when a finished run is opened, and what stands before its backend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from recordings import RATE, hiss
from torch import nn

import sefront
from sefront.core.errors import SefrontError
from sefront.core.mixed import Mixed
from sefront.core.opening import adjustable
from sefront.frontends.pl_mtl import PLMTL
from sefront.frontends.spectral_subtraction import SpectralSubtraction
from sefront.testing.probes import ProbeFrontend


class Heard(ProbeFrontend):
    """A probe that may be louder after training."""

    adjustable = ("normalise",)


@pytest.mark.parametrize(
    ("component", "module", "expected"),
    [
        (PLMTL, PLMTL(RATE, width=2), ["decode", "delta", "domain", "rho", "mix"]),
        (PLMTL, Mixed(PLMTL(RATE, width=2), mix=0.2), ["decode", "delta", "domain", "rho", "mix"]),
        (ProbeFrontend, ProbeFrontend(RATE), ["mix"]),
        (Heard, Heard(RATE), ["normalise", "mix"]),
    ],
)
def test_what_a_trained_frontend_lets_change(component: type, module: nn.Module, expected: list[str]) -> None:
    assert adjustable("frontend", component, module) == expected
    assert adjustable("backend", component, module) == [name for name in expected if name != "mix"]


@pytest.mark.parametrize("mix", [None, 0.2, "learnt"])
def test_a_frontend_without_parameters_lets_everything_change(mix: Any) -> None:
    plain = SpectralSubtraction(RATE)
    found = adjustable("frontend", SpectralSubtraction, plain if mix is None else Mixed(plain, mix=mix))
    assert {"floor", "variant", "noise", "mix"} <= set(found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"frontend.hop": 128},
            r"frontend\.hop is settled by training; name a setting that may still change: .*\.mix$",
        ),
        ({"backend.dropout": "0.5"}, r"backend\.dropout is settled by training; name a setting that may still change"),
        ({"training.patience": 1}, r"training\.patience does not change what the run decides; name a setting that"),
        ({"corpus.test": 0.5}, r"corpus\.test does not change what the run decides; name a setting that may still"),
        ({"frontend.mix": 0.2, "frontend.width": 2}, r"trained: frontend\.width is settled by training"),
    ],
)
def test_what_may_not_change(trained: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SefrontError, match=message):
        sefront.open_run(trained, options)


def test_values_that_are_those_of_training(trained: Path) -> None:
    run = sefront.open_run(trained)
    same = {
        "frontend.width": "1",
        "frontend.mix": "none",
        "training.patience": run.experiment.options["training.patience"],
    }
    again = sefront.open_run(trained, same)
    waves = hiss(RATE)
    assert (again.enhance(waves, RATE) == run.enhance(waves, RATE)).all()


def test_a_part_that_the_run_lacks_does_not_change_it(audio: Path, tmp_path: Path) -> None:
    run = sefront.couple(
        mode="augment", corpus=audio / "speech", noise=audio / "noise", options={"backend.width": 2}, epochs=1,
        test_snr=0, device="cpu", precision=32, out=tmp_path / "run",
    )  # fmt: skip
    with pytest.raises(
        SefrontError, match=r"frontend\.mix does not change what the run decides; nothing in it can change any more$"
    ):
        sefront.open_run(run.path, {"frontend.mix": 0.2})
    before = (run.path / "evaluation.json").read_bytes()
    chain = run.with_frontend(sefront.wrap_enhancer(lambda waves: 0.5 * waves, RATE))
    rows = chain.evaluate(test_snr=0).rows
    assert {row["system"] for row in rows} == {"noisy", "bypass", "coupled"}
    assert (run.path / "evaluation.json").read_bytes() == before
    assert run.frontend is None


def test_another_frontend(trained: Path) -> None:
    run, halved = sefront.open_run(trained), sefront.wrap_enhancer(lambda waves: 0.5 * waves, RATE)
    chain = run.with_frontend(halved.train())
    assert (chain.frontend, chain.backend) == (halved, run.backend)
    assert not halved.training
    assert chain.changed == {"frontend": "Wrapped"}
    before = (trained / "evaluation.json").read_bytes()
    chain.evaluate()
    assert (trained / "evaluation.json").read_bytes() == before
    torch.testing.assert_close(chain.enhance(hiss(RATE), RATE), 0.5 * hiss(RATE))
    fused = sefront.fuse([run, chain], metrics="uar", test_snr=0)
    assert {"trained", "Wrapped", "fused"} <= {row["system"] for row in fused.rows}


def test_frontends_that_do_not_fit(trained: Path, audio: Path, tmp_path: Path) -> None:
    run = sefront.open_run(trained)
    with pytest.raises(SefrontError, match=r"trained: works at 16000 Hz, but the frontend at 8000 Hz; build it for 16"):
        run.with_frontend(sefront.wrap_enhancer(lambda waves: waves, 8000))
    deaf = sefront.couple(
        mode="frontend_only", frontend="identity", corpus=audio / "speech", noise=audio / "noise", test_snr=0,
        device="cpu", out=tmp_path / "run",
    )  # fmt: skip
    with pytest.raises(SefrontError, match=r"run: mode 'frontend_only' has no backend to put a frontend before$"):
        deaf.with_frontend(run.frontend)  # type: ignore[arg-type]
