from __future__ import annotations

import pytest
import torch
from probes import Gain, batch_of, pair, same
from torch import nn

from sefront.core.checkpoint import weights_of
from sefront.core.modes import judging, learning, mode, trainable


def test_judging_freezes_statistics_and_records_no_gradient() -> None:
    frontend, _ = pair()
    before, batch = weights_of(frontend), batch_of()
    with judging(frontend):
        one = frontend(batch.noisy, batch.lengths).waves
        other = frontend(batch.noisy, batch.lengths).waves
    assert same(weights_of(frontend), before)
    assert torch.equal(one, other)
    assert not one.requires_grad
    assert frontend.training


def test_learning_moves_statistics_and_records_gradients() -> None:
    frontend, _ = pair()
    frontend.eval()
    before, batch = weights_of(frontend), batch_of()
    with learning(frontend):
        assert frontend(batch.noisy, batch.lengths).waves.requires_grad
    assert not same(weights_of(frontend), before)
    assert not frontend.training


@pytest.mark.parametrize("train", [True, False])
def test_each_submodule_gets_its_own_mode_back(train: bool) -> None:
    frontend, backend = pair()
    frontend.norm.eval()
    backend.eval()
    backend.dropout.train()
    before = [m.training for root in (frontend, backend) for m in root.modules()]
    with mode(train, frontend, backend):
        assert {m.training for root in (frontend, backend) for m in root.modules()} == {train}
    assert [m.training for root in (frontend, backend) for m in root.modules()] == before


class Encoder(nn.Module):
    """A frozen encoder that stays in eval mode, whatever it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen, self.head = nn.BatchNorm1d(1), nn.Dropout()
        self.train()

    def train(self, mode: bool = True) -> Encoder:
        super().train(mode)
        self.frozen.eval()
        return self


def test_a_module_decides_which_of_its_parts_learn() -> None:
    module = nn.ModuleDict({"encoder": Encoder()}).eval()
    with learning(module):
        assert [part.training for part in module.modules()] == [True, True, False, True]
    assert not any(part.training for part in module.modules())
    with judging(module["encoder"]):
        assert not any(part.training for part in module.modules())
    module["encoder"].frozen.train()  # by hand, against its own rule: this comes back too
    with judging(module):
        assert not any(part.training for part in module.modules())
    assert [part.training for part in module.modules()] == [False, False, True, False]


def test_modes_come_back_after_an_error() -> None:
    frontend, _ = pair()
    with pytest.raises(RuntimeError, match="in the middle"), judging(frontend):
        raise RuntimeError("in the middle")
    assert frontend.training
    assert torch.is_grad_enabled()


def test_what_is_no_module_has_no_mode_and_nothing_to_train() -> None:
    with judging(None, "identity"), learning(3):
        assert not torch.is_grad_enabled()
    assert trainable(None) == []


def test_only_what_requires_a_gradient_is_trainable() -> None:
    module = nn.ModuleDict({"one": Gain(), "other": Gain().requires_grad_(False)})
    assert trainable(module) == [module["one"].a]
