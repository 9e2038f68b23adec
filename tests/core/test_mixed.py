"""Observation adding: the equations, what learns from what, streams, and weights that change their `mix`."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import pytest
import soundfile
import torch
import torch.nn.functional as F
from recordings import RATE, voice
from torch import Tensor, nn

import sefront
from sefront.cli import main
from sefront.core.checkpoint import weights_of
from sefront.core.errors import SefrontError
from sefront.core.gate import FRAME, SCALE
from sefront.core.inference import untrained
from sefront.core.losses import wsdr
from sefront.core.masking import masked
from sefront.core.mixed import Mixed, fitting, frontend_of, lacks_gate, opened, options_of
from sefront.core.recipe import Recipe
from sefront.core.types import Enhanced
from sefront.frontends.identity import Identity
from sefront.frontends.lstm_irm import LSTMIRM
from sefront.frontends.pl_mtl import PLMTL
from sefront.frontends.spectral_subtraction import SpectralSubtraction
from sefront.frontends.unet import UNet
from sefront.testing import check_frontend
from sefront.testing.material import example, harmonics, noise
from sefront.testing.probes import ProbeFrontend, Untrainable

DELAY = 37  # samples
Mix = float | Literal["learnt"]


class Ahead(Untrainable):
    """x_hat(s) = y(s) / 2 + y(s + 37) / 4, which has to wait for 37 samples."""

    latency = DELAY

    def forward(self, waves: Tensor, lengths: Tensor) -> Enhanced:
        """Enhance `waves` (batch, time)."""
        waves = masked(waves, lengths)
        return Enhanced(masked(0.5 * waves + 0.25 * F.pad(waves, (0, DELAY))[:, DELAY:], lengths))

    def stream(self) -> AheadStream:
        """A stream at the beginning of a recording."""
        return AheadStream()


class AheadStream:
    """What `Ahead` does, while the audio arrives."""

    def __init__(self) -> None:
        self.heard = torch.zeros(2, 0)

    def push(self, waves: Tensor) -> Tensor:
        """Take the next `waves`."""
        self.heard = torch.cat([self.heard, waves], 1)
        done = max(0, self.heard.shape[1] - DELAY)
        out = 0.5 * self.heard[:, :done] + 0.25 * self.heard[:, DELAY : DELAY + done]
        self.heard = self.heard[:, done:]
        return out

    def finish(self) -> Tensor:
        """The rest."""
        left = self.heard.shape[1]
        return self.push(torch.zeros(2, DELAY))[:, :left]


def component(inner: type[Any], share: Mix) -> type[Mixed]:
    """A mixed frontend as a component, which is what the kit checks."""

    class MixedInner(Mixed):
        """A mixed frontend.

        Source: none; a probe.

        Args:
            mix: The share.
        """

        def __init__(self, sample_rate: int, *, mix: float | Literal["learnt"] = share) -> None:
            super().__init__(inner(sample_rate), mix=mix)

    return MixedInner


def learnt(frontend: Any, offset: float = -1.0, slope: float = 0.6) -> Mixed:
    """`frontend` with a learnt share sigmoid(offset + slope ln r)."""
    mixed = Mixed(frontend, mix="learnt").eval()
    assert mixed.mix_gate is not None
    with torch.no_grad():
        mixed.mix_gate.offset.fill_(offset / SCALE)
        mixed.mix_gate.slope.fill_(slope / SCALE)
    return mixed


def heard(size: int) -> Tensor:
    """Two recordings, (2, size), the first of which begins with silence."""
    waves = torch.stack([harmonics(size, 1), harmonics(size, 2)]) + noise(2, size)
    waves[0, : min(300, size)] = 0
    return waves


def shares_by_hand(estimate: Tensor, noisy: Tensor, offset: float, slope: float) -> list[float]:
    """The learnt share of every sample of one clip, a sample at a time."""
    x, n = estimate.double().tolist(), (noisy - estimate).double().tolist()

    def share(frame: int) -> float:
        clean, rest = (sum(v**2 for v in values[: frame * FRAME]) + 1e-8 for values in (x, n))
        return 1 / (1 + math.exp(-(offset + slope * math.log(clean / rest))))

    frames = [share(k) for k in range(-(-len(x) // FRAME))]
    earlier = [frames[0], *frames]
    return [
        earlier[s // FRAME] + (s % FRAME + 1) / FRAME * (frames[s // FRAME] - earlier[s // FRAME])
        for s in range(len(x))
    ]


@pytest.mark.parametrize("mix", [0.0, 0.2, 0.7, 1.0])
def test_a_fixed_share(mix: float) -> None:
    batch, inner = example(), ProbeFrontend(RATE).eval()
    out, plain = Mixed(inner, mix=mix).eval()(batch.noisy, batch.lengths), inner(batch.noisy, batch.lengths).waves
    torch.testing.assert_close(out.waves, (1 - mix) * plain + mix * batch.noisy, rtol=0, atol=1e-6)
    assert torch.equal(out.extras["unmixed"], plain)
    assert torch.equal(out.extras["mix"], torch.full_like(plain, mix))


def test_no_share_is_the_frontend_and_the_whole_is_its_input() -> None:
    batch, inner = example(), ProbeFrontend(RATE).eval()
    plain = inner(batch.noisy, batch.lengths).waves
    assert torch.equal(Mixed(inner, mix=0).eval()(batch.noisy, batch.lengths).waves, plain)
    dirty = batch.noisy + (batch.noisy == 0)  # what lies behind a clip is not its input
    assert torch.equal(Mixed(inner, mix=1).eval()(dirty, batch.lengths).waves, masked(dirty, batch.lengths))


@pytest.mark.parametrize("size", [1, FRAME, 3 * FRAME - 1, 3 * FRAME + 1])
def test_a_learnt_share(size: int) -> None:
    waves = heard(size)
    out = learnt(Ahead(RATE), -1.0, 0.6)(waves, torch.full((2,), size))
    for row in range(2):
        by_hand = torch.tensor(shares_by_hand(out.extras["unmixed"][row], waves[row], -1.0, 0.6))
        torch.testing.assert_close(out.extras["mix"][row], by_hand, rtol=1e-4, atol=1e-5)
    mixed = (1 - out.extras["mix"]) * out.extras["unmixed"] + out.extras["mix"] * waves
    torch.testing.assert_close(out.waves, mixed)


def test_a_learnt_share_begins_at_a_fifth() -> None:
    out = Mixed(Untrainable(RATE), mix="learnt")(heard(2000), torch.full((2,), 2000))
    torch.testing.assert_close(out.extras["mix"], torch.full((2, 2000), 0.2))


def test_a_learnt_share_knows_no_level() -> None:
    waves, lengths = heard(8000), torch.full((2,), 8000)
    loud, quiet = (learnt(Ahead(RATE))(level * waves, lengths).extras["mix"] for level in (1.0, 0.01))
    torch.testing.assert_close(loud, quiet, rtol=0, atol=1e-3)
    assert loud.std() > 0.01


def test_a_learnt_share_looks_only_back() -> None:
    waves, lengths = heard(4000), torch.full((2,), 4000)
    later = waves.clone()
    later[:, 2000:] *= -3
    a, b = (learnt(Untrainable(RATE))(w, lengths).extras["mix"] for w in (waves, later))
    known = 2000 // FRAME * FRAME + FRAME  # the frame of the change has only heard what was before it
    assert torch.equal(a[:, :known], b[:, :known])


def masking() -> UNet:
    """A frontend whose loss never looks at waves."""
    return UNet(RATE, width=1, depth=1, loss="mask_mse")


@pytest.mark.parametrize("build", [masking, lambda: ProbeFrontend(RATE)])
@pytest.mark.parametrize("mix", [0.3, "learnt"])
def test_a_share_leaves_the_training_of_the_frontend_as_it_is(build: Callable[[], Any], mix: Mix) -> None:
    batch, inner = example(), build().eval()
    mixed = Mixed(inner, mix=mix).eval()
    plain, out = inner(batch.noisy, batch.lengths), mixed(batch.noisy, batch.lengths)
    alone, losses = inner.loss(plain, batch), mixed.loss(out, batch)
    torch.testing.assert_close(losses, alone + (wsdr(out.waves, batch) if mix == "learnt" else 0))
    weights = list(inner.parameters())
    expected, found = (torch.autograd.grad(loss.sum(), weights, allow_unused=True) for loss in (alone, losses))
    assert all((a is None and b is None) or torch.equal(a, b) for a, b in zip(expected, found, strict=True))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "build",
    [
        masking, lambda: LSTMIRM(RATE, width=2), lambda: PLMTL(RATE, width=2), lambda: SpectralSubtraction(RATE),
        lambda: Ahead(RATE), lambda: ProbeFrontend(RATE),
    ],
)  # fmt: skip
def test_the_gate_learns(build: Callable[[], Any]) -> None:
    batch, mixed = example(), Mixed(build(), mix="learnt")
    mixed.loss(mixed(batch.noisy, batch.lengths), batch).sum().backward()
    assert mixed.mix_gate is not None
    for parameter in mixed.mix_gate.parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs() > 1e-6


@pytest.mark.parametrize(
    ("inner", "mix"),
    [
        (Identity, 0.5), (ProbeFrontend, 0.2), (ProbeFrontend, "learnt"), (Untrainable, "learnt"), (Ahead, 0.2),
        (Ahead, "learnt"), (SpectralSubtraction, 0.2), (SpectralSubtraction, "learnt"),
    ],
)  # fmt: skip
def test_contract(inner: type[Any], mix: Mix) -> None:
    check_frontend(component(inner, mix))


class Particular(Untrainable):
    """A frontend that says much of itself."""

    pads, latency, differentiable = False, 5, False

    def __init__(self, sample_rate: int) -> None:
        super().__init__(sample_rate)
        self.recipe = Recipe(lr=0.5)
        self.fitted = 0

    def fit(self, waves: Tensor, lengths: Tensor) -> None:
        """Count."""
        self.fitted += len(waves)


def test_what_the_frontend_says_of_itself_holds() -> None:
    inner = Particular(8000)
    mixed = Mixed(inner, mix=0.1)
    assert (mixed.pads, mixed.sample_rate, mixed.recipe.lr, mixed.differentiable) == (False, 8000, 0.5, False)
    assert mixed.latency is None  # it cannot stream, whatever it says
    mixed.fit(torch.zeros(3, 10), torch.full((3,), 10))
    assert inner.fitted == 3
    assert not hasattr(Mixed(Untrainable(RATE), mix=0.1), "fit")
    assert isinstance(deepcopy(mixed).unmixed, Particular)
    with pytest.raises(AttributeError, match="'Particular' object has no attribute 'fitt'"):
        _ = mixed.fitt


def test_a_gate_that_learns_alone() -> None:
    mixed = Mixed(SpectralSubtraction(RATE), mix="learnt")
    assert mixed.differentiable
    assert mixed.recipe.lr == 2e-3
    assert Mixed(Particular(RATE), mix="learnt").recipe.lr == 0.5
    assert not hasattr(Mixed(SpectralSubtraction(RATE), mix=0.2), "recipe")


@pytest.mark.parametrize("mix", [0.3, "learnt"])
@pytest.mark.parametrize("size", [1, 20, 1500])
@pytest.mark.parametrize("block", [1, 255, FRAME, 701])
def test_streams(mix: Mix, size: int, block: int) -> None:
    waves, mixed = heard(size), learnt(Ahead(RATE)) if mix == "learnt" else Mixed(Ahead(RATE), mix=mix)
    with torch.no_grad():
        whole = mixed(waves, torch.full((2,), size)).waves
        stream, parts = mixed.stream(), []
        for piece in torch.split(waves, block, 1):
            parts.append(stream.push(piece))
        parts.append(stream.finish())
    assert mixed.latency == DELAY
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=0, atol=1e-5)


def test_options() -> None:
    assert list(options_of("frontend", Ahead)) == ["mix"]
    assert list(options_of("backend", Ahead)) == []
    assert options_of("frontend", Ahead)["mix"].type_name() == "float | Literal['learnt'] | None"
    assert type(frontend_of(Ahead, RATE, {}, "me")) is type(frontend_of(Ahead, RATE, {"mix": "none"}, "me")) is Ahead
    fixed, gated = (frontend_of(ProbeFrontend, RATE, {"mix": m, "dropout": "0.5"}, "me") for m in ("0.3", "learnt"))
    assert isinstance(fixed, Mixed)
    assert isinstance(gated, Mixed)
    assert (fixed.mix, fixed.mix_gate, gated.mix, gated.unmixed.dropout.p) == (0.3, None, "learnt", 0.5)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mix": 1.5}, r"^me: mix is 1\.5; a share between 0 and 1, or 'learnt'$"),
        ({"mix": "-0.1"}, r"^me: mix is -0\.1; a share between 0 and 1"),
        ({"mix": "nan"}, r"^me: mix is nan; a share between 0 and 1"),
        (
            {"mix": "lernt"},
            r"^me: option 'mix' is 'lernt', which is not float \| Literal\['learnt'\] \| None; did you ",
        ),
        ({"mix": "learned"}, r"; did you mean 'learnt'\? \("),
        ({"mix": "much"}, r"which is not float \| Literal\['learnt'\] \| None \(.*; default None\)$"),
        ({"mix": "true"}, r"^me: option 'mix' is 'true', which is not float"),
        ({"mix": True}, r"^me: option 'mix' is True, which is not float .* \(input should not be true or false; def"),
        ({"mxi": 0.2}, r"^me has no option 'mxi'; did you mean 'mix'\? \(it has: dropout, mix, normalise\)$"),
        ({"mix": 0.2, "dropout": "x"}, r"^me: option 'dropout' is 'x'"),
    ],
)
def test_mistakes(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SefrontError, match=message):
        frontend_of(ProbeFrontend, RATE, options, "me")


class Mixing(Untrainable):
    """A frontend whose own option is called so.

    Args:
        mix: Something else.
    """

    def __init__(self, sample_rate: int, *, mix: int = 7) -> None:
        super().__init__(sample_rate)
        self.mix = mix


def test_a_frontend_with_an_option_of_that_name_keeps_it() -> None:
    assert options_of("frontend", Mixing)["mix"].meaning == "Something else."
    frontend = frontend_of(Mixing, RATE, {"mix": 9}, "me")
    assert type(frontend) is Mixing
    assert frontend.mix == 9


def test_a_learnt_share_has_to_be_learnt() -> None:
    with pytest.raises(SefrontError, match=r"--mode frontend_only -o frontend\.mix=learnt, then --run RUN$"):
        untrained(SpectralSubtraction, "spectral_subtraction", {"mix": "learnt"})
    frontend = untrained(SpectralSubtraction, "spectral_subtraction", {"mix": "0.25"}).frontend
    assert isinstance(frontend, Mixed)
    assert frontend.mix == 0.25


def probe(mix: Mix | None) -> nn.Module:
    """A probe with or without mixing, its weights all different from those of a fresh one."""
    inner = ProbeFrontend(RATE)
    module = inner if mix is None else Mixed(inner, mix=mix)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(1.0)
    return module


@pytest.mark.parametrize("new", [None, 0.4, "learnt"])
@pytest.mark.parametrize("old", [None, 0.1, "learnt"])
def test_weights_of_another_mix(old: Mix | None, new: Mix | None) -> None:
    weights, module = weights_of(probe(old)), Mixed(ProbeFrontend(RATE), mix=new) if new else ProbeFrontend(RATE)
    fresh = weights_of(module)
    module.load_state_dict(fitting(weights, module), strict=True)
    inner = getattr(module, "unmixed", module)
    for name, weight in weights_of(inner).items():
        assert torch.equal(weight, weights[name if old is None else f"unmixed.{name}"])
    assert lacks_gate(weights, module) == (new == "learnt" and old != "learnt")
    for name in ("mix_gate.offset", "mix_gate.slope") if new == "learnt" else ():
        assert torch.equal(weights_of(module)[name], (weights if old == "learnt" else fresh)[name])


def test_weights_of_frontends_without_any() -> None:
    subtraction = SpectralSubtraction(RATE)
    assert fitting({}, subtraction) == fitting({}, Mixed(subtraction, mix=0.2)) == {}
    gated = learnt(subtraction)
    assert fitting(weights_of(gated), Mixed(subtraction, mix=0.2)) == {}
    with pytest.raises(SefrontError, match=r"--from 'my runs/experiment.toml' -o .* --init-frontend 'my runs'; or"):
        opened({}, gated, Path("my runs"))


def test_the_share_moves_ten_times_as_fast_as_its_numbers() -> None:
    mixed = learnt(Ahead(RATE))
    assert mixed.mix_gate is not None
    energies = torch.tensor([[[3.0]], [[2.0]]])
    logit = torch.logit(mixed.mix_gate(energies)).squeeze()
    torch.testing.assert_close(logit, torch.tensor(-1.0 + 0.6 * math.log(1.5)))
    slopes = torch.autograd.grad(logit, [mixed.mix_gate.offset, mixed.mix_gate.slope])
    torch.testing.assert_close(torch.stack(slopes), torch.tensor([10.0, 10.0 * math.log(1.5)]))


def test_names_of_parameters_are_those_of_the_state() -> None:
    mixed = Mixed(ProbeFrontend(RATE), mix="learnt")
    assert {name for name, _ in mixed.named_parameters()} <= set(mixed.state_dict())


@pytest.fixture(scope="module")
def asked(audio: Path) -> dict[str, Any]:
    return {
        "corpus": audio / "speech", "noise": audio / "noise", "epochs": 2, "test_snr": 0, "device": "cpu",
        "precision": 32,
    }  # fmt: skip


@pytest.fixture(scope="module")
def gated(asked: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose frontend is a gate and nothing else to train, and learns from the backend too."""
    options = {"frontend.mix": "learnt", "backend.width": 2}
    where = tmp_path_factory.mktemp("runs") / "gated"
    return sefront.couple(frontend="spectral_subtraction", mode="mtl", options=options, out=where, **asked).path


