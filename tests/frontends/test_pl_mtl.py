from __future__ import annotations

from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from sefront.core import Batch, Enhanced
from sefront.core.features import logarithm
from sefront.core.losses import power_ratio, ratio_mask
from sefront.core.modes import judging
from sefront.core.signal import power_of
from sefront.frontends.pl_mtl import PLMTL, Decode


def batch(samples: int = 4000) -> Batch:
    generator = torch.Generator().manual_seed(0)
    clean, noise = 0.1 * torch.randn(2, 2, samples, generator=generator)
    ones = torch.ones(2, dtype=torch.long)
    return Batch(clean + noise, clean, samples * ones, 0 * ones, ones, ("a", "b"), torch.zeros(2))


def small(**options: Any) -> PLMTL:
    torch.manual_seed(0)
    return PLMTL(16000, **{"width": 8, **options}).eval()


def enhanced(network: PLMTL, data: Batch) -> Enhanced:
    with judging(network):
        return network(data.noisy, data.lengths)  # type: ignore[no-any-return]


@pytest.mark.parametrize(("dense", "count"), [("simplified", 20_504_070), ("full", 23_662_086)])
def test_number_of_parameters_of_the_papers_size(dense: Any, count: int) -> None:
    network = PLMTL(16000, width=1024, dense=dense)
    assert sum(p.numel() for p in network.parameters()) == count
    assert network.recipe.algorithm == "sgd"


def test_two_layers_a_block() -> None:
    assert [block.num_layers for block in PLMTL(16000, width=4, layers=2).blocks] == [2, 2, 2]


@pytest.mark.parametrize(("kept", "mask"), [(0.1, 0.55), (0.01, 0.505), (0.0, 0.5)])
def test_masks_with_as_much_noise_as_speech(kept: float, mask: float) -> None:
    power = torch.tensor([0.3])
    assert float(power_ratio(power, power, kept)) == pytest.approx(mask)
    assert float(power_ratio(0 * power, 0 * power, kept)) == 1


def targets(network: PLMTL, data: Batch) -> dict[str, Tensor]:
    """What the estimates ought to be, from waves made in the time domain."""
    assert data.clean is not None
    noise = data.noisy - data.clean
    waves = [data.clean + 10 ** (-gain / 20) * noise for gain in (10, 20)] + [data.clean]
    speech, disturbance = power_of(network.stft(data.clean)), power_of(network.stft(noise))
    masks = [power_ratio(speech, disturbance, 10 ** (-gain / 10)) for gain in (10, 20)]
    lps = [network.feature(logarithm(power_of(network.stft(wave)))) for wave in waves]
    return {"lps": torch.stack(lps, 1), "masks": torch.stack([*masks, ratio_mask(data, network.stft)], 1)}


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_loss_is_zero_at_its_targets_and_their_squared_distance_elsewhere(reduction: Any) -> None:
    network, data = small(reduction=reduction), batch()
    network.fit(data.noisy, data.lengths)
    ideal = targets(network, data)
    assert float(network.loss(Enhanced(data.noisy, ideal), data).max()) < 1e-4
    off = {"lps": ideal["lps"] + 0.5, "masks": ideal["masks"] - 0.2}
    points = ideal["lps"][0, 0].numel() if reduction == "sum" else 1
    expected = torch.full((2,), 3 * (0.25 + 0.04) * points)
    torch.testing.assert_close(network.loss(Enhanced(data.noisy, off), data), expected, rtol=1e-3, atol=0)


def test_gains_that_do_not_add_up() -> None:
    assert small().left == (0.1, 0.01, 0.0)
    assert small(cumulative=False).left == (0.1, 0.1, 0.0)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_decoding_a_mask(number: int) -> None:
    network, data = small(decode="t3_irm" if number == 3 else f"t{number}_prm"), batch()
    found = enhanced(network, data)
    spectrum = network.stft(data.noisy) * found.extras["masks"][:, number - 1].sqrt()
    torch.testing.assert_close(found.waves, network.stft.inverse(spectrum, data.lengths, 4000), atol=1e-6, rtol=0)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_decoding_a_spectrum(number: int) -> None:
    """Its magnitude, with the phase of the mixture."""
    network, data = small(decode=f"t{number}_lps"), batch()
    network.fit(data.noisy, data.lengths)
    with judging(network):
        spectrum = network.stft(data.noisy)
        estimates, _ = network.estimates(spectrum)
        decoded, _ = network.decoded(spectrum, estimates)
    wanted = torch.exp(network.feature.undone(estimates.lps[:, number - 1]) / 2)
    torch.testing.assert_close(decoded.abs(), wanted, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(decoded / decoded.abs(), spectrum / spectrum.abs(), atol=1e-4, rtol=0)


def test_a_spectrum_that_was_learnt_exactly_gives_the_target_its_magnitude() -> None:
    network, data = small(decode="t3_lps"), batch()
    network.fit(data.noisy, data.lengths)
    ideal = targets(network, data)
    spectrum = network.stft(data.noisy)
    estimates = type(network.estimates(spectrum)[0])(**ideal)
    decoded, _ = network.decoded(spectrum, estimates)
    assert data.clean is not None
    torch.testing.assert_close(decoded.abs(), network.stft(data.clean).abs(), atol=1e-3, rtol=1e-3)


def test_delta_one_is_the_mask_alone_and_other_shares_are_not() -> None:
    data = batch()
    mask = enhanced(small(decode="t1_prm"), data).waves
    joined = enhanced(small(decode="t1_prm_ispp", delta=1.0), data).waves
    torch.testing.assert_close(joined, mask, atol=1e-6, rtol=0)
    for options in ({}, {"delta": 0.0}, {"domain": "amplitude"}, {"domain": "literal"}, {"rho": 0.0}):
        assert not torch.allclose(enhanced(small(decode="t1_prm_ispp", **options), data).waves, mask, atol=1e-4)


def test_the_way_of_decoding_changes_no_weights() -> None:
    """So that a run can be decoded in every way without training again."""
    weights = small(decode="t1_lps").state_dict()
    for decode in get_args(Decode):
        other = small(decode=decode).state_dict()
        assert other.keys() == weights.keys()


def test_only_ispp_passes_no_gradient() -> None:
    assert [small(decode=d).differentiable for d in get_args(Decode)] == ["ispp" not in d for d in get_args(Decode)]


def test_what_each_block_is_fed() -> None:
    assert [block.input_size // 257 for block in small().blocks] == [1, 2, 3]
    assert [block.input_size // 257 for block in small(dense="full").blocks] == [1, 3, 5]
    heard, first, second = torch.zeros(1, 1, 2), torch.ones(1, 1, 4), torch.full((1, 1, 4), 2.0)
    assert small().input(0, heard, []).tolist() == [[[0, 0]]]
    assert small().input(1, heard, [first]).tolist() == [[[1] * 4]]
    assert small().input(2, heard, [first, second]).tolist() == [[[2] * 4 + [0, 0]]]
    assert small(dense="full").input(2, heard, [first, second]).tolist() == [[[0, 0] + [1] * 4 + [2] * 4]]


def test_an_untrained_spectrum_does_not_overflow() -> None:
    network = small(decode="t1_lps")
    torch.nn.init.constant_(network.heads[0].bias, 1e4)
    found = enhanced(network, batch()).waves
    assert bool(found.isfinite().all())
    loudest = network.stft.window.sum().square()
    assert float(logarithm(loudest)) == pytest.approx(network.loudest, abs=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"width": 0}, "width"), ({"layers": 0}, "layers"), ({"delta": 1.5}, "delta"), ({"rho": -0.1}, "rho")],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PLMTL(16000, **options)
