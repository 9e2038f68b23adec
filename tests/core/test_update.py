from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from probes import SGD, Gain, batch_of, pair, same, same_dropout
from torch import Tensor, nn

from sefront.core.checkpoint import weights_of
from sefront.core.errors import SefrontError
from sefront.core.phases import learn_frontend
from sefront.core.recipe import Recipe
from sefront.core.update import Update
from sefront.frontends.unet import UNet


def update_of(recipe: Recipe = SGD, epochs: int = 1, **modules: nn.Module) -> Update:
    return Update(modules, dict.fromkeys(modules, recipe), epochs=epochs)


def test_a_step_is_on_the_mean_of_the_losses() -> None:
    gain = Gain(1.0)
    loss = update_of(one=gain)(gain.a * torch.tensor([1.0, 2.0, 6.0]), "one")
    assert float(loss) == pytest.approx(3)
    assert float(gain.a.detach()) == pytest.approx(1 - SGD.lr * 3)
    assert not loss.requires_grad


def test_weights_multiply_and_are_summed() -> None:
    gain = Gain(1.0)
    loss = update_of(one=gain)(gain.a * torch.tensor([1.0, 2.0, 6.0]), "one", weights=torch.tensor([0.5, 0.25, 0.0]))
    assert float(loss) == pytest.approx(1)
    assert float(gain.a.detach()) == pytest.approx(1 - SGD.lr)


@pytest.mark.parametrize("shape", [(), (2, 3), (2, 1)])
def test_a_loss_that_is_not_per_sample_is_refused(shape: tuple[int, ...]) -> None:
    gain = Gain()
    with pytest.raises(SefrontError, match=r"a loss is per sample, \(batch,\), but has the shape"):
        update_of(one=gain)(gain.a * torch.ones(shape), "one")


def test_only_the_named_learners_move() -> None:
    one, other = Gain(), Gain()
    update = update_of(one=one, other=other)
    update((one.a * other.a).reshape(1), "one")
    assert float(one.a.detach()) != pytest.approx(0.7)
    assert float(other.a.detach()) == pytest.approx(0.7)


def test_no_gradient_is_left_and_none_reaches_others() -> None:
    one, other = Gain(), Gain()
    update_of(one=one, other=other)((one.a * other.a).reshape(1), "one")
    assert one.a.grad is None
    assert other.a.grad is None


def test_gradients_do_not_add_up_over_steps() -> None:
    gain = Gain(1.0)
    update = update_of(one=gain)
    for _ in range(2):
        update(gain.a * torch.ones(4), "one")
    assert float(gain.a.detach()) == pytest.approx(1 - 2 * SGD.lr)


def test_a_step_may_add_up_over_several_losses() -> None:
    """As if they had come at once; clipping and Adam see the sum alone."""
    parts, whole = Gain(1.0), Gain(1.0)
    losses, weights = torch.tensor([1.0, 2.0, 6.0]), torch.tensor([0.5, 0.25, 0.25])
    recipe = Recipe(lr=0.1, clip=1.0)
    update = update_of(recipe, one=parts)
    for _ in range(2):
        update(parts.a * losses[:1], "one", weights=weights[:1], more=True)
        before = float(parts.a.detach())
        update(parts.a * losses[1:], "one", weights=weights[1:])
        assert float(parts.a.detach()) != before
        assert parts.a.grad is None
    other = update_of(recipe, one=whole)
    for _ in range(2):
        other(whole.a * losses, "one", weights=weights)
    assert float(parts.a.detach()) == pytest.approx(float(whole.a.detach()))
    assert update.log() == pytest.approx(other.log())


def test_nobody_moves_while_there_is_more() -> None:
    gain = Gain(1.0)
    update_of(one=gain)(gain.a * torch.ones(2), "one", more=True)
    assert float(gain.a.detach()) == 1


def test_it_knows_the_epoch() -> None:
    update = update_of(one=Gain())
    assert update.epoch == 0
    update.begin(3)
    assert update.epoch == 3


@pytest.mark.parametrize(("clip", "moved"), [(None, 5.0), (10.0, 5.0), (2.0, 2.0)])
def test_clipping_bounds_the_norm(clip: float | None, moved: float) -> None:
    module = nn.Linear(2, 1, bias=False)
    before = module.weight.detach().clone()
    update = update_of(Recipe(algorithm="sgd", lr=1.0, clip=clip), one=module)
    update(module(torch.tensor([[3.0, 4.0]]))[:, 0], "one")
    assert float((module.weight.detach() - before).norm()) == pytest.approx(moved, rel=1e-4)
    assert update.log()["norm_one"] == pytest.approx(5)


def test_frozen_parameters_stay() -> None:
    frontend, _ = pair()
    frontend.into.requires_grad_(False)
    before = weights_of(frontend.into)
    learn_frontend(frontend).step(batch_of(), update_of(frontend=frontend))
    assert same(weights_of(frontend.into), before)


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [0.1, 0.1, 0.1, 0.1, 0.1, 0.1]),
        ("step", [0.1, 0.1, 0.01, 0.01, 0.01, 0.01]),
        ("stages", [0.1, 0.1, 0.01, 0.01, 0.001, 0.001]),
        ("cosine", [0.05 * (1 + math.cos(math.pi * epoch / 6)) for epoch in range(6)]),
    ],
)
def test_schedules(schedule: Any, rates: list[float]) -> None:
    gain = Gain()
    update = update_of(Recipe(algorithm="sgd", lr=0.1, schedule=schedule, step=2), epochs=6, one=gain)
    found, moved = [], []
    for epoch in range(6):
        update.begin(epoch)
        before = float(gain.a.detach())
        update(gain.a * torch.ones(2), "one")
        update.end(-1.0)
        moved.append(before - float(gain.a.detach()))
        found.append(update.log()["lr_one"])
    assert found == pytest.approx(rates)
    assert moved == pytest.approx(rates, rel=1e-4)


