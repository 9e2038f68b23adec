"""The kit catches what is wrong: one component broken on purpose for each check, all else as it should be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sefront.core.clips import Card, Clip, MetricCard, Task
from sefront.core.errors import SefrontError
from sefront.core.modes import learning
from sefront.core.phases import learn_backend, learn_frontend
from sefront.core.types import Enhanced, Phase, Prediction
from sefront.metrics.ccc import CCC
from sefront.metrics.rmse import RMSE
from sefront.metrics.si_sdr import SISDR
from sefront.metrics.uar import UAR
from sefront.metrics.wer import WER
from sefront.testing import (
    ConformanceError,
    check_backend,
    check_corpus,
    check_coupling,
    check_frontend,
    check_metric,
)
from sefront.testing.probes import ProbeBackend, ProbeFrontend, Untrainable

CITED = "Does something.\n\nSource: nobody.\n"


def broken(kind: type, doc: str | None = None, **members: Any) -> type:
    """`kind` with other members, under its own docstring or `doc`."""
    return type("Broken", (kind,), {"__doc__": doc or kind.__doc__, **members})


@pytest.mark.parametrize("component", [ProbeFrontend, Untrainable])
def test_the_probe_frontends_conform(component: type) -> None:
    check_frontend(component)


def test_the_probe_backend_conforms() -> None:
    check_backend(ProbeBackend, dropout=0.0)


def test_a_conformance_error_is_an_error_of_ours() -> None:
    assert issubclass(ConformanceError, SefrontError)


# Constructors


class Foreign:
    """A type that pydantic does not know."""


def by_position(self: Any, sample_rate: int, dropout: float = 0.2) -> None:
    ProbeFrontend.__init__(self, sample_rate, dropout=dropout)


def starred(self: Any, sample_rate: int, **options: Any) -> None:
    ProbeFrontend.__init__(self, sample_rate)


def bare(self: Any, sample_rate: int, *, dropout=0.2) -> None:  # type: ignore[no-untyped-def]
    ProbeFrontend.__init__(self, sample_rate)


def without_default(self: Any, sample_rate: int, *, dropout: float) -> None:
    ProbeFrontend.__init__(self, sample_rate)


def strange(self: Any, sample_rate: int, *, dropout: Foreign | None = None) -> None:
    ProbeFrontend.__init__(self, sample_rate)


def unreadable(self: Any, sample_rate: int, *, dropout: Nowhere = 0) -> None:  # type: ignore[name-defined]  # noqa: F821
    ProbeFrontend.__init__(self, sample_rate)


def mistyped(self: Any, sample_rate: int, *, dropout: int = "few") -> None:  # type: ignore[assignment]
    ProbeFrontend.__init__(self, sample_rate)


def turned(self: Any, sample_rate: int, *, dropout: tuple[int, ...] = [1]) -> None:  # type: ignore[assignment]
    ProbeFrontend.__init__(self, sample_rate)


ONE = CITED + "\nArgs:\n    dropout: A share.\n"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (by_position, "takes 2 arguments by position .sample_rate, dropout., its family 1; write a [*]"),
        (starred, "takes [*]options; name every option"),
        (bare, "option 'dropout' has no annotation"),
        (without_default, "option 'dropout' has no default"),
        (strange, "option 'dropout' is annotated .*Foreign.*, which pydantic cannot parse"),
        (unreadable, "its annotations cannot be read .*Nowhere"),
        (mistyped, "the default does not pass its own check: Broken: option 'dropout' is 'few', which is not int"),
        (turned, r"option 'dropout' turns its default \[1\] into \(1,\)"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_broken_constructor(make: Any, message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        check_frontend(broken(ProbeFrontend, ONE, __init__=make))


@pytest.mark.parametrize(
    ("doc", "message"),
    [
        ("", "has no docstring"),
        (ONE, "its docstring's Args lack normalise"),
        (ONE + "    normalise: Whether.\n    width: Maps.\n", "its docstring's Args explain width"),
        ("Filters.\n\nArgs:\n    dropout: A share.\n    normalise: Whether.\n", "cites nothing; write 'Source: "),
    ],
)
def test_a_broken_docstring(doc: str, message: str) -> None:
    component = broken(ProbeFrontend)
    component.__doc__ = doc
    with pytest.raises(ConformanceError, match=message):
        check_frontend(component)


# Frontends


def forward(self: Any, waves: Tensor, lengths: Tensor) -> Enhanced:
    return ProbeFrontend.forward(self, waves, lengths)


def bare_waves(self: Any, waves: Tensor, lengths: Tensor) -> Tensor:
    return forward(self, waves, lengths).waves


def shorter(self: Any, waves: Tensor, lengths: Tensor) -> Enhanced:
    return Enhanced(forward(self, waves, lengths).waves[:, 1:])


def infinite_on_silence(self: Any, waves: Tensor, lengths: Tensor) -> Enhanced:
    return Enhanced(forward(self, waves, lengths).waves / waves.abs().amax(1, keepdim=True))


def short_is_nan(self: Any, waves: Tensor, lengths: Tensor) -> Enhanced:
    return Enhanced(forward(self, waves, lengths).waves / (waves.shape[1] != 1))


def leaking(self: Any, waves: Tensor, lengths: Tensor) -> Enhanced:
    return Enhanced(forward(self, waves, lengths).waves + 0.1)


def levelled_by_mates(self: Any, waves: Tensor, lengths: Tensor) -> Enhanced:
    return Enhanced(forward(self, waves, lengths).waves / (1 + waves[1:].sum().abs()))


def levelled_by_padding(self: Any, waves: Tensor, lengths: Tensor) -> Enhanced:
    return Enhanced(forward(self, waves, lengths).waves * (8000 / waves.shape[1]))


def detached(self: Any, waves: Tensor, lengths: Tensor) -> Enhanced:
    return forward(self, waves.detach(), lengths)


def random(self: Any, waves: Tensor, lengths: Tensor) -> Enhanced:
    out = forward(self, waves, lengths).waves
    return Enhanced(out * (1 + 1e-5 * torch.randn(1)))


def counting(self: Any, waves: Tensor, lengths: Tensor) -> Enhanced:
    if self.training:
        self.steps = getattr(self, "steps", 0) + 1
    return Enhanced(forward(self, waves, lengths).waves / (1 + getattr(self, "steps", 0)))


def later_module(self: Any, waves: Tensor, lengths: Tensor) -> Enhanced:
    if self.training and not hasattr(self, "late"):
        self.late = nn.Linear(1, 1)
    return forward(self, waves, lengths)


def numbered(self: Any, sample_rate: int, *, dropout: float = 0.2, normalise: bool = True) -> None:
    ProbeFrontend.__init__(self, sample_rate, dropout=dropout, normalise=normalise)
    type(self).built = getattr(type(self), "built", 0) + 1
    self.register_buffer("gain", torch.tensor(1.0 / type(self).built))


def by_number(self: Any, waves: Tensor, lengths: Tensor) -> Enhanced:
    return Enhanced(forward(self, waves, lengths).waves * self.gain)


def fit_moving_weights(self: Any, waves: Tensor, lengths: Tensor) -> None:
    self.out.bias += 1


def remembering(self: Any, sample_rate: int, *, dropout: float = 0.2, normalise: bool = True) -> None:
    ProbeFrontend.__init__(self, sample_rate, dropout=dropout, normalise=normalise)
    self.register_buffer("level", torch.zeros(()))


def fit_of_the_last_batch(self: Any, waves: Tensor, lengths: Tensor) -> None:
    self.level.copy_(waves.square().sum())


class Late:
    """A stream that holds everything back."""

    def __init__(self, frontend: Any, gain: float = 1.0) -> None:
        self.frontend, self.gain, self.heard = frontend, gain, torch.zeros(2, 0)

    def push(self, waves: Tensor) -> Tensor:
        self.heard = torch.cat([self.heard, waves], 1)
        return waves[:, :0]

    def finish(self) -> Tensor:
        size = self.heard.shape[1]
        return self.gain * torch.as_tensor(forward(self.frontend, self.heard, torch.tensor([size, size])).waves)


def late(self: Any) -> Late:
    return Late(self)


def louder(self: Any) -> Late:
    return Late(self, 1.1)


def mean_loss(self: Any, enhanced: Enhanced, batch: Any) -> Tensor:
    return ProbeFrontend.loss(self, enhanced, batch).mean()


def loss_in_decibels(self: Any, enhanced: Enhanced, batch: Any) -> Tensor:
    return (enhanced.waves - batch.clean).square().sum(1) / batch.clean.square().sum(1)


def loss_over_padding(self: Any, enhanced: Enhanced, batch: Any) -> Tensor:
    return 100 * (enhanced.waves - batch.clean).square().mean(1)


def loss_unconnected(self: Any, enhanced: Enhanced, batch: Any) -> Tensor:
    return 0 * ProbeFrontend.loss(self, enhanced, batch) + 1


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"forward": bare_waves}, "returns a Tensor; a frontend returns Enhanced"),
        ({"forward": shorter}, r"makes waves of shape \(2, 0\) from \(2, 1\); a frontend keeps the length"),
        ({"forward": short_is_nan}, "not finite for 1 samples of noise"),
        ({"forward": infinite_on_silence}, "not finite for silence"),
        ({"forward": leaking}, "not zero beyond `lengths`; mask them"),
        ({"forward": levelled_by_mates}, "a clip changes by .* when its batch mates change"),
        ({"forward": levelled_by_padding}, "a clip changes by .* when it is padded; mask the padding, or say"),
        ({"forward": detached}, "no gradient of its enhanced waves reaches the waves; .*`differentiable = False`"),
        ({"forward": random}, "gives two results for the same waves in eval mode"),
        ({"forward": counting}, "behaves differently after its state_dict was loaded"),
        ({"forward": later_module}, "its own state_dict does not fit Broken"),
        ({"__init__": numbered, "forward": by_number}, "when it is built from its recorded options"),
        ({"adjustable": ("width",)}, "says that 'width' is adjustable, which is none of its options"),
        ({"fit": fit_moving_weights}, "moves weights in `fit`"),
        ({"__init__": remembering, "fit": fit_of_the_last_batch}, "gathers another 'level' in `fit` from clips one by"),
        ({"latency": 0}, "states a latency but has no method `stream`"),
        ({"latency": 100, "stream": late}, "its stream is 255 samples behind; its latency is said to be 100"),
        ({"latency": 10**6, "stream": louder}, "its stream differs by .* from what it makes of the whole recording"),
        ({"loss": mean_loss}, r"its loss has the shape \(\) for 4 clips; it is per sample"),
        ({"loss": loss_in_decibels}, "its loss is not finite"),
        ({"loss": loss_over_padding}, "the loss of a clip changes by"),
        ({"loss": loss_unconnected}, "10 steps on one batch leave the loss at 1, from 1"),
    ],
    ids=lambda value: "_".join(getattr(v, "__name__", "") for v in value.values()) if isinstance(value, dict) else "",
)
def test_a_broken_frontend(members: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        check_frontend(broken(ProbeFrontend, **members))


def test_what_says_that_it_cannot_pad_or_differentiate_may() -> None:
    check_frontend(broken(ProbeFrontend, forward=levelled_by_padding, pads=False))
    check_frontend(broken(Untrainable, forward=torch.no_grad()(Untrainable.forward), differentiable=False))


def test_a_frontend_that_is_no_module() -> None:
    class Plain:
        """Source: nobody."""

        def __init__(self, sample_rate: int) -> None:
            self.sample_rate = sample_rate

    with pytest.raises(ConformanceError, match=r"Plain: is no torch\.nn\.Module"):
        check_frontend(Plain)


def test_a_module_without_a_loss() -> None:
    class Half(nn.Module):
        """Source: nobody."""

        def __init__(self, sample_rate: int) -> None:
            super().__init__()

    with pytest.raises(ConformanceError, match="Half: lacks methods of Frontend"):
        check_frontend(Half)


# Backends


def ahead(self: Any, waves: Tensor, lengths: Tensor) -> Prediction:
    return ProbeBackend.forward(self, waves, lengths)


def bare_scores(self: Any, waves: Tensor, lengths: Tensor) -> Tensor:
    return ahead(self, waves, lengths).scores


def per_frame(self: Any, waves: Tensor, lengths: Tensor) -> Prediction:
    return Prediction(ahead(self, waves, lengths).scores[:, None])


def flat_embedding(self: Any, waves: Tensor, lengths: Tensor) -> Prediction:
    return replace(ahead(self, waves, lengths), embedding=torch.zeros(8))


def always_four(self: Any, waves: Tensor, lengths: Tensor) -> Prediction:
    return Prediction(ahead(self, waves, lengths).scores[:, :4])


def nan_on_silence(self: Any, waves: Tensor, lengths: Tensor) -> Prediction:
    return Prediction(ahead(self, waves, lengths).scores / waves.abs().amax(1, keepdim=True))


def nan_when_short(self: Any, waves: Tensor, lengths: Tensor) -> Prediction:
    return Prediction(ahead(self, waves, lengths).scores / (waves.shape[1] != 1))


def relative_to_mates(self: Any, waves: Tensor, lengths: Tensor) -> Prediction:
    return Prediction(ahead(self, waves, lengths).scores + waves[1:].sum())


def unmasked(self: Any, waves: Tensor, lengths: Tensor) -> Prediction:
    return ahead(self, waves, torch.full_like(lengths, waves.shape[1]))


def detached_waves(self: Any, waves: Tensor, lengths: Tensor) -> Prediction:
    return ahead(self, waves.detach(), lengths)


def negative(self: Any, prediction: Prediction, batch: Any) -> Tensor:
    return ProbeBackend.loss(self, prediction, batch) - 5


def features(self: Any, waves: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    return waves, lengths


def classify(self: Any, waves: Tensor, lengths: Tensor) -> Prediction:
    return Prediction(ahead(self, waves, lengths).scores + 1)


def uphill(self: Any, prediction: Prediction, batch: Any) -> Tensor:
    losses = ProbeBackend.loss(self, prediction, batch)
    return 2 * losses.detach() + losses.detach() - (losses - losses.detach()) - losses.detach()


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"forward": bare_scores}, "returns a Tensor; a backend returns Prediction"),
        ({"forward": per_frame}, r"its scores have the shape \(4, 1, 4\) for 4 clips and 4 classes"),
        ({"forward": flat_embedding}, r"its embedding has the shape \(8,\) for 4 clips"),
        ({"forward": always_four}, "has 4 scores for a task of 7 labels"),
        ({"forward": nan_when_short}, "scores are not finite for 1 samples"),
        ({"forward": nan_on_silence}, "scores are not finite for silence"),
        ({"forward": relative_to_mates}, "scores change by .* when the batch mates change"),
        ({"forward": unmasked}, "scores change by .* when the clip is padded"),
        ({"forward": detached_waves}, "no gradient of its loss reaches the waves"),
        ({"loss": negative}, "its loss is negative"),
        ({"features": features, "classify": classify}, "differs from forward.waves. by 1"),
        ({"loss": uphill}, "10 steps on one batch leave the loss at"),
    ],
    ids=lambda value: "_".join(getattr(v, "__name__", "") for v in value.values()) if isinstance(value, dict) else "",
)
def test_a_broken_backend(members: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        check_backend(broken(ProbeBackend, **members), dropout=0.0)


# Couplings


class Sound:
    """The frontend learns, then the backend.

    Source: nobody.
    """

    def phases(self, frontend: Any, backend: Any) -> list[Phase]:
        return [learn_frontend(frontend), learn_backend(backend, "clean")]


def altered(**changes: Any) -> Any:
    def phases(self: Any, frontend: Any, backend: Any) -> list[Phase]:
        return [replace(learn_frontend(frontend), **changes)]

    return phases


def silent(self: Any, frontend: Any, backend: Any) -> list[Phase]:
    return []


def namesakes(self: Any, frontend: Any, backend: Any) -> list[Phase]:
    return [learn_frontend(frontend), learn_frontend(frontend)]


def listed(self: Any, frontend: Any, backend: Any) -> list[Any]:
    return [("frontend", learn_frontend(frontend))]


def heating(self: Any, frontend: Any, backend: Any) -> list[Phase]:
    """The backend moves the frontend's BatchNorm statistics."""

    def step(batch: Any, update: Any) -> Mapping[str, Tensor]:
        with learning(frontend), torch.no_grad():
            frontend(batch.noisy, batch.lengths)
        return learn_backend(backend, "noisy").step(batch, update)

    return [Phase("backend", ("backend",), "noisy", step)]