def test_a_run_with_a_learnt_share(gated: Path) -> None:
    run, waves = sefront.open_run(gated), voice(RATE, 200.0)
    assert 'frontend.mix" = "learnt"' in (gated / "experiment.toml").read_text()
    assert isinstance(run.frontend, Mixed)
    assert run.frontend.mix_gate is not None
    assert abs(run.frontend.mix_gate.offset.item() - math.log(0.25) / SCALE) > 1e-4
    assert (sefront.open_run(gated).enhance(waves, RATE) == run.enhance(waves, RATE)).all()
    whole = sefront.open_run(gated, {"frontend.mix": "1"}).enhance(waves, RATE)
    assert whole == pytest.approx(waves, abs=1e-6)


def test_a_run_is_opened_with_another_share(trained: Path) -> None:
    waves = torch.from_numpy(voice(RATE, 200.0))[None]
    outputs = []
    for mix in ("none", 0.0, 0.3):
        frontend = sefront.open_run(trained, {"frontend.mix": mix}).frontend
        outputs.append(frontend(waves, torch.tensor([RATE])).waves)  # type: ignore[misc,operator]
    assert torch.equal(outputs[0], outputs[1])
    torch.testing.assert_close(outputs[2], torch.lerp(outputs[0], waves, 0.3))