def test_plateau_waits_for_a_better_score() -> None:
    update = update_of(Recipe(algorithm="sgd", lr=0.1, schedule="plateau", step=2), one=Gain())
    rates = []
    for epoch, score in enumerate([1.0, 2.0, 1.5, 1.5, 3.0, 1.0, 1.0]):
        update.begin(epoch)
        rates.append(update.log()["lr_one"])
        update.end(score)
    assert [*rates, update.log()["lr_one"]] == pytest.approx([0.1] * 4 + [0.01] * 3 + [0.001])


@pytest.mark.parametrize(("schedule", "known"), [("plateau", True), ("constant", False), ("step", False)])
def test_only_a_plateau_keeps_count_of_scores(schedule: Any, known: bool) -> None:
    learner = update_of(Recipe(algorithm="sgd", lr=0.1, schedule=schedule), one=Gain()).learners["one"]
    assert (learner.plateau is not None) == known
    assert bool(learner.state()["plateau"]) == known


def test_the_log_starts_anew_each_epoch() -> None:
    gain = Gain()
    update = update_of(one=gain)
    update.begin(0)
    update(gain.a * torch.tensor([2.0]), "one")
    update(gain.a * torch.tensor([4.0]), "one")
    assert update.log() == pytest.approx({"lr_one": 0.1, "norm_one": 3.0})
    update.begin(1)
    assert update.log() == {"lr_one": 0.1}


@pytest.mark.parametrize("algorithm", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("schedule", ["plateau", "cosine"])
def test_a_saved_state_goes_on_exactly(algorithm: Any, schedule: Any) -> None:
    recipe = Recipe(algorithm=algorithm, lr=0.01, momentum=0.9, weight_decay=0.01, schedule=schedule, step=1)
    (one, _), (other, _) = pair(), pair()
    first, second = (update_of(recipe, epochs=6, frontend=frontend) for frontend in (one, other))
    epochs(first, one, range(3))
    file = io.BytesIO()
    torch.save(first.state(), file)
    file.seek(0)
    second.load(torch.load(file, weights_only=True))
    other.load_state_dict(weights_of(one))
    epochs(first, one, range(3, 6))
    epochs(second, other, range(3, 6))
    assert same(weights_of(one), weights_of(other))
    assert first.log() == second.log()


def epochs(update: Update, frontend: Any, numbers: range) -> None:
    for epoch in numbers:
        update.begin(epoch)
        with same_dropout(epoch):
            learn_frontend(frontend).step(batch_of(seed=epoch), update)
        update.end(-float(epoch))


# bfloat16


def unet_step(bf16: bool) -> tuple[float, Tensor, Mapping[str, Any]]:
    """Loss, all gradients and what the frontend returned."""
    torch.manual_seed(0)
    frontend, batch = UNet(16000, width=4, depth=2), batch_of(2, samples=6000)
    update = Update({"frontend": frontend}, {"frontend": SGD}, bf16=bf16)
    gradients: list[Tensor] = []
    update.learners["frontend"].optimiser.register_step_pre_hook(
        lambda *_: gradients.extend(p.grad.flatten() for p in frontend.parameters() if p.grad is not None)
    )
    seen: dict[str, Any] = {}
    frontend.register_forward_hook(
        lambda module, _, out: seen.update(waves=out.waves.dtype, mask=out.extras["mask"].dtype)
    )
    frontend.head.register_forward_hook(lambda module, _, out: seen.update(head=out.dtype))
    with update.precision(torch.device("cpu")):
        logged = learn_frontend(frontend).step(batch, update)
        seen["spectrum"], seen["loss"] = frontend.stft(batch.noisy).dtype, logged["loss_frontend"].dtype
    return float(logged["loss_frontend"]), torch.cat(gradients), seen


def test_a_step_in_bfloat16_is_close_to_one_in_float32() -> None:
    (loss, gradient, _), (wanted, reference, _) = unet_step(True), unet_step(False)
    assert loss == pytest.approx(wanted, abs=1e-2)
    assert float(torch.cosine_similarity(gradient, reference, dim=0)) > 0.99
    assert gradient.dtype == torch.float32


@pytest.mark.parametrize(("bf16", "inside"), [(True, torch.bfloat16), (False, torch.float32)])
def test_transforms_and_losses_stay_in_float32(bf16: bool, inside: torch.dtype) -> None:
    _, _, seen = unet_step(bf16)
    assert seen == {
        "waves": torch.float32, "mask": torch.float32, "head": inside, "spectrum": torch.complex64,
        "loss": torch.float32,
    }  # fmt: skip


def test_the_second_step_in_one_block_sees_the_weights_of_the_first() -> None:
    """Autocast would keep the cast weights of the first step."""
    module = nn.Linear(4, 1)
    update = Update({"one": module}, {"one": SGD}, bf16=True)
    ones = torch.ones(2, 4)
    with update.precision(torch.device("cpu")):
        update(module(ones).float()[:, 0], "one")
        inside = module(ones)
    with update.precision(torch.device("cpu")):
        assert torch.equal(inside, module(ones))