def idle(self: Any, frontend: Any, backend: Any) -> list[Phase]:
    return [Phase("joint", ("frontend", "backend"), "noisy", learn_frontend(frontend).step)]


def littering(self: Any, frontend: Any, backend: Any) -> list[Phase]:
    def step(batch: Any, update: Any) -> Mapping[str, Tensor]:
        logged = learn_backend(backend, "noisy").step(batch, update)
        frontend.loss(frontend.eval()(batch.noisy, batch.lengths), batch).sum().backward()
        return logged

    return [Phase("backend", ("backend",), "noisy", step)]


def logging(value: Any) -> Any:
    def phases(self: Any, frontend: Any, backend: Any) -> list[Phase]:
        def step(batch: Any, update: Any) -> Any:
            learn_frontend(frontend).step(batch, update)
            return value() if callable(value) else value

        return [Phase("frontend", ("frontend",), "noisy", step)]

    return phases


def refusing(self: Any, frontend: Any, backend: Any) -> list[Phase]:
    if not list(frontend.parameters()):
        raise SefrontError("no")
    return Sound.phases(self, frontend, backend)  # type: ignore[arg-type]


def probing(harm: str) -> Any:
    """Phases whose probe does what a probe must not."""

    def phases(self: Any, frontend: Any, backend: Any) -> list[Phase]:
        def probe(batch: Any, update: Any) -> Mapping[str, Tensor]:
            if harm == "buffers":
                frontend(batch.noisy, batch.lengths)
            if harm == "gradients":
                frontend.out.weight.sum().backward()
            if harm == "modes":
                frontend.eval()
            return {"cosine": torch.zeros(2 if harm == "numbers" else ())}

        return [replace(learn_frontend(frontend), probe=probe)]

    return phases