def test_the_way_to_a_learnt_share_is_one(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SefrontError, match=r"trained: has no learnt share, which only training gives: ") as error:
        sefront.open_run(trained, {"frontend.mix": "learnt"})
    monkeypatch.chdir(tmp_path)
    words = shlex.split(str(error.value).partition(": sefront ")[2].partition(";")[0])
    assert words[0] == "couple"
    assert main(words) == 0
    (run,) = (tmp_path / "runs").iterdir()
    gate = sefront.open_run(run).frontend
    assert isinstance(gate, Mixed)
    assert gate.mix_gate is not None
    assert gate.mix_gate.offset.item() != pytest.approx(math.log(0.25) / SCALE, abs=1e-6)


def test_shares_of_one_run_are_fused_and_enhance(trained: Path, audio: Path, tmp_path: Path) -> None:
    words = ["--fuse", "frontend.mix=0,0.3", "--metrics", "uar", "--test-snr", "0", "--out", str(tmp_path)]
    assert main(["evaluate", str(trained), *words]) == 0
    file, out = audio / "noise" / "hiss_0.wav", tmp_path / "hiss.wav"
    assert main(["enhance", str(file), "-o", str(out), "--run", str(trained), "-o", "frontend.mix=1"]) == 0
    assert soundfile.read(out)[0] == pytest.approx(soundfile.read(file)[0], abs=1e-4)


