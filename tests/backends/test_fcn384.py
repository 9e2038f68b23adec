"""The network on openSMILE's features: sizes, statistics, lone clips, who may learn through it, the missing extra."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sefront.backends.fcn384 import FCN384
from sefront.cli import main
from sefront.core import Task
from sefront.core.errors import MissingExtraError
from sefront.core.is09 import SIZE

TASK = Task("classification", tuple("abcd"), "uar")


def network(**options: Any) -> FCN384:
    pytest.importorskip("opensmile", reason="openSMILE is not installed: pip install 'sefront[opensmile]'")
    torch.manual_seed(0)
    return FCN384(TASK, 16000, **options).eval()


def noise(*shape: int, seed: int = 1) -> Tensor:
    return 0.1 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def clips() -> tuple[Tensor, Tensor]:
    return noise(6, 8000) * torch.linspace(0.1, 1, 6)[:, None], torch.tensor([8000, 3000, 400, 5000, 7000, 100])


def test_number_of_parameters_and_sizes_of_table_2() -> None:
    built = network()
    assert sum(p.numel() for p in built.parameters()) == 763_140
    linear = [layer for layer in built.blocks if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linear] == [(384, 256), (256, 512), (512, 1024)]
    kinds = [type(layer).__mro__ for layer in built.blocks]
    assert all(nn.BatchNorm1d in kind for kind in kinds[1::3])
    assert all(nn.ReLU in kind for kind in kinds[2::3])


def test_forward_is_features_then_classify_and_the_embedding_is_the_third_block() -> None:
    built = network()
    waves, lengths = clips()
    whole = built(waves, lengths)
    features, frames = built.features(waves, lengths)
    assert (features.shape, frames.tolist()) == ((6, SIZE, 1), [1] * 6)
    assert torch.equal(whole.scores, built.classify(features, frames).scores)
    assert whole.embedding.shape == (6, 1024)
    torch.testing.assert_close(whole.embedding, built.blocks(features[..., 0]))
    torch.testing.assert_close(whole.scores, built.head(whole.embedding))


def test_the_embedding_is_taken_before_dropout() -> None:
    built = network(dropout=0.5)
    built.dropout.train()
    prediction = built(*clips())
    assert not torch.allclose(prediction.scores, built.head(prediction.embedding))
    assert torch.equal(prediction.embedding, built(*clips()).embedding)


def test_fitted_features_have_mean_zero_and_deviation_one_however_small_they_are() -> None:
    """The slope of energy deviates by 1e-5; what does not vary, such as the least F0 of noise, is left at zero."""
    built = network()
    waves, lengths = clips()
    for part in (slice(0, 1), slice(1, 4), slice(4, 6)):
        built.fit(waves[part], lengths[part])
    raw = built.is09(waves, lengths).double()
    still = raw.std(0, correction=0) == 0
    found = built.features(waves, lengths)[0][..., 0]
    assert 0 < int(still.sum()) < SIZE / 4
    assert float(raw.std(0, correction=0)[~still].min()) < 1e-4
    assert bool((found[:, still] == 0).all())
    torch.testing.assert_close(found.mean(0), torch.zeros(SIZE), atol=1e-3, rtol=0)
    torch.testing.assert_close(found.std(0, correction=0), (~still).float(), atol=1e-3, rtol=0)


def test_a_feature_that_did_not_vary_in_training_cannot_break_out() -> None:
    built = network()
    built.fit(*clips())
    pitch = built.is09.names.index("F0_sma_min")
    voiced = (0.5 * (torch.arange(16000) % 80 == 0)).float()[None]
    assert float(built.is09(voiced, torch.tensor([16000]))[0, pitch]) > 50
    assert float(built.features(voiced, torch.tensor([16000]))[0][0, pitch, 0]) == 0


def test_a_clip_left_alone_in_its_batch_trains() -> None:
    built = network().train()
    before = copy.deepcopy(built.state_dict())
    loss = built(noise(1, 4000), torch.tensor([4000])).scores.square().sum()
    loss.backward()
    assert all(bool(p.grad.any()) for p in built.head.parameters())
    assert all(torch.equal(before[name], value) for name, value in built.state_dict().items())
    built(*clips())
    assert not torch.equal(before["blocks.1.running_mean"], built.state_dict()["blocks.1.running_mean"])


def test_no_gradient_reaches_the_waves() -> None:
    built = network()
    waves = noise(2, 4000).requires_grad_()
    assert built.differentiable is False
    assert not built.features(waves, torch.tensor([4000, 4000]))[0].requires_grad


def test_features_stay_exact_under_bfloat16() -> None:
    built = network()
    built.fit(*clips())
    exact = built.features(*clips())[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(built.features(*clips())[0], exact)
        assert built(*clips()).scores.isfinite().all()


def test_what_is_remembered_is_neither_saved_nor_copied() -> None:
    built = network()
    scores = built(*clips()).scores
    assert len(built.is09.known) == 6
    assert not [name for name in built.state_dict() if "is09" in name]
    other = copy.deepcopy(built)
    assert len(other.is09.known) == 0
    assert torch.equal(other(*clips()).scores, scores)


def test_range_of_dropout() -> None:
    with pytest.raises(ValueError, match=r"dropout must lie in \[0, 1\), but is 1.0"):
        network(dropout=1.0)


def couple(audio: Path, mode: str, out: Path) -> int:
    corpora = ("--corpus", str(audio / "speech"), "--noise", str(audio / "noise"), "--epochs", "1")
    return main(["couple", "--backend", "fcn384", "--mode", mode, *corpora, "--out", str(out)])


def test_mtl_is_refused_with_the_modes_that_work(
    audio: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network()
    assert couple(audio, "mtl", tmp_path / "run") == 2
    said = capsys.readouterr().err
    assert "mtl sends gradients through FCN384, which is not differentiable; it works with cold_cascade, frozen" in said


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with pytest.raises(
        MissingExtraError, match=r"IS09 .* needs the package opensmile: pip install 'sefront\[opensmile"
    ):
        FCN384(TASK, 16000)


def test_without_the_extra_commands_end_in_one_line(
    audio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "opensmile", None)
    assert couple(audio, "baseline", tmp_path / "run") == 2
    assert capsys.readouterr().err.splitlines()[-1].count("pip install 'sefront[opensmile]'") == 1


def test_what_is_shown_of_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The licence, and without the extra how to get it."""
    monkeypatch.setitem(sys.modules, "opensmile", None)
    assert main(["plugins", "show", "fcn384"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "not built" in said
    assert "pip install 'sefront[opensmile]'" in said
    assert said.count("non-commercial") == 2  # in the summary and beside the source
