"""Foreign enhancers as frontends: aligned, whole, trained and saved with the chain, refused in one line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from probes import RATE, SGD, TASK, batch_of, material, same
from recordings import hiss, voice
from torch import Tensor, nn

import sefront
from sefront.core.audio import read_channels
from sefront.core.checkpoint import put_weights, weights_of
from sefront.core.coupler import Coupler
from sefront.core.errors import SefrontError
from sefront.core.inference import Listener
from sefront.core.losses import si_sdr, wsdr
from sefront.core.modes import trainable
from sefront.core.training import Lengths
from sefront.core.wrapped import Wrapped
from sefront.couplings.cold_cascade import ColdCascade
from sefront.couplings.frozen import Frozen
from sefront.couplings.iterative import Iterative
from sefront.couplings.mtl import MTL
from sefront.metrics.si_sdr import SISDR
from sefront.testing import check_frontend
from sefront.testing.probes import ProbeBackend

Array = NDArray[np.float32]
DOCUMENT = Path(__file__).parents[2] / "docs/plugins.md"


class Smoother(nn.Sequential):
    """A foreign network: (batch, time) to (batch, time), a filter that changes nothing until it has learnt."""

    def __init__(self, taps: int = 9) -> None:
        convolution = nn.Conv1d(1, 1, taps, padding=taps // 2, bias=False)
        nn.init.dirac_(convolution.weight)
        super().__init__(nn.Unflatten(1, (1, -1)), convolution, nn.Flatten(1))


def halved(wave: Any) -> Any:
    """A foreign function of arrays and tensors alike."""
    return 0.5 * wave


def sustained(size: int) -> Array:
    """A tone that is loud to the end."""
    return (0.1 * np.sin(2 * np.pi * 200 / 16000 * np.arange(size))).astype(np.float32)


def lagging(delay: int) -> Any:
    """An enhancer of arrays or tensors that changes nothing, but comes `delay` samples late."""

    def enhancer(waves: Any) -> Any:
        if isinstance(waves, Tensor):
            return F.pad(waves, (delay, 0))[:, : waves.shape[1]]
        return np.pad(waves, (delay, 0))[: len(waves)]

    return enhancer


def through(frontend: Wrapped, *clips: Array) -> Tensor:
    """What `frontend` makes of `clips`, padded to the longest."""
    longest = max(map(len, clips))
    waves = torch.stack([F.pad(torch.from_numpy(clip), (0, longest - len(clip))) for clip in clips])
    with torch.no_grad():
        enhanced: Tensor = frontend(waves, torch.tensor([len(clip) for clip in clips])).waves
    return enhanced


class WrappedNetwork(Wrapped):
    """A network at another rate.

    Source: none; a probe.

    Args:
        taps: Length of the filter.
    """

    def __init__(self, sample_rate: int, *, taps: int = 9) -> None:
        super().__init__(Smoother(taps), sample_rate, own_rate=44100)


class WrappedPadding(Wrapped):
    """A network at the same rate that ignores padding.

    Source: none; a probe.
    """

    def __init__(self, sample_rate: int) -> None:
        super().__init__(Smoother(), sample_rate, pads=True, loss="si_sdr")


class WrappedFunction(Wrapped):
    """A function of arrays at another rate that comes late.

    Source: none; a probe.
    """

    def __init__(self, sample_rate: int) -> None:
        super().__init__(lagging(100), sample_rate, own_rate=22050, delay=100, takes="numpy")


@pytest.mark.parametrize("component", [WrappedNetwork, WrappedPadding, WrappedFunction])
def test_contract(component: type) -> None:
    check_frontend(component)


@pytest.mark.parametrize("takes", ["torch", "numpy"])
@pytest.mark.parametrize(("own_rate", "delay"), [(None, 0), (None, 257), (48000, 0), (48000, 960), (44100, 441)])
def test_what_comes_late_comes_back_aligned(takes: Any, own_rate: int | None, delay: int) -> None:
    clips = [voice(size, 150.0) + sustained(size) for size in (8000, 8001)]
    frontend = sefront.wrap_enhancer(lagging(delay), 16000, own_rate=own_rate, delay=delay, takes=takes)
    for clip, enhanced in zip(clips, through(frontend, *clips).numpy(), strict=True):
        assert SISDR()(clip, enhanced[: len(clip)]) > 60.0
        assert SISDR()(clip[-160:], enhanced[: len(clip)][-160:]) > 40.0  # the last 10 ms are not lost


def test_real_speech_comes_back_aligned(real_data: Path) -> None:
    samples, rate = read_channels(sorted(real_data.glob("an4/**/*.flac"))[0])
    clip = samples[:, 0]
    frontend = sefront.wrap_enhancer(lagging(960), rate, own_rate=48000, delay=960, takes="numpy")
    assert SISDR()(clip, through(frontend, clip)[0].numpy()) > 40.0
    late = sefront.wrap_enhancer(lagging(960), rate, own_rate=48000, takes="numpy")
    assert SISDR()(clip, through(late, clip)[0].numpy()) < 10.0


@pytest.mark.parametrize("takes", ["torch", "numpy"])
def test_without_another_rate_nothing_is_touched(takes: Any) -> None:
    clips = hiss(1000), hiss(900, seed=1)
    out = through(sefront.wrap_enhancer(lagging(50), 16000, delay=50, takes=takes), *clips).numpy()
    np.testing.assert_array_equal(out[0], clips[0])
    np.testing.assert_array_equal(out[1], np.pad(clips[1], (0, 100)))


@pytest.mark.parametrize("surplus", [-100, 0, 100])
@pytest.mark.parametrize("takes", ["torch", "numpy"])
def test_a_little_longer_or_shorter_is_put_right(takes: Any, surplus: int) -> None:
    def framed(waves: Any) -> Any:
        size = waves.shape[-1] + surplus
        return F.pad(waves, (0, surplus)) if takes == "torch" else np.pad(waves, (0, 100))[:size]

    clip = hiss(1000)
    out = through(sefront.wrap_enhancer(framed, 1000, takes=takes), clip)[0].numpy()
    np.testing.assert_array_equal(out[:900], clip[:900])
    np.testing.assert_array_equal(out[900:], clip[900:] if surplus >= 0 else 0.0 * clip[900:])


def test_arrays_hold_one_clip_without_padding() -> None:
    sizes: list[tuple[Any, ...]] = []

    def listening(wave: Array) -> Array:
        sizes.append((wave.shape, wave.dtype, wave.flags.writeable))
        wave *= 0.5
        return wave

    frontend = sefront.wrap_enhancer(listening, 8000, own_rate=16000, delay=7, takes="numpy")
    clips = hiss(1000), hiss(600, seed=1)
    out = through(frontend, *clips)
    assert sizes == [((2007,), np.float32, True), ((1207,), np.float32, True)]
    assert not out[1, 600:].any()
    assert frontend.pads


def test_an_enhancer_that_writes_on_its_input_harms_nobody() -> None:
    waves = torch.from_numpy(hiss(1000))[None]
    before = waves.clone()
    out = sefront.wrap_enhancer(lambda heard: heard.mul_(2.0), 8000)(waves, torch.tensor([1000])).waves
    assert torch.equal(waves, before)
    assert torch.equal(out, 2.0 * before)


def test_gradients_pass_through_a_module_and_its_weights() -> None:
    frontend = sefront.wrap_enhancer(Smoother(), 8000, own_rate=16000)
    data = batch_of()
    waves = data.noisy.requires_grad_()
    frontend(waves, data.lengths).waves.square().sum().backward()
    assert waves.grad is not None
    assert waves.grad.any(dim=1).all()
    assert trainable(frontend) == list(frontend.enhancer.parameters())
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in trainable(frontend))


@pytest.mark.parametrize(("said", "passes"), [(None, False), (True, True), (False, False)])
def test_gradients_through_a_function_pass_if_it_is_said(said: bool | None, passes: bool) -> None:
    frontend = sefront.wrap_enhancer(halved, 8000, differentiable=said)
    out = frontend(torch.ones(1, 100, requires_grad=True), torch.tensor([100])).waves
    assert (out.requires_grad, frontend.differentiable) == (passes, passes)


def test_a_module_through_which_no_gradient_passes_is_frozen() -> None:
    frontend = sefront.wrap_enhancer(Smoother(), 8000, differentiable=False)
    assert trainable(frontend) == []
    assert not frontend(torch.ones(1, 100, requires_grad=True), torch.tensor([100])).waves.requires_grad


@pytest.mark.parametrize("takes", ["torch", "numpy"])
def test_autocast_and_half_precision_stay_outside(takes: Any) -> None:
    enhancer: Any = Smoother() if takes == "torch" else halved
    frontend = sefront.wrap_enhancer(enhancer, 16000, own_rate=48000, takes=takes)
    waves = torch.from_numpy(voice(2000, 150.0))[None].requires_grad_()
    plain = frontend(waves, torch.tensor([2000])).waves
    with torch.autocast("cpu", torch.bfloat16):
        cast = frontend(waves, torch.tensor([2000])).waves
    assert cast.dtype == torch.float32
    assert torch.equal(cast, plain)
    assert frontend(waves.bfloat16(), torch.tensor([2000])).waves.dtype == torch.float32


def test_weights_are_saved_and_loaded() -> None:
    one, other = (sefront.wrap_enhancer(Smoother(), 8000, own_rate=16000) for _ in range(2))
    with torch.no_grad():
        one.enhancer[1].weight.normal_(generator=torch.Generator().manual_seed(0))
    assert "enhancer.1.weight" in weights_of(one)
    put_weights(other, weights_of(one), "the wrapped network")
    assert torch.equal(through(one, hiss(500)), through(other, hiss(500)))


@pytest.mark.parametrize(("name", "by_hand"), [("wsdr", wsdr), ("si_sdr", si_sdr)])
def test_losses(name: Any, by_hand: Any) -> None:
    frontend, data = sefront.wrap_enhancer(halved, RATE, takes="numpy", loss=name), batch_of()
    enhanced = frontend(data.noisy, data.lengths)
    torch.testing.assert_close(frontend.loss(enhanced, data), by_hand(0.5 * data.noisy, data))


def trained_phases(frontend: Wrapped, coupling: Any) -> list[str]:
    """The phases in which something learnt."""
    recipe = {part: {"algorithm": "sgd", "lr": SGD.lr, "batch_size": 4} for part in ("frontend", "backend")}
    coupler = Coupler(
        frontend, ProbeBackend(TASK, RATE), coupling, lengths=Lengths(1), optimiser=recipe, device="cpu", precision="32"
    )
    return [record["phase"] for record in coupler.fit(material())]


@pytest.mark.parametrize("coupling", [Frozen, ColdCascade])
def test_a_function_in_a_chain(coupling: Any) -> None:
    frontend = sefront.wrap_enhancer(halved, RATE, own_rate=3 * RATE, takes="numpy")
    assert trained_phases(frontend, coupling()) == ["backend"]


@pytest.mark.parametrize("coupling", [Frozen, ColdCascade, MTL, Iterative])
def test_a_module_trains_in_a_chain(coupling: Any) -> None:
    shapes: set[int] = set()
    enhancer = Smoother()
    enhancer.register_forward_pre_hook(lambda module, given: shapes.add(given[0].shape[1]))
    before = weights_of(enhancer)
    joint = [] if coupling in (Frozen, ColdCascade) else ["joint"]
    assert trained_phases(sefront.wrap_enhancer(enhancer, RATE), coupling()) == ["frontend", "backend", *joint]
    assert not same(before, weights_of(enhancer))
    assert shapes == {200, 240}  # clips of one length at a time, none padded


def test_a_module_that_was_frozen_stays_as_it_is() -> None:
    enhancer = Smoother().requires_grad_(False)
    before = weights_of(enhancer)
    assert trained_phases(sefront.wrap_enhancer(enhancer, RATE), Frozen()) == ["backend"]
    assert same(before, weights_of(enhancer))


@pytest.mark.parametrize(
    ("coupling", "message"),
    [
        (MTL(), "mtl trains the frontend, but Wrapped has nothing to train; it works with cold_cascade and frozen"),
        (Iterative(), "iterative trains the frontend, but Wrapped has nothing to train"),
    ],
)
def test_modes_that_train_refuse_a_function(coupling: Any, message: str) -> None:
    with pytest.raises(SefrontError, match=message):
        trained_phases(sefront.wrap_enhancer(halved, RATE, takes="numpy"), coupling)


def test_files_of_any_rate_pass_through() -> None:
    frontend = sefront.wrap_enhancer(halved, 16000, takes="numpy")
    stereo = np.stack([voice(4410, 150.0, 44100), voice(4410, 400.0, 44100)], axis=1)
    assert Listener(frontend, None, None, 16000).enhance(stereo, 44100).shape == stereo.shape


GIVEN_TORCH = (
    r"; it is given a float32 tensor of shape \(2, 800\) at 8000 Hz and returns real waves of that shape, up to "
)
GIVEN_NUMPY = r"; it is given a float32 array of shape \(800,\) at 8000 Hz and returns real waves of that shape, up to "


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (lambda w: w[:, None], r"enhancer '<lambda>' returned the shape \(2, 1, 800\)" + GIVEN_TORCH + "0.1 s"),
        (lambda w: w[:1], r"returned the shape \(1, 800\)" + GIVEN_TORCH),
        (lambda w: w.sum(), r"returned the shape \(\)" + GIVEN_TORCH),
        (lambda w: F.pad(w, (0, 801)), r"returned the shape \(2, 1601\)" + GIVEN_TORCH),
        (lambda w: (w, w), "returned a tuple" + GIVEN_TORCH),
        (lambda w: None, "returned a NoneType" + GIVEN_TORCH),
        (lambda w: w.numpy(), r"returned a ndarray \(takes='numpy' would suit it\)" + GIVEN_TORCH),
        (lambda w: w.to(torch.complex64), r"returned values of type torch\.complex64" + GIVEN_TORCH),
        (lambda w: (w * 32767).short(), r"returned values of type torch\.int16" + GIVEN_TORCH),
        (lambda w: w / 0, r"returned values that are not finite \(NaN or infinity\)" + GIVEN_TORCH),
    ],
)
def test_what_no_tensor_enhancer_returns(found: Any, message: str) -> None:
    frontend = sefront.wrap_enhancer(found, 8000)
    with pytest.raises(SefrontError, match=message):
        frontend(torch.ones(2, 800), torch.tensor([800, 800]))


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (lambda w: w[None], r"enhancer '<lambda>' returned the shape \(1, 800\)" + GIVEN_NUMPY + "0.1 s"),
        (lambda w: np.tile(w, 3), r"returned the shape \(2400,\)" + GIVEN_NUMPY),
        (lambda w: w.tolist(), "returned a list" + GIVEN_NUMPY),
        (torch.from_numpy, r"returned a Tensor \(takes='torch' would suit it\)" + GIVEN_NUMPY),
        (lambda w: w.astype(complex), "returned values of type complex128" + GIVEN_NUMPY),
        (lambda w: w.astype(np.int16), "returned values of type int16" + GIVEN_NUMPY),
        (lambda w: w + np.nan, r"returned values that are not finite \(NaN or infinity\)" + GIVEN_NUMPY),
    ],
)
def test_what_no_array_enhancer_returns(found: Any, message: str) -> None:
    frontend = sefront.wrap_enhancer(found, 8000, takes="numpy")
    with pytest.raises(SefrontError, match=message):
        frontend(torch.ones(2, 800), torch.tensor([800, 800]))


@pytest.mark.parametrize("takes", ["torch", "numpy"])
def test_an_enhancer_that_fails_is_named(takes: Any) -> None:
    def picky(wave: Any) -> Any:
        raise ValueError("too\nlate")

    given = {"torch": "tensor of shape (2, 800)", "numpy": "array of shape (800,)"}[takes]
    message = f"enhancer 'picky' raised ValueError: too late; it is given a float32 {given} at 8000 Hz"
    frontend = sefront.wrap_enhancer(picky, 8000, takes=takes)
    with pytest.raises(SefrontError, match=re.escape(message)) as caught:
        frontend(torch.ones(2, 800), torch.tensor([800, 800]))
    assert isinstance(caught.value.__cause__, ValueError)
    assert ("Unflatten" in str(caught.value)) == (takes == "torch")


@pytest.mark.parametrize("error", [SefrontError("sorry"), KeyboardInterrupt()])
def test_what_is_meant_for_the_user_passes_through(error: BaseException) -> None:
    def stopping(waves: Tensor) -> Tensor:
        raise error

    with pytest.raises(type(error)) as caught:
        sefront.wrap_enhancer(stopping, 8000)(torch.ones(2, 800), torch.tensor([800, 800]))
    assert caught.value is error


def test_the_advice_to_who_wants_three_dimensions() -> None:
    model = nn.Conv1d(1, 1, 1, bias=False)
    with pytest.raises(SefrontError, match=r"enhancer 'Conv1d' raised RuntimeError: .* \(2, 800\) at") as caught:
        sefront.wrap_enhancer(model, 8000)(torch.ones(2, 800), torch.tensor([800, 800]))
    _, _, advice = str(caught.value).partition("one that wants (batch, 1, time) is wrapped as ")
    names: dict[str, Any] = {"torch": torch, "model": model}
    exec(f"advised = {advice}", names)
    wrapped = sefront.wrap_enhancer(names["advised"], 8000)
    assert wrapped(torch.ones(2, 800), torch.tensor([800, 800])).waves.shape == (2, 800)


@pytest.mark.parametrize(
    ("enhancer", "options", "message"),
    [
        (3, {}, "enhancer must be a torch module or a function from waves to waves, but is a int"),
        (Smoother, {}, "function from waves to waves, but is the class Smoother"),
        (halved, {"own_rate": 0}, "own_rate must be at least 1 Hz .* but they are 8000, 0 and 0"),
        (halved, {"delay": -1}, "delay at least 0 samples, but they are 8000, 8000 and -1"),
        (halved, {"own_rate": 44100.5}, r"option 'own_rate' is 44100\.5, which is not int"),
        (halved, {"takes": "jax"}, "option 'takes' is 'jax', which is not"),
        (halved, {"loss": "mse"}, "option 'loss' is 'mse', which is not"),
        (halved, {"takes": "numpy", "differentiable": True}, "no gradient passes through numpy arrays; leave"),
    ],
)
def test_mistakes(enhancer: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SefrontError, match="^wrap_enhancer: .*" + message):
        sefront.wrap_enhancer(enhancer, 8000, **options)


def test_as_in_the_document() -> None:
    section = DOCUMENT.read_text(encoding="utf-8").split("## An enhancer that exists already")[1]
    code = re.findall(r"```python\n(.*?)```", section, re.DOTALL)[0]
    names: dict[str, Any] = {}
    exec(code, names)
    assert through(names["frontend"], voice(1600, 150.0)).shape == (1, 1600)