def stumbling(self: Any, frontend: Any, backend: Any) -> list[Phase]:
    def step(batch: Any, update: Any) -> Mapping[str, Tensor]:
        losses = frontend.loss(frontend(batch.noisy, batch.lengths), batch) * sum(p.sum() for p in backend.parameters())
        return {"loss": update(losses, "frontend", "backend")}

    return [Phase("joint", ("frontend", "backend"), "noisy", step)]


def drifting(self: Any, frontend: Any, backend: Any) -> list[Phase]:
    type(self).scale = getattr(type(self), "scale", 1.0) * 2
    scale = type(self).scale

    def step(batch: Any, update: Any) -> Mapping[str, Tensor]:
        return {"loss": learn_frontend(frontend).step(batch, update)["loss_frontend"] * scale}

    return [Phase("frontend", ("frontend",), "noisy", step)]


def teaching(learner: str, taught: str) -> Any:
    """A phase that says that `learner` learns, and teaches `taught`, which is a branch or one's head."""

    def phases(self: Any, frontend: Any, backend: Any) -> list[Phase]:
        home = backend.branches[taught] if hasattr(backend, "branches") else backend

        def step(batch: Any, update: Any) -> Mapping[str, Tensor]:
            with torch.no_grad(), learning(home):
                home(batch.noisy, batch.lengths)
            losses = sum(p.square().sum() for p in update.learners[learner].parameters).expand(len(batch.ids))
            return {"loss": update(losses, learner)}

        return [Phase("one", (learner,), "noisy", step)]

    return phases


