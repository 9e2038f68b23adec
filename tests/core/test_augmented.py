"""Mixed and masked views of clips, and the losses of pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from probes import RATE, TASK, Watched, batch_of, pair, plain_pair, same, same_dropout
from torch import Tensor, nn

from sefront.backends.acln import ACLN
from sefront.backends.asr_ds2 import AsrDS2
from sefront.backends.emotion_dilated import EmotionDilated
from sefront.backends.fcn384 import FCN384
from sefront.backends.scr_m5 import M5
from sefront.backends.ser_cnn import SerCNN
from sefront.core.augment import Augment
from sefront.core.augmented import Augmented, augmented
from sefront.core.chain import predict
from sefront.core.checkpoint import weights_of
from sefront.core.clips import Task
from sefront.core.losses import concordance, ctc
from sefront.core.masking import masked
from sefront.core.masks import hidden, masks
from sefront.core.mixup import PARTNER, SHARE, is_mixed, rearranged
from sefront.core.modes import judging, learning
from sefront.core.phases import judged, learn_backend
from sefront.core.randomness import seeded
from sefront.core.types import Batch, Prediction
from sefront.couplings.iterative import Iterative
from sefront.couplings.mtl import MTL
from sefront.testing.probes import ProbeBackend

MIXUP = Augment(mixup=0.5)
EMOTIONS = Task("classification", ("a", "b", "c"), "uar")
LETTERS = Task("transcription", ("", " ", "a", "b"), "wer")
AROUSAL = Task("trace", ("arousal", "valence"), "ccc", frame_rate=25.0)


def clips(size: int = 4, seconds: float = 1.0, classes: int = 3) -> Batch:
    """Noise at 16 kHz, the last clip the longest."""
    samples = round(16000 * seconds)
    lengths = (samples * torch.linspace(0.6, 1.0, size)).long()
    waves = masked(0.1 * torch.randn(size, samples, generator=torch.Generator().manual_seed(1)), lengths)
    target = torch.arange(size) % classes
    return Batch(
        waves, waves, lengths, target, torch.ones_like(target), tuple(map(str, range(size))), torch.zeros(size)
    )


class Known(Augmented):
    """Views with pairs that a test has chosen."""

    shares: tuple[float, ...] = (1.0, 0.3, 0.7, 0.5)
    partners: tuple[int, ...] = (3, 0, 1, 2)

    def pairs(self, lengths: Tensor) -> Mapping[str, Tensor]:
        drawn = super().pairs(lengths)
        return {**drawn, PARTNER: torch.tensor(self.partners), SHARE: torch.tensor(self.shares)}


def heard(backend: nn.Module, batch: Batch) -> tuple[Known, Prediction, Tensor]:
    """A view in train mode, and what it makes of a batch, without dropout in the way."""
    for layer in backend.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    view = Known(backend, MIXUP)
    with learning(view):
        prediction = predict(view, batch.noisy, batch.lengths)
        return view, prediction, view.loss(prediction, batch)


@pytest.mark.parametrize("component", [ACLN, SerCNN, M5, FCN384])
def test_the_loss_of_a_pair_is_cross_entropy_with_the_mixed_target(component: Any) -> None:
    if component is FCN384:
        pytest.importorskip("opensmile")
    batch = clips()
    _, prediction, loss = heard(component(EMOTIONS, 16000), batch)
    share = torch.tensor(Known.shares)[:, None]
    one_hot = torch.eye(3)[batch.target]
    soft = share * one_hot + (1 - share) * one_hot[list(Known.partners)]
    torch.testing.assert_close(soft.sum(1), torch.ones(4))
    expected = -(soft * prediction.scores.log_softmax(-1)).sum(1)
    torch.testing.assert_close(loss, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("component", [ACLN, M5])
def test_a_share_of_one_is_the_clip_itself(component: Any) -> None:
    class Whole(Known):
        shares = (1.0,) * 4

    batch, backend = replace(clips(), lengths=torch.full((4,), 16000)), component(EMOTIONS, 16000).eval()
    view = Whole(backend, MIXUP)
    view.eval().training = True  # of the view alone: neither dropout nor the statistics of a batch have a say
    mixed, plain = predict(view, batch.noisy, batch.lengths), predict(backend, batch.noisy, batch.lengths)
    assert is_mixed(mixed)
    assert torch.equal(mixed.scores, plain.scores)
    assert torch.equal(view.loss(mixed, batch), backend.loss(plain, batch))


def test_what_is_fed_is_the_mean_of_features_and_as_long_as_the_longer() -> None:
    batch, backend = clips(), ACLN(EMOTIONS, 16000)
    seen: list[tuple[Tensor, Tensor]] = []
    classify = backend.classify
    backend.classify = lambda x, frames: seen.append((x, frames)) or classify(x, frames)  # type: ignore[method-assign]
    heard(backend, batch)
    features, frames = backend.features(batch.noisy, batch.lengths)
    share, partner = torch.tensor(Known.shares)[:, None, None], list(Known.partners)
    torch.testing.assert_close(seen[0][0], share * features + (1 - share) * features[partner])
    assert torch.equal(seen[0][1], torch.maximum(frames, frames[partner]))


def test_each_text_is_taught_the_frames_of_its_own_clip() -> None:
    backend = AsrDS2(LETTERS, 16000, width=8, layers=1)
    symbols = torch.tensor([3, 5, 4, 8])
    batch = replace(clips(), target=masked(torch.randint(1, 4, (4, 8)), symbols).long(), target_lengths=symbols)
    _, prediction, loss = heard(backend, batch)
    own, partner, share = backend.frames(batch.lengths), list(Known.partners), torch.tensor(Known.shares)
    assert own[1] != own[partner[1]]
    one = ctc(replace(prediction, lengths=own), batch)
    other = ctc(replace(prediction, lengths=own[partner]), rearranged(batch, torch.tensor(partner)))
    torch.testing.assert_close(loss, share * one + (1 - share) * other)


def test_each_trace_is_compared_over_its_own_frames() -> None:
    backend = EmotionDilated(AROUSAL, 16000)
    batch = clips(seconds=5.0)  # the shortest ends two seconds before the longest
    frames = backend.frames(batch.lengths)
    traces = masked(torch.randn(4, 2, int(frames.max())), frames).transpose(1, 2)
    batch = replace(batch, target=traces, target_lengths=frames)
    _, prediction, loss = heard(backend, batch)
    partner, share = list(Known.partners), torch.tensor(Known.shares)
    one = concordance(replace(prediction, lengths=frames), batch)
    other = concordance(replace(prediction, lengths=frames[partner]), rearranged(batch, torch.tensor(partner)))
    torch.testing.assert_close(loss, share * one + (1 - share) * other)


def test_a_rearranged_batch() -> None:
    batch = rearranged(batch_of(3), torch.tensor([2, 0, 1]))
    assert batch.ids == ("2", "0", "1")
    assert torch.equal(batch.noisy, batch_of(3).noisy[[2, 0, 1]])


# In eval mode, and off


def test_in_eval_mode_clips_are_heard_as_they_are_and_nothing_is_drawn() -> None:
    batch, (_, backend) = batch_of(), pair()
    view = augmented(backend, MIXUP)
    before = torch.get_rng_state()
    with judging(view):
        prediction = predict(view, batch.noisy, batch.lengths)
    assert torch.equal(torch.get_rng_state(), before)
    assert not is_mixed(prediction)
    with judging(backend):
        plain = predict(backend, batch.noisy, batch.lengths)
    assert torch.equal(prediction.scores, plain.scores)
    assert torch.equal(view.loss(prediction, batch), backend.loss(plain, batch))


@pytest.mark.parametrize("augment", [Augment(), Augment(speed=(0.9,), noise=0.5, crop=1.0)])
def test_a_backend_that_hears_clips_as_they_are_stays_what_it_is(augment: Augment) -> None:
    backend = pair()[1]
    assert augmented(backend, augment) is backend


def test_a_view_says_what_the_backend_says() -> None:
    backend = ACLN(EMOTIONS, 16000)
    view = augmented(backend, MIXUP)
    assert (type(view).__name__, view.recipe, view.toy) == ("ACLN", backend.recipe, "emotion")
    assert [p is q for p, q in zip(view.parameters(), backend.parameters(), strict=True)]
    with pytest.raises(AttributeError, match="kind"):
        _ = view.kind


def test_pairs_are_drawn_anew_and_follow_from_the_seed() -> None:
    view = augmented(pair()[1], Augment(mixup=0.2))
    drawn = []
    for seed in (0, 0, 1):
        with seeded(seed, "step"):
            drawn.append((view.pairs(torch.full((64,), 100)), view.pairs(torch.full((64,), 100))))
    (one, two), (again, _), (other, _) = drawn
    assert torch.equal(one[SHARE], again[SHARE]) and torch.equal(one[PARTNER], again[PARTNER])
    assert not torch.equal(one[SHARE], two[SHARE])
    assert not torch.equal(one[PARTNER], other[PARTNER])
    assert sorted(one[PARTNER].tolist()) == list(range(64))
    shares = torch.cat([pairs[SHARE] for pairs in (one, two, other)])
    assert float(shares.min()) >= 0 and float(shares.max()) <= 1
    assert ((shares < 0.1) | (shares > 0.9)).float().mean() > 0.5  # as of Beta(0.2, 0.2): 0.74 of them


# In couplings


def test_a_step_of_the_backend_learns_from_pairs_and_tells_nothing_of_single_clips() -> None:
    backend = plain_pair()[1]
    step = learn_backend(Known(backend, MIXUP), "noisy").step
    watched, batch = Watched({"backend": backend}), batch_of()
    logged = step(batch, watched)
    assert set(logged) == {"loss_backend"}
    plain = plain_pair()[1]
    learn_backend(plain, "noisy").step(batch, Watched({"backend": plain}))
    assert not same(weights_of(backend), weights_of(plain))
    assert list(weights_of(backend)) == list(weights_of(plain))
    assert judged(torch.zeros(2), Prediction(torch.zeros(2, 2), extras={PARTNER: torch.tensor([1, 0])})) == {}


def test_importance_comes_from_clips_as_they_are() -> None:
    frontend, backend = plain_pair()
    (phase,) = Iterative(init="scratch").phases(frontend, Known(backend, MIXUP))  # type: ignore[arg-type]
    watched, batch = Watched({"frontend": frontend, "backend": backend}), batch_of()
    logged = phase.step(batch, watched)
    teacher = watched.calls[0]
    frontend_before, learnt = plain_pair()
    learnt.load_state_dict(teacher.states["backend"])
    with judging(frontend_before, learnt):
        waves = frontend_before(batch.noisy, batch.lengths).waves
        losses = learnt.loss(learnt(waves, batch.lengths), batch)
    torch.testing.assert_close(logged["task_loss"], losses)
    torch.testing.assert_close(logged["weight"], losses / losses.sum())
    assert not torch.allclose(teacher.losses, losses)


def test_mixed_clips_send_gradients_to_the_waves_of_both() -> None:
    backend = plain_pair()[1]
    view = Known(backend, MIXUP)
    waves = batch_of().noisy.clone().requires_grad_()
    with learning(view):
        loss = view.loss(predict(view, waves, batch_of().lengths), batch_of())
    (gradient,) = torch.autograd.grad(loss[1], waves)
    assert [bool(row.any()) for row in gradient] == [True, True, False, False]  # its own, and that of partner 0


def test_mtl_learns_from_pairs() -> None:
    frontend, backend = plain_pair()
    (phase,) = MTL(init="scratch").phases(frontend, Known(backend, MIXUP))  # type: ignore[arg-type]
    logged = phase.step(batch_of(), Watched({"frontend": frontend, "backend": backend}))
    assert "task_loss" not in logged
    assert torch.isfinite(logged["loss"])


# Masks


def test_masks_fit_and_have_every_width() -> None:
    sizes = torch.tensor([5, 30, 60] * 400)
    with same_dropout():
        found = masks(sizes, 60, 1, 8)
    widths = found.sum(1)
    for size, most in ((5, 5), (30, 8), (60, 8)):
        own = found[sizes == size]
        assert not own[:, size:].any()
        assert sorted(set(own.sum(1).tolist())) == list(range(most + 1))
        edges = own.int().diff(dim=1, prepend=torch.zeros(len(own), 1)).clamp(min=0).sum(1)
        assert int(edges.max()) == 1  # one stretch
    assert (widths.float().mean() - 3.5).abs() < 0.5


def test_hidden_features_are_the_mean_of_the_clip_and_others_stay() -> None:
    frames = torch.tensor([40, 25])
    features = masked(torch.randn(2, 12, 40, generator=torch.Generator().manual_seed(0)) + 3, frames)
    with same_dropout(1):
        found = hidden(features, frames, Augment(specaugment=True, freq_width=4, time_width=6))
    changed = found != features
    assert changed.any((1, 2)).all()
    assert not changed[1, :, 25:].any()
    for row, size in enumerate(frames.tolist()):
        mean = features[row, :, :size].mean()
        torch.testing.assert_close(found[row][changed[row]], mean.expand(int(changed[row].sum())))
        bands, times = changed[row, :, :size].all(1), changed[row].all(0)
        assert int(bands.sum()) <= 2 * 4 and int(times.sum()) <= 2 * 6
        inside = changed[row, :, :size]
        assert torch.equal(inside, bands[:, None] | times[None, :size])


def test_masks_of_features_with_maps_are_the_same_in_all() -> None:
    features, frames = torch.randn(3, 2, 16, 50), torch.tensor([50, 50, 30])
    with same_dropout(2):
        changed = hidden(features, frames, Augment(specaugment=True)) != features
    assert changed.any()
    assert torch.equal(changed[:, 0], changed[:, 1])


def test_no_masks_change_nothing() -> None:
    features, frames = torch.randn(2, 12, 40), torch.tensor([40, 25])
    none = Augment(specaugment=True, freq_masks=0, time_masks=0)
    assert torch.equal(hidden(features, frames, none), features)


def test_masks_alone_leave_losses_to_the_clip() -> None:
    backend, batch = ACLN(EMOTIONS, 16000, dropout=0.0), clips()
    view = augmented(backend, Augment(specaugment=True))
    with learning(view), same_dropout():
        prediction = predict(view, batch.noisy, batch.lengths)
    with learning(backend):
        plain = predict(backend, batch.noisy, batch.lengths)
    assert not is_mixed(prediction)
    assert not torch.allclose(prediction.scores, plain.scores)
    assert torch.equal(view.loss(prediction, batch), backend.loss(prediction, batch))


def test_a_backend_without_features_is_mixed_as_waves() -> None:
    seen: list[tuple[Tensor, Tensor]] = []

    class Ear(ProbeBackend):
        def forward(self, waves: Tensor, lengths: Tensor) -> Prediction:
            seen.append((waves, lengths))
            return super().forward(waves, lengths)

    batch = batch_of()
    heard(Ear(TASK, RATE), batch)
    share, partner = torch.tensor(Known.shares)[:, None], list(Known.partners)
    torch.testing.assert_close(seen[0][0], share * batch.noisy + (1 - share) * batch.noisy[partner])
    assert torch.equal(seen[0][1], torch.maximum(batch.lengths, batch.lengths[partner]))
