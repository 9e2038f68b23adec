"""Draws follow from a seed, a clip's name and the epoch, and from nothing else."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from recordings import RATE, TASK, Sound, clip, hiss, mixtures, voice, voices

from sefront.core.clips import Clip
from sefront.core.data import Damaged, Draw, Example, Mixtures, Reader
from sefront.core.errors import DamagedAudioError, SefrontError


def example(source: Mixtures, draw: Draw) -> Example:
    found = source[draw]
    assert isinstance(found, Example)
    return found


def test_a_draw_repeats_itself_whatever_was_drawn_before() -> None:
    one, other = mixtures(voices(6)), mixtures(voices(6))
    for index in range(6):
        other[Draw(index, epoch=7)]
    np.testing.assert_array_equal(example(one, Draw(3, 2)).noisy, example(other, Draw(3, 2)).noisy)


def test_a_draw_does_not_depend_on_the_place_of_its_clip() -> None:
    clips = voices(6)
    one, other = mixtures(clips), mixtures(clips[::-1])
    np.testing.assert_array_equal(example(one, Draw(1, 4)).noisy, example(other, Draw(4, 4)).noisy)


@pytest.mark.parametrize("draw", [Draw(0, 1), Draw(1, 0)], ids=["epoch", "clip"])
def test_epochs_and_clips_have_draws_of_their_own(draw: Draw) -> None:
    source = mixtures([replace(c, audio=Sound(voice(1600, 200.0), c.id)) for c in voices(2)])
    assert example(source, draw).snr != example(source, Draw(0, 0)).snr


def test_seeds_have_draws_of_their_own() -> None:
    assert example(mixtures(voices(1)), Draw(0)).snr != example(mixtures(voices(1), seed=1), Draw(0)).snr


def test_the_snr_is_drawn_from_its_range() -> None:
    source = mixtures(voices(40))
    found = [example(source, Draw(i)).snr for i in range(40)]
    assert 0.0 <= min(found) < 5.0
    assert 20.0 < max(found) <= 25.0


@pytest.mark.parametrize("snr", [-5.0, 0.0, 20.0])
def test_the_measured_snr_of_a_fixed_mixture(snr: float) -> None:
    found = example(mixtures(voices(3)), Draw(2, snr=snr))
    noise = found.noisy.astype(np.float64) - found.clean
    assert 10 * np.log10(np.square(found.clean, dtype=float).sum() / np.square(noise).sum()) == pytest.approx(
        snr, abs=1e-3
    )


def test_a_fixed_mixture_has_the_same_noise_at_every_snr_and_epoch() -> None:
    source = mixtures(voices(4))

    def shape(draw: Draw) -> np.ndarray:
        found = example(source, draw)
        noise = (found.noisy - found.clean).astype(np.float64)
        return noise / np.linalg.norm(noise)

    np.testing.assert_allclose(shape(Draw(2, snr=10.0)), shape(Draw(2, snr=-5.0)), atol=1e-5)
    np.testing.assert_array_equal(shape(Draw(2, snr=10.0)), shape(Draw(2, 5, snr=10.0)))


@pytest.mark.parametrize("count", [6, 7, 30])
def test_the_types_of_fixed_mixtures_are_balanced(count: int) -> None:
    counts = Counter(mixtures(voices(count)).fixed_types)
    assert len(counts) == 3
    assert max(counts.values()) - min(counts.values()) <= 1


def test_clean_draws_add_nothing_and_stay_in_range() -> None:
    found = example(mixtures([clip("loud", 9 * voice(1600, 200.0), "low")]), Draw(0, snr=np.inf))
    np.testing.assert_array_equal(found.noisy, found.clean)
    assert np.abs(found.noisy).max() == pytest.approx(1.0)
    assert found.snr == np.inf


def test_a_scene_is_the_target_and_the_snr_counts_the_speech() -> None:
    source = mixtures(voices(1), task=replace(TASK, wanted="scene"))
    found = example(source, Draw(0, snr=10.0))
    speech = found.noisy.astype(np.float64) - found.clean
    ratio = 10 * np.log10(np.square(speech).sum() / np.square(found.clean, dtype=float).sum())
    assert ratio == pytest.approx(10.0, abs=1e-3)
    assert found.snr == 10.0


def test_targets_are_class_ids() -> None:
    assert [example(mixtures(voices(4)), Draw(i)).target for i in range(4)] == [0, 1, 0, 1]


@pytest.mark.parametrize("samples", [None, np.zeros(800, np.float32)], ids=["unreadable", "silent"])
def test_a_damaged_clip_comes_back_as_such(samples: np.ndarray | None) -> None:
    found = mixtures([clip("bad", samples, "low")])[Draw(0)]
    assert isinstance(found, Damaged)
    assert found.id == "bad"
    assert found.reason in ("bad: not readable as audio", "bad: silent (every sample is zero)")


def half_silent(name: str) -> Clip:
    """A noise that is digital zero but for its last thousand samples."""
    samples = hiss(200000)
    samples[:199000] = 0.0
    return clip(name, samples, "gaps")


@pytest.mark.parametrize("epoch", range(8))
def test_a_silent_part_of_a_noise_is_drawn_again(epoch: int) -> None:
    found = example(mixtures(voices(1), [half_silent("gaps")]), Draw(0, epoch))
    assert (found.noisy != found.clean).any()
    assert found.left_out == ()


def test_a_damaged_noise_is_named_and_another_one_drawn() -> None:
    noises = [clip("bad", None, "hiss"), clip("good", hiss(4000), "hiss")]
    source = mixtures(voices(20), noises)
    found = [example(source, Draw(i)) for i in range(20)]
    assert all((each.noisy != each.clean).any() for each in found)
    assert {damaged for each in found for damaged in each.left_out} == {Damaged("bad", "bad: not readable as audio")}


@pytest.mark.parametrize("snr", [None, 5.0], ids=["random", "fixed"])
def test_without_a_usable_noise(snr: float | None) -> None:
    source = mixtures(voices(1), [clip("quiet", np.zeros(4000, np.float32), "hiss"), clip("bad", None, "hum")])
    with pytest.raises(SefrontError, match=r"none of the 2 noises can be used; the last one: (quiet: silent|bad: not)"):
        source[Draw(0, snr=snr)]


def test_a_type_that_is_damaged_as_a_whole_is_named_and_others_take_its_place() -> None:
    noises = [clip("quiet", np.zeros(4000, np.float32), "a"), clip("one", hiss(4000), "b"), clip("two", hiss(900), "c")]
    source, again = mixtures(voices(12), noises), mixtures(voices(12), noises)
    found = [example(source, Draw(i, snr=5.0)) for i in range(12)]
    assert all((each.noisy != each.clean).any() for each in found)
    assert all(each.left_out == (Damaged("quiet", "quiet: silent (every sample is zero)"),) for each in found)
    assert Counter(source.fixed_types) == {"b": 6, "c": 6}
    np.testing.assert_array_equal(found[7].noisy, example(again, Draw(7, snr=5.0)).noisy)


@pytest.mark.parametrize("snr", [None, 5.0], ids=["random", "fixed"])
def test_the_only_usable_noise_of_many_is_found(snr: float | None) -> None:
    noises = [*(clip(f"bad{i}", None, "hiss") for i in range(300)), clip("good", hiss(4000), "hiss")]
    source = mixtures(voices(3), noises)
    for index in range(3):
        found = example(source, Draw(index, snr=snr))
        assert (found.noisy != found.clean).any()
        assert len(found.left_out) == len(set(found.left_out)) > 0


def test_durations_are_asked_for_where_none_are_given() -> None:
    class Unmeasured(Sound):
        def duration(self) -> float:
            raise DamagedAudioError("bad: not readable as audio")

    clips = [*voices(3, [800, 1600]), Clip("bad", Unmeasured(None, "bad"), "low")]
    source = Mixtures(clips, [], TASK, Reader(RATE), 0)
    assert list(source.durations) == [0.05, 0.1, 0.05, 0.0]
    assert Mixtures(clips, [], TASK, Reader(RATE), 0, durations=[1.0] * 4).durations == [1.0] * 4


def test_without_any_noise() -> None:
    with pytest.raises(SefrontError, match=r"there are no noises to mix with; name some with --noise"):
        mixtures(voices(1), [])[Draw(0)]
    assert example(mixtures(voices(1), []), Draw(0, snr=np.inf)).snr == np.inf


def test_a_part_of_a_long_clip() -> None:
    source = mixtures([clip("long", voice(16000, 200.0), "low"), clip("short", voice(1600, 200.0), "low")])
    parts = [example(source, Draw(0, epoch, seconds=0.5)) for epoch in range(2)]
    assert [len(part.noisy) for part in parts] == [8000, 8000]
    assert not np.array_equal(parts[0].clean, parts[1].clean)
    assert len(example(source, Draw(1, seconds=0.5)).noisy) == 1600


def test_recordings_are_read_once_while_they_fit() -> None:
    clips, reader = voices(3), Reader(RATE, capacity=2 * 1600 * 4)
    for each in (clips[0], clips[1], clips[0], clips[2], clips[0], clips[1]):
        np.testing.assert_array_equal(reader.read(each), each.audio.read(RATE))
        assert reader.held <= reader.capacity
    own = 6  # by the comparison above
    assert sum(each.audio.reads for each in clips if isinstance(each.audio, Sound)) == own + 4


def test_a_recording_larger_than_the_cache_is_not_held() -> None:
    reader = Reader(RATE, capacity=100)
    assert len(reader.read(voices(1)[0])) == 1600
    assert reader.held == 0


def test_what_is_held_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        Reader(RATE).read(voices(1)[0])[0] = 1.0