class Turning(Sound):
    """Takes turns.

    Source: nobody.
    """

    chain = ("frontend",)

    def __init__(self) -> None:
        self.turn = 0

    def phases(self, frontend: Any, backend: Any) -> list[Phase]:
        def step(batch: Any, update: Any) -> Mapping[str, Tensor]:
            self.turn += 1
            return {**learn_frontend(frontend).step(batch, update), "turn": torch.tensor(float(self.turn))}

        return [Phase("frontend", ("frontend",), "noisy", step)]

    def state_dict(self) -> dict[str, Any]:
        return {"turn": self.turn}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.turn = int(state.get("turn", 0))


def test_a_coupling_with_a_state() -> None:
    check_coupling(Turning)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"state_dict": lambda self: {}}, "goes on otherwise in phase frontend after its state_dict was loaded"),
        ({"load_state_dict": lambda self, state: None}, "goes on otherwise in phase frontend after its state_dict"),
        (
            {"state_dict": lambda self: {"turn": Path("3")}},
            "its state_dict cannot be kept .* put tensors, numbers, words",
        ),
    ],
)
def test_a_coupling_that_forgets(members: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        check_coupling(broken(Turning, **members))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            {"joins": True, "phases": teaching("backend.one", "other")},
            r"changes branches.other.norm[.\w, ]* of the backend,",
        ),
        (
            {"joins": True, "phases": teaching("backend.third", "one")},
            "has the learner 'backend.third', but this backend",
        ),
        (
            {"phases": teaching("backend.one", "one")},
            "has the learner 'backend.one', but this backend has no such branch",
        ),
    ],
)
def test_a_coupling_that_mistakes_branches(members: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        check_coupling(broken(Sound, **members))


def test_a_coupling_that_teaches_one_branch() -> None:
    check_coupling(broken(Sound, joins=True, phases=teaching("backend.one", "one")))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"chain": ("middle",)}, "its chain is .'middle',.; it holds"),
        ({"chain": ("frontend",), "phases": altered(learners=("backend",))}, "of which its chain .* lacks .'backend'"),
        ({"phases": listed}, "not all of the class Phase"),
        ({"phases": silent}, "has no phase, so nothing would ever learn"),
        ({"phases": namesakes}, "two of its phases have one name: frontend, frontend"),
        ({"phases": altered(name="Step one")}, "phase 'Step one' cannot be named on the command line"),
        ({"phases": altered(learners=())}, r"has the learners \(\)"),
        ({"phases": altered(sees="anything")}, "sees 'anything', which is none of clean, noisy, enhanced"),
        ({"phases": altered(epochs=0)}, "lasts 0 epochs; at least 1"),
        ({"phases": altered(keep=lambda: 3)}, "keeps a int; `keep` returns ids"),
        ({"phases": heating}, "changes norm.running_mean, .* of the frontend, which is not among its learners"),
        ({"phases": idle}, "does not move the backend, which is among its learners"),
        ({"phases": littering}, "leaves gradients on the frontend"),
        ({"phases": logging({})}, "returns no log"),
        ({"phases": logging({"loss": 1.0})}, "'loss', logged by phase frontend, is no tensor of one number"),
        ({"phases": logging({"loss": torch.zeros(2)})}, "is no tensor of one number, nor of one for each of 4 samples"),
        ({"phases": logging({"loss": torch.tensor(torch.nan)})}, "'loss', logged by phase frontend, is nan"),
        ({"phases": logging(lambda: {"loss": torch.ones(1, requires_grad=True).sum()})}, "still has its graph"),
        ({"phases": probing("buffers")}, "the probe of phase frontend changes norm.running_mean, .* of the frontend"),
        ({"phases": probing("gradients")}, "the probe of phase frontend leaves gradients on the frontend"),
        ({"phases": probing("modes")}, "the probe of phase frontend leaves a part in another mode"),
        ({"phases": probing("numbers")}, "'cosine', logged by phase frontend, is no tensor of one number$"),
        ({"phases": refusing}, "refuses a frontend with nothing to train with 'no'; name the frontend"),
        ({"phases": stumbling}, "fails with a frontend that has nothing to train .KeyError: 'frontend'"),
        ({"phases": drifting}, "behaves differently when it is built from its recorded options"),
    ],
)
def test_a_broken_coupling(members: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        check_coupling(broken(Sound, **members))


def test_a_sound_coupling() -> None:
    check_coupling(Sound)


def test_enhanced_waves_need_a_frontend() -> None:
    def phases(self: Any, frontend: Any, backend: Any) -> list[Phase]:
        return [replace(learn_backend(backend, "noisy"), sees="enhanced")]

    with pytest.raises(ConformanceError, match=r"sees enhanced waves, but its chain .* has no frontend"):
        check_coupling(broken(Sound, chain=("backend",), phases=phases))


def test_a_coupling_without_phases() -> None:
    class Plain:
        """Source: nobody."""

    with pytest.raises(ConformanceError, match="lacks the method `phases`"):
        check_coupling(Plain)


# Corpora


class Audio:
    """Noise of 0.1 s, `gain` high; what it says about its length is off by `off` seconds."""

    def __init__(self, gain: float = 0.5, off: float = 0.0, kind: Any = np.float32) -> None:
        self.gain, self.off, self.kind = gain, off, kind

    def duration(self) -> float:
        return 0.1 + self.off

    def read(self, sample_rate: int) -> Any:
        return np.full(round(0.1 * sample_rate), self.gain, dtype=self.kind)


class Long(Audio):
    """The same for 0.2 s."""

    def duration(self) -> float:
        return 0.2

    def read(self, sample_rate: int) -> Any:
        return np.tile(super().read(sample_rate), 2)


class Voices:
    """Two clips of two classes in each split.

    Source: nobody.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root

    def role(self) -> str:
        return "speech"

    def task(self) -> Task | None:
        return Task("classification", ("no", "yes"), "uar")

    def clips(self, split: str) -> list[Clip]:
        return [Clip(f"{split}-{label}", Audio(), label, f"{split}'s", split) for label in ("yes", "no")]

    def problems(self) -> list[str]:
        return []

    def card(self) -> Card:
        return Card("free", "nobody", "small", "nowhere", ("speaker", "session", "recording"))


def clips_with(**changes: Any) -> Any:
    def clips(self: Any, split: str) -> list[Clip]:
        return [replace(clip, **changes) for clip in Voices.clips(self, split)]

    return clips


def untaught(self: Any, split: str) -> list[Clip]:
    return [clip for clip in Voices.clips(self, split) if clip.target == "yes"]


def some_recorded(self: Any, split: str) -> list[Clip]:
    return [replace(clip, recorded=clip.target == "yes") for clip in Voices.clips(self, split)]


def reordered(self: Any, split: str) -> list[Clip]:
    type(self).asked = getattr(type(self), "asked", 0) + 1
    return Voices.clips(self, split)[:: 1 if type(self).asked % 2 else -1]


def card_with(**changes: Any) -> Any:
    return lambda self: replace(Voices.card(self), **changes)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"role": lambda self: "music"}, "its role is 'music'"),
        ({"problems": lambda self: ["a.wav: gone"]}, "reports 1 problems, the first: a.wav: gone"),
        ({"clips": lambda self, split: []}, "has no clips in any split"),
        ({"noise_clips": clips_with(id="x")}, "uses the id 'x' for noise clips more than once"),
        ({"clips": clips_with(id="x")}, "uses the id 'x' for clips more than once; ids are unique over all splits"),
        ({"clips": reordered}, "gives its clips of the train split in another order"),
        ({"clips": clips_with(audio=Audio(off=-0.1))}, "clip train-yes lasts 0.0 seconds"),
        ({"clips": clips_with(audio=Audio(off=1.0))}, "clip train-yes has 0.100 s of samples but says 1.100 s"),
        ({"clips": clips_with(audio=Audio(kind=np.float64))}, "is read as float64 of shape"),
        ({"clips": clips_with(audio=Audio(gain=np.nan))}, "holds samples that are not finite"),
        ({"clips": clips_with(audio=Audio(gain=1.5))}, "peaks at 1.5; recordings lie in"),
        ({"clips": clips_with(reference=Audio())}, "has a clean reference but does not say that it is recorded"),
        ({"clips": clips_with(recorded=True, reference=Audio(gain=2))}, r"train-yes \(reference\) peaks at 2"),
        (
            {"clips": clips_with(recorded=True, reference=Long())},
            "clip train-yes has a reference of 3200 samples, but 1600 itself; they are aligned by sample",
        ),
        ({"clips": some_recorded}, "has clips recorded in noise and others in its train split"),
        ({"clips": clips_with(speaker="one")}, "splits keep each speaker apart, but speaker one is in train and valid"),
        ({"clips": clips_with(session="one")}, "splits keep each session apart, but session one is in"),
        ({"clips": clips_with(target="maybe")}, "clips of the train split have the target 'maybe'"),
        ({"clips": untaught}, "its task lists 'no', of which the train split has no clip"),
        ({"task": lambda self: Task("classification", (), "uar")}, "its task has no labels"),
        ({"card": card_with(licence=" ")}, "its card says nothing about the licence"),
        ({"card": card_with(apart=("weather",))}, "its card keeps 'weather' apart; known: speaker, session, recording"),
    ],
)
def test_a_broken_corpus(members: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        check_corpus(broken(Voices, **members), None)


def test_a_sound_corpus() -> None:
    check_corpus(Voices, None)


def test_a_corpus_recorded_in_noise() -> None:
    check_corpus(broken(Voices, clips=clips_with(recorded=True)), None)
    check_corpus(broken(Voices, clips=clips_with(recorded=True, reference=Audio(0.1))), None)


def test_a_corpus_without_labels() -> None:
    check_corpus(broken(Voices, task=lambda self: None), None)


def test_a_corpus_without_a_card() -> None:
    class Plain:
        """Source: nobody."""

        def __init__(self, root: Path | None) -> None:
            self.root = root

    with pytest.raises(ConformanceError, match="Plain: lacks methods of Corpus"):
        check_corpus(Plain, None)


# Metrics


def card_of(kind: type, **changes: Any) -> Any:
    return lambda self: replace(kind.card(self), **changes)  # type: ignore[attr-defined]


def metric_card(**changes: Any) -> Any:
    return card_of(UAR, **changes)


def returning(change: Any) -> Any:
    return lambda self, truth, estimate, **facts: change(UAR()(truth, estimate))


def without_facts(self: Any, truth: Any, estimate: Any) -> float:
    return SISDR()(truth, estimate)


def in_place(self: Any, truth: Any, estimate: Any, **facts: Any) -> float:
    value = UAR()(truth, estimate)
    estimate[0] = 7
    return value


def moody(self: Any, truth: Any, estimate: Any, **facts: Any) -> float:
    type(self).calls = getattr(type(self), "calls", 0) + 1
    value = UAR()(truth, estimate)
    return value if value == 100 else value / type(self).calls


def by_instance(self: Any, truth: Any, estimate: Any, **facts: Any) -> float:
    if not hasattr(self, "number"):
        type(self).instances = self.number = getattr(type(self), "instances", 0) + 1
    value = UAR()(truth, estimate)
    return value if value == 100 else value / self.number


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"card": lambda self: {"compares": "labels"}}, "its card is a dict, not a MetricCard"),
        ({"card": metric_card(compares="colours")}, "its card compares 'colours', which is none of waves, labels"),
        ({"card": metric_card(over="time")}, "its card over 'time', which is none of clip, set"),
        ({"card": metric_card(of="song")}, "its card of 'song', which is none of speech, any"),
        ({"card": metric_card(bounds=(100.0, 0.0))}, r"its bounds are \(100.0, 0.0\); the smallest"),
        ({"card": metric_card(bounds=(0.0, 1.0))}, "returns 100, which is outside its bounds 0 to 1"),
        ({"card": metric_card(higher_is_better=False)}, "gives 100 when the estimate is the truth, .* promises 0"),
        ({"card": metric_card(citation="")}, "cites nothing"),
        ({"__call__": returning(np.float64)}, "returns a float64; a metric returns a float"),
        ({"__call__": returning(lambda value: 100.0)}, "for the truth and two estimates that are worse"),
        ({"__call__": in_place}, "changes what it was given"),
        ({"__call__": moody}, "for the same estimates"),
        ({"__call__": by_instance}, "behaves differently when it is built from its recorded options"),
    ],
)
def test_a_broken_metric(members: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        check_metric(broken(UAR, **members))


def test_a_metric_of_waves_receives_the_sample_rate() -> None:
    with pytest.raises(ConformanceError, match=r"cannot be called as metric.truth, estimate, \*\*facts.*sample_rate"):
        check_metric(broken(SISDR, __call__=without_facts))


def from_the_first(self: Any, counts: Any) -> float:
    return float(10 * (np.asarray(counts)[1] > 0))


def texts_by_length(self: Any, truth: str, estimate: str) -> list[float]:
    return [float(letter == other) for letter, other in zip(truth, estimate, strict=False)]


def as_a_set(kind: type) -> Any:
    return lambda self, truth, estimate, **facts: kind()(truth, estimate)


def swallowing(self: Any, truth: Any, estimate: Any, **facts: Any) -> float:
    value = WER()(truth, estimate)
    estimate[0] = ""
    return value


def rubbing_out(self: Any, truth: Any, estimate: Any, **facts: Any) -> float:
    value = CCC()(truth, estimate)
    estimate[0] *= 0
    return value


def backwards(self: Any, truth: Any, estimate: Any) -> Any:
    return CCC.counts(self, truth, estimate[::-1])


@pytest.mark.parametrize(
    ("kind", "members", "message"),
    [
        (WER, {"__call__": as_a_set(WER), "counts": None}, "lacks methods of Additive: counts and value"),
        (WER, {"__call__": as_a_set(WER), "value": from_the_first}, "gives 14.2857 for a set, but 10 from the sum of"),
        (WER, {"__call__": as_a_set(WER), "counts": texts_by_length}, "counts .0,. and .3,. and .22,. numbers in two"),
        (WER, {"__call__": swallowing}, "changes what it was given"),
        (WER, {"card": card_of(WER, bounds=(0.0, 100.0))}, "returns 128.571, which is outside its bounds 0 to 100"),
        (CCC, {"__call__": rubbing_out}, "changes what it was given"),
        (CCC, {"__call__": as_a_set(CCC), "counts": backwards}, "gives 1 for a set, but .* from the sum of its clips"),
        (RMSE, {"card": card_of(RMSE, higher_is_better=True)}, "gives 0 when the estimate is the truth, .* inf"),
    ],
)  # fmt: skip
def test_a_broken_metric_of_answers(kind: type, members: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        check_metric(broken(kind, **members))


def share_of_texts(self: Any, truth: Any, estimate: Any, **facts: Any) -> float:
    return 100 * float(np.mean([one != other for one, other in zip(truth, estimate, strict=True)]))


def test_a_metric_of_clips_need_not_sum_up() -> None:
    check_metric(broken(UAR, __call__=share_of_texts, card=card_of(WER, over="clip")))


def test_a_metric_of_what_the_kit_has_no_example_for() -> None:
    card = MetricCard("scores", "set", "", (-1.0, 1.0), True, "nobody")
    check_metric(broken(UAR, card=lambda self: card, __call__=lambda self, truth, estimate: 3.0))


def test_a_metric_without_a_card() -> None:
    class Plain:
        """Source: nobody."""

    with pytest.raises(ConformanceError, match="Plain: lacks methods of Metric"):
        check_metric(Plain)
