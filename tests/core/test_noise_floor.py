from __future__ import annotations

import pytest
import torch

from sefront.core.noise_floor import leading, leading_vad, minimum_statistics, whole


def test_whole_doubles_the_first_frame() -> None:
    assert whole(torch.tensor([[[1.0, 2.0, 3.0]]])).tolist() == [[[2.0, 2.0, 3.0]]]


def test_leading_averages_the_valid_frames_of_each_clip() -> None:
    power = torch.tensor([[[1.0, 3.0, 8.0, 9.0]], [[1.0, 99.0, 99.0, 99.0]]])
    assert leading(power, torch.tensor([4, 1]), 3).flatten().tolist() == [4.0, 1.0]


def test_leading_vad_follows_frames_near_the_noise_only() -> None:
    power = torch.tensor([[[1.0, 1.0, 1.5, 9.0, 1.0]]])
    noise, _ = leading_vad(power, torch.tensor([5]), 2)
    torch.testing.assert_close(noise.flatten(), torch.tensor([1.0, 1.0, 1.05, 1.05, 1.045]))


def test_minimum_statistics_equals_its_formula() -> None:
    power = torch.rand(2, 3, 30, generator=torch.Generator().manual_seed(0))
    smooth = [power[..., 0]]
    for t in range(1, 30):
        smooth.append(0.85 * smooth[-1] + 0.15 * power[..., t])
    expected = [1.5 * torch.stack(smooth[max(0, t - 6) : t + 1]).amin(0) for t in range(30)]
    torch.testing.assert_close(minimum_statistics(power, 7)[0], torch.stack(expected, -1))


def test_estimates_of_one_frame() -> None:
    power = torch.rand(1, 4, 1, generator=torch.Generator().manual_seed(0))
    one = torch.tensor([1])
    for noise in (leading(power, one, 8), leading_vad(power, one, 8)[0], minimum_statistics(power, 94)[0] / 1.5):
        torch.testing.assert_close(noise, power)


@pytest.mark.parametrize("size", [1, 4, 29])
def test_blocks_give_the_numbers_of_the_whole(size: int) -> None:
    power = torch.rand(2, 3, 30, generator=torch.Generator().manual_seed(0))
    frames = torch.tensor([30, 30])
    begun, noise = leading_vad(power[..., :5], frames, 5)
    lowest, past = minimum_statistics(power[..., :5], 7)
    tracked, minima = [begun], [lowest]
    for block in power[..., 5:].split(size, -1):
        begun, noise = leading_vad(block, frames, 5, noise)
        lowest, past = minimum_statistics(block, 7, past)
        tracked.append(begun)
        minima.append(lowest)
    assert torch.equal(torch.cat(tracked, -1), leading_vad(power, frames, 5)[0])
    assert torch.equal(torch.cat(minima, -1), minimum_statistics(power, 7)[0])
