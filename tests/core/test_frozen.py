"""Test mixtures are listed with what was measured, and a list makes the very same ones again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import RATE, TASK, clip, hiss, mixtures, voices

from sefront.core.conditions import Conditions
from sefront.core.data import Damaged, Draw, Example, Mixtures
from sefront.core.errors import DamagedAudioError, SefrontError
from sefront.core.frozen import asked_by, frozen
from sefront.core.mixture_entry import Entry
from sefront.core.mixture_list import MixtureList, write_list

LEVELS = (10.0, -5.0)


def example(source: Mixtures, draw: Draw) -> Example:
    found = source[draw]
    assert isinstance(found, Example)
    return found


def entries(source: Mixtures) -> list[Entry]:
    found = [example(source, Draw(i, snr=snr)).entry for snr in LEVELS for i in range(len(source))]
    return [entry for entry in found if entry is not None]


def difficult(kind: str, seed: int, size: int = 3000) -> np.ndarray:
    """Signals with pauses, an offset, tiny levels, or full scale."""
    rng = np.random.default_rng(seed)
    wave = rng.normal(0, 0.1, size)
    if kind == "paused":
        wave[: rng.integers(0, size * 9 // 10)] = 0.0
    if kind == "offset":
        wave += rng.uniform(-0.8, 0.8)
    if kind == "tiny":
        wave *= 10.0 ** -rng.uniform(3, 12)
    if kind == "full":
        wave = np.clip(20 * wave, -1, 1)
    return wave.astype(np.float32)


KINDS = st.sampled_from(["plain", "paused", "offset", "tiny", "full"])


@settings(deadline=None)
@given(KINDS, KINDS, st.integers(0, 999), st.floats(-30, 60), st.sampled_from(["speech", "scene"]))
def test_the_measured_snr_is_the_one_asked_for(target: str, noise: str, seed: int, snr: float, wanted: Any) -> None:
    source = mixtures(
        [clip("a", difficult(target, seed), "low")],
        [clip("n", difficult(noise, seed + 1, 5000), "hiss")],
        replace(TASK, wanted=wanted),
    )
    found = example(source, Draw(0, snr=snr))
    assert found.entry is not None
    speech = found.noisy - found.clean if wanted == "scene" else found.clean
    other = found.clean if wanted == "scene" else found.noisy - found.clean
    by_hand = 10 * np.log10(np.square(speech, dtype=float).sum() / np.square(other, dtype=float).sum())
    assert found.entry.measured_snr == pytest.approx(by_hand, abs=1e-9)
    assert by_hand == pytest.approx(snr, abs=1e-3)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 99), st.sampled_from([{"level": "active"}, {"noises": 3}, {"degrade": ("clip", "packet_loss")}]))
def test_under_any_conditions(seed: int, options: dict[str, Any]) -> None:
    source = mixtures([clip("a", 12 * difficult("paused", seed, 16000), "low")])
    source.conditions = Conditions(**options)
    found = example(source, Draw(0, snr=3.0)).entry
    assert found is not None
    assert found.measured_snr == pytest.approx(3.0, abs=1e-3)


def test_a_mixture_that_misses_its_snr_is_no_mixture() -> None:
    message = r"clip00: asked for 190 dB with noise noise\d, but the samples have .* dB; ask for another SNR, or leave"
    with pytest.raises(SefrontError, match=message):
        mixtures(voices(1))[Draw(0, snr=190.0)]


def test_an_entry_says_what_was_mixed() -> None:
    source = mixtures(voices(4))
    found = example(source, Draw(2, snr=5.0))
    entry = found.entry
    assert entry is not None
    assert (entry.id, entry.clean, entry.snr, entry.seed, entry.mixing) == ("clip02", "clip02", 5.0, 0, {})
    (name,), (seconds,) = entry.noise, entry.offset
    noise = source.reader.read(next(n for n in source.noises if n.id == name))
    part = np.take(noise, round(seconds * RATE) + np.arange(len(found.noisy)), mode="wrap")
    added = found.noisy - found.clean
    gain = added[np.abs(part).argmax()] / part[np.abs(part).argmax()]
    np.testing.assert_allclose(added, gain * part, atol=1e-6)
    assert entry.kind == source.fixed_types[2]
    assert example(source, Draw(2)).entry is None


def test_several_noises_are_of_different_types_and_equally_loud() -> None:
    source = mixtures(voices(12))
    source.conditions = Conditions(noises=3)
    for row in range(12):
        _, pieces = source.interference(Draw(row, snr=0.0), 1600, [])
        assert {piece.kind for piece in pieces} == {"type0", "type1", "type2"}
        assert pieces[0].noise.id == mixtures(voices(12)).interference(Draw(row, snr=0.0), 1600, [])[1][0].noise.id
    assert example(source, Draw(0, snr=0.0)).entry.kind == "several"  # type: ignore[union-attr]


def test_several_noises_sum_at_equal_powers() -> None:
    noises = [clip("loud", hiss(1600, 1, 0.5), "a"), clip("soft", hiss(1600, 2, 0.001), "b")]
    source = mixtures(voices(1), noises)
    source.conditions = Conditions(noises=2)
    found = example(source, Draw(0, snr=0.0))
    entry = found.entry
    assert entry is not None
    added = (found.noisy - found.clean).astype(float)
    pieces = source.pool.listed(entry, len(added))
    powers = [np.square(added @ p.wave / np.square(p.wave, dtype=float).sum() * p.wave).mean() for p in pieces]
    assert powers[0] == pytest.approx(powers[1], rel=0.1)


def test_how_many_noises_is_drawn() -> None:
    source = mixtures(voices(40))
    source.conditions = Conditions(noises="1:3")
    for epoch in (0, 1):
        counts = {len(source.interference(Draw(row, epoch), 800, [])[1]) for row in range(40)}
        assert counts == {1, 2, 3}


def test_more_noises_than_types() -> None:
    source = mixtures(voices(1), [clip("only", hiss(5000), "hiss")])
    source.conditions = Conditions(noises=3)
    assert len(source.interference(Draw(0, snr=0.0), 800, [])[1]) == 3


def written(tmp_path: Path, source: Mixtures) -> MixtureList:
    write_list(tmp_path / "mixtures.jsonl", entries(source), "again")
    return MixtureList.read(tmp_path)


@pytest.mark.parametrize("options", [{}, {"noises": "1:3"}, {"degrade": ("codec", "clip"), "level": "active"}])
def test_a_list_makes_the_same_mixtures_again(tmp_path: Path, options: dict[str, Any]) -> None:
    source = mixtures(voices(5))
    source.conditions = Conditions(**options)
    listed = written(tmp_path, source)
    assert listed.levels == LEVELS
    assert listed.conditions == source.conditions
    assert asked_by(listed)["options"]["test_mixing.level"] == source.conditions.level
    other = mixtures(voices(5)[::-1], seed=99)
    other.conditions = listed.conditions
    again = frozen(other, listed, LEVELS, lambda damaged: None)
    for snr in LEVELS:
        for row in range(5):
            one, two = example(source, Draw(row, snr=snr)), example(again, Draw(4 - row, snr=snr))
            np.testing.assert_array_equal(one.noisy, two.noisy)
            assert one.entry == two.entry


def changed(listed: MixtureList, **values: Any) -> MixtureList:
    return replace(listed, entries=[*listed.entries[:-1], replace(listed.entries[-1], **values)])


@pytest.mark.parametrize(
    ("values", "levels", "message"),
    [
        (
            {"clean": "gone"},
            LEVELS,
            r"mixes clips that are not among those to be judged: gone; name the corpus and split",
        ),
        (
            {"noise": ("noise9",)},
            LEVELS,
            r"mixes with noises that are not there: noise9; name the noise .* with --noise",
        ),
        (
            {"snr": 4.0},
            LEVELS,
            r"has no mixture at -5 dB of clips that are to be judged: clip04; name a list of them all",
        ),
        ({}, (20.0,), r"has no mixture at 20 dB of clips .*: clip00, clip01, clip02 and 2 more; name a list"),
        ({"clean": "clip00"}, LEVELS, r"holds clip00 at -5 dB twice; leave one of them out"),
    ],
)
def test_lists_that_do_not_fit(tmp_path: Path, values: dict[str, Any], levels: tuple[float], message: str) -> None:
    listed = changed(written(tmp_path, mixtures(voices(5))), **values)
    with pytest.raises(SefrontError, match=message):
        frozen(mixtures(voices(5)), listed, levels, lambda damaged: None)


def test_a_damaged_clip_that_the_list_lacks_is_left_out_as_ever(tmp_path: Path) -> None:
    listed, reports = written(tmp_path, mixtures(voices(3))), []
    frozen(mixtures([*voices(3), clip("bad", None, "low")]), listed, LEVELS, reports.append)
    assert reports == [Damaged("bad", "bad: not readable as audio")]


def test_a_damaged_noise_of_a_list_is_named(tmp_path: Path) -> None:
    source = mixtures(voices(1))
    listed = written(tmp_path, source)
    spoilt = [clip(noise.id, None, str(noise.target)) for noise in source.noises]
    again = frozen(mixtures(voices(1), spoilt), listed, LEVELS, lambda damaged: None)
    with pytest.raises(DamagedAudioError, match=r"noise\d: not readable as audio"):
        again[Draw(0, snr=LEVELS[0])]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"holds no mixtures; name another list"),
        ("{", r"line 1: not JSON"),
        ("[1]", r"line 1: not a mixture; it needs id, clean, noise, offset, snr, measured_snr, seed"),
        (json.dumps({"id": "a", "clean": "a"}), r"line 1: has no 'noise'; a mixture needs"),
        (
            json.dumps({"id": "a", "clean": "a", "noise": "n", "offset": "x", "snr": 1, "measured_snr": 1, "seed": 0}),
            r"line 1: not a mixture \(could not convert",
        ),
    ],
)
def test_files_that_are_no_list(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text(text)
    with pytest.raises(SefrontError, match=message):
        MixtureList.read(path)


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        SefrontError, match=r"mixtures.jsonl: no such file; name a list of mixtures, or a folder that holds"
    ):
        MixtureList.read(tmp_path)


def test_mixtures_of_two_kinds(tmp_path: Path) -> None:
    listed = changed(written(tmp_path, mixtures(voices(2))), mixing={"noises": 2})
    with pytest.raises(SefrontError, match=r"clip00 and clip01 were mixed under different conditions"):
        _ = listed.conditions


def test_a_scene_has_no_active_speech() -> None:
    source = mixtures(voices(1), task=replace(TASK, wanted="scene"))
    source.conditions = Conditions(level="active")
    with pytest.raises(
        SefrontError, match=r"mixing.level=active: a scene has no active speech level; leave it at mean"
    ):
        source.studio.check()