def test_a_run_with_a_fixed_share_repeats_and_goes_on(asked: dict[str, Any], trained: Path, tmp_path: Path) -> None:
    options = {"frontend.mix": "0.25", "frontend.width": 1, "frontend.depth": 1, "backend.width": 2}
    words = {**asked, "mode": "frozen", "options": options, "init_frontend": trained}
    run = sefront.couple(out=tmp_path / "run", **words)
    assert run.experiment.options["frontend.mix"] == 0.25
    assert isinstance(run.frontend, Mixed)
    before, after = sefront.open_run(trained).frontend, run.frontend.unmixed
    assert isinstance(before, nn.Module)
    assert all(map(torch.equal, before.state_dict().values(), after.state_dict().values()))  # type: ignore[attr-defined]
    again = sefront.open_run(run.path)
    assert again.experiment.options["frontend.mix"] == 0.25
    waves = voice(RATE, 200.0)
    assert (again.enhance(waves, RATE) == run.enhance(waves, RATE)).all()


def test_a_fresh_gate_is_trained_before_it_is_relied_on(asked: dict[str, Any], trained: Path, gated: Path) -> None:
    options = {"frontend.width": 1, "frontend.depth": 1, "frontend.mix": "learnt"}
    words = {**asked, "mode": "frontend_only"}
    coupler = sefront.plan(**words, options=options, init_frontend=trained).coupler
    assert (coupler.given, coupler.loaded) == ([], ["frontend"])
    again = {**words, "frontend": "spectral_subtraction", "options": {"frontend.mix": "learnt"}}
    job = sefront.plan(**again, init_frontend=gated)
    assert job.coupler.given == ["frontend"]
    gate = sefront.open_run(gated).frontend
    assert isinstance(gate, Mixed)
    assert isinstance(job.run.frontend, Mixed)
    assert weights_of(job.run.frontend).keys() == weights_of(gate).keys()
    assert all(map(torch.equal, weights_of(job.run.frontend).values(), weights_of(gate).values()))
