"""Continuous emotion: sizes, receptive fields, lengths on the way down and up, padding, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from sefront.backends.emotion_blstm import EmotionBLSTM
from sefront.backends.emotion_dilated import EmotionDilated
from sefront.backends.emotion_downup import EmotionDownUp, middle, pooled
from sefront.backends.emotion_prelim import EmotionPrelim
from sefront.core.affect import Tracer
from sefront.core.clips import Task
from sefront.core.recipe import Recipe
from sefront.core.types import Batch
from sefront.testing import check_backend

BOTH = Task("trace", ("arousal", "valence"), "ccc", frame_rate=25.0)
ONE = Task("trace", ("arousal",), "ccc", frame_rate=25.0)
SMALL: list[tuple[type[Tracer], dict[str, Any]]] = [
    (EmotionPrelim, {"length": 9}),
    (EmotionPrelim, {"length": 8}),
    (EmotionDilated, {"depth": 4, "width": 6}),
    (EmotionDilated, {"depth": 4, "width": 6, "kernel": 2}),
    (EmotionDownUp, {"width": 6}),
    (EmotionDownUp, {"width": 6, "kernel": 5, "factor": 2, "depth": 2}),
    (EmotionBLSTM, {"width": 6}),
]


def network(component: type[Tracer], task: Task = BOTH, **options: Any) -> Any:
    """An instance in eval mode whose biases are not zero, so that masking shows."""
    torch.manual_seed(0)
    built = component(task, 16000, **options).eval()
    for name, value in built.named_parameters():
        if "bias" in name:
            nn.init.normal_(value)
    return built


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("component", "task", "options", "count"), [
    (EmotionPrelim, ONE, {}, 160 * 512 + 1 + 2),
    (EmotionPrelim, BOTH, {"length": 2}, 2 * (160 * 2 + 1 + 2)),
    (EmotionDilated, ONE, {}, 15_392 + 9 * 3_104 + 33),
    (EmotionDilated, BOTH, {}, 15_392 + 9 * 3_104 + 66),
    (EmotionDownUp, BOTH, {}, 20_512 + 3 * 4_128 + 1_056 + 3 * 4_128 + 258),
    (EmotionDownUp, ONE, {"width": 128}, 82_048 + 3 * 65_664 + 16_512 + 3 * 65_664 + 513),
    (EmotionBLSTM, BOTH, {}, 2 * 57_856 + 2 * 49_664 + 258),
])  # fmt: skip
def test_number_of_parameters(component: type[Tracer], task: Task, options: dict[str, Any], count: int) -> None:
    assert sum(p.numel() for p in network(component, task, **options).parameters()) == count


@pytest.mark.parametrize(("component", "options", "before", "behind"), [
    (EmotionDilated, {}, 1023, 1023),  # 2047 frames
    (EmotionDilated, {"kernel": 2}, 511, 512),  # 1024 frames
    (EmotionDilated, {"depth": 3, "kernel": 4}, 10, 11),  # 1 + 3 (1 + 2 + 4) frames
    (EmotionPrelim, {}, 255, 256),
    (EmotionPrelim, {"length": 2}, 0, 1),
    (EmotionPrelim, {"length": 33}, 16, 16),
])  # fmt: skip
def test_receptive_field(component: type[Tracer], options: dict[str, int], before: int, behind: int) -> None:
    built, at = network(component, ONE, **options), behind + 3
    x = noise(1, 160, 2 * at).requires_grad_()
    built.trace(x, torch.tensor([2 * at]))[0, 0, at].backward()
    assert x.grad is not None
    reached = x.grad[0].abs().sum(0).nonzero()[:, 0]
    assert (int(reached[0]), int(reached[-1])) == (at - before, at + behind)


@pytest.mark.parametrize(("kernel", "up", "cut"), [(4, [280, 841, 2524, 7573], 36), (3, [279, 837, 2511, 7533], 16)])
def test_lengths_of_five_minutes_on_the_way_down_and_up(kernel: int, up: list[int], cut: int) -> None:
    built, sizes = network(EmotionDownUp, ONE, width=2, kernel=kernel), []
    layers = [*built.down, *(layer for layer in built.up if not isinstance(layer, nn.Tanh))]
    for layer in layers:
        layer.register_forward_hook(lambda _, __, y: sizes.append(y.shape[2]))
    whole: list[Tensor] = []
    layers[-1].register_forward_hook(lambda _, __, y: whole.append(y))
    with torch.no_grad():
        trace = built.trace(noise(1, 160, 7501), torch.tensor([7501]))
    assert sizes == [7501, 2501, 834, 278, 93, *up]
    assert torch.equal(trace, whole[0][..., cut : cut + 7501])


@pytest.mark.parametrize("options", [{}, {"kernel": 3}, {"kernel": 2, "factor": 2, "depth": 1}, {"kernel": 9}])
def test_up_gives_at_least_what_down_took(options: dict[str, int]) -> None:
    built, sizes = network(EmotionDownUp, ONE, width=1, **options), []
    built.up[-1].register_forward_hook(lambda _, __, y: sizes.append(y.shape[2]))
    for frames in (1, 2, 3, 4, 26, 27, 28, 81, 82, 100):
        assert built.trace(noise(1, 160, frames), torch.tensor([frames])).shape == (1, 1, frames)
        assert sizes.pop() >= frames


def test_pooling_takes_what_is_left_over_and_no_padding() -> None:
    x = torch.tensor([[[-1.0, -2, -3, -4, -5, 9, 9, 9], [1, 2, 3, 4, 5, 6, 7, 8]]])
    held, left = pooled(x, torch.tensor([5]), 3)
    assert held.tolist() == [[[-1, -4, 0], [3, 5, 0]]]
    assert left.tolist() == [2]


def test_each_clip_has_a_middle_of_its_own() -> None:
    x = torch.arange(12.0).expand(2, 1, 12)
    found = middle(x, torch.tensor([12, 7]), torch.tensor([6, 4]), 6)
    assert found[0, 0].tolist() == [3, 4, 5, 6, 7, 8]
    assert found[1, 0, :4].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(("component", "options"), SMALL)
def test_contract(component: type[Tracer], options: dict[str, Any]) -> None:
    check_backend(component, **options)


@pytest.mark.parametrize(("component", "options"), SMALL)
@pytest.mark.parametrize("frames", [1, 26, 81, 100, 163])
def test_padding_does_not_matter(component: type[Tracer], options: dict[str, Any], frames: int) -> None:
    built, x = network(component, **options), noise(1, 160, frames)
    padded = torch.cat([pad(x, (0, 200 - frames)), noise(1, 160, 200, seed=2)])
    with torch.no_grad():
        alone = built.classify(x, torch.tensor([frames]))
        together = built.classify(padded, torch.tensor([frames, 200]))
    torch.testing.assert_close(together.scores[:1, :frames], alone.scores, atol=1e-5, rtol=1e-5)
    assert not together.scores[0, frames:].any()
    assert together.lengths.tolist() == [frames, 200]


@pytest.mark.parametrize(("component", "options"), SMALL)
def test_a_frontend_learns_through_labels_that_end_earlier(component: type[Tracer], options: dict[str, Any]) -> None:
    built = network(component, ONE, **options)
    waves = (0.1 * noise(2, 16000)).requires_grad_()
    lengths, labelled = torch.tensor([16000, 9000]), torch.tensor([24, 14])
    target = noise(2, 24, 1, seed=3)
    losses = built.loss(built(waves, lengths), Batch(waves, None, lengths, target, labelled, ("a", "b"), lengths))
    assert losses.shape == (2,)
    losses.sum().backward()
    assert waves.grad is not None
    assert bool(waves.grad.isfinite().all())
    assert bool(waves.grad[0].any())
    assert bool(waves.grad[1].any())
    assert not waves.grad[1, 9000:].any()


def test_the_recipe_of_the_paper() -> None:
    for component in (EmotionPrelim, EmotionDilated, EmotionDownUp, EmotionBLSTM):
        assert component.recipe == Recipe(lr=1e-4, weight_decay=1e-4, batch_size=1)
        assert component.toy == "affect"


def test_the_lstm_reads_in_full_precision() -> None:
    built, x, frames = network(EmotionBLSTM), noise(2, 160, 40), torch.tensor([40, 30])
    whole = built.classify(x, frames).scores
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(built.classify(x, frames).scores, whole)
    hidden, _ = built.lstm(x[:1].transpose(1, 2))
    torch.testing.assert_close(whole[:1], built.head(hidden))


@pytest.mark.parametrize(("component", "options", "message"), [
    (EmotionPrelim, {"length": 0}, "length must be at least 1 frame, but is 0"),
    (EmotionDilated, {"depth": 0}, "depth, width and kernel must be at least 1, but they are 0, 32 and 3"),
    (EmotionDownUp, {"kernel": 2}, "kernel at least factor, but they are 32, 4, 3 and 2"),
    (EmotionDownUp, {"factor": 1}, "factor at least 2 .* 32, 4, 1 and 4"),
    (EmotionBLSTM, {"layers": 0}, "width and layers must be at least 1, but they are 64 and 0"),
])  # fmt: skip
def test_options_out_of_range(component: type[Tracer], options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network(component, **options)


@pytest.mark.parametrize("component", [EmotionPrelim, EmotionDilated, EmotionDownUp, EmotionBLSTM])
def test_other_tasks_are_refused(component: type[Tracer]) -> None:
    with pytest.raises(ValueError, match="the task is classification; name a corpus with traces"):
        component(Task("classification", ("a", "b"), "uar"), 16000)
