"""Scenes are kept and speech intrudes: which, how loud, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from recordings import RATE, noise_folder, speech_folder, voice

from sefront.core.clips import SPLITS
from sefront.core.data import Draw, Example, Mixtures
from sefront.core.errors import SefrontError
from sefront.core.experiment import Experiment
from sefront.core.job import Job, prepared
from sefront.core.progress import Quiet
from sefront.core.supply import noise_hints
from sefront.plugins import Catalogue

COMPONENTS = Catalogue.installed()
SMALL = {"frontend.width": 1, "frontend.depth": 1, "backend.width": 2}
SCENE = {"corpus.role": "scene"}
TOY = {"noise.noises": 1}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``scenes`` and ``speech`` of two classes, ``noise``, and ``talk.csv`` of eight speakers."""
    root = tmp_path_factory.mktemp("places")
    speech_folder(root / "scenes")
    speech_folder(root / "speech", seed=50)
    noise_folder(root / "noise")
    (root / "voices").mkdir()
    lines = ["path,speaker,label"]
    for i in range(16):
        soundfile.write(root / "voices" / f"{i}.wav", voice(6000, 100.0 + 9 * i, seed=i), RATE)
        lines.append(f"voices/{i}.wav,s{i // 2},{('no', 'yes')[i % 2]}")
    (root / "talk.csv").write_text("\n".join(lines))
    return root


def job(places: Path, **values: Any) -> Job:
    options = {**SMALL, **SCENE, **values.pop("options", {})}
    named = {"corpus": places / "scenes", "intruder": places / "talk.csv", "device": "cpu", **values}
    return prepared(Experiment.of({**named, "options": options}), COMPONENTS, places / "run", Quiet())


def level(mixtures: Mixtures, draw: Draw) -> tuple[float, float]:
    """Speech over scene in dB as measured, and as stated."""
    found = mixtures[draw]
    assert isinstance(found, Example)
    speech = found.noisy.astype(np.float64) - found.clean
    return 10 * float(np.log10(np.square(speech).sum() / np.square(found.clean, dtype=float).sum())), found.snr


@pytest.mark.parametrize("snr", [-25.0, -5.0, 10.0])
def test_the_snr_is_that_of_speech_over_the_scene(places: Path, snr: float) -> None:
    for mixtures in job(places).mixtures().values():
        for index in range(len(mixtures)):
            assert level(mixtures, Draw(index, snr=snr)) == (pytest.approx(snr, abs=1e-3), snr)


def test_training_draws_from_the_range_of_scenes(places: Path) -> None:
    train = job(places).material.train
    drawn = [level(train, Draw(index, epoch)) for index in range(len(train)) for epoch in range(10)]
    assert all(measured == pytest.approx(stated, abs=1e-3) for measured, stated in drawn)
    stated = [snr for _, snr in drawn]
    assert -25.0 <= min(stated) < -20.0
    assert 5.0 < max(stated) <= 10.0


def test_development_is_at_levels_of_scenes(places: Path) -> None:
    assert job(places).coupler.training.valid_snr == (-20.0, -5.0, 10.0)
    assert job(places, options={"training.valid_snr": "0"}).coupler.training.valid_snr == (0.0,)
    speech = job(places, intruder=(), options={"corpus.role": "speech", **TOY})
    assert speech.coupler.training.valid_snr == (20.0, 10.0, 0.0)


def test_intruding_speakers_are_of_one_split(places: Path) -> None:
    people = {name: {noise.speaker for noise in m.noises} for name, m in job(places).mixtures().items()}
    assert set(people) == set(SPLITS)
    assert sum(map(len, people.values())) == len(set.union(*people.values())) == 8


def test_intruding_speech_is_one_type_whatever_it_says(places: Path) -> None:
    assert set(job(places).material.train.pool.by_type) == {"talk"}
    both = job(places, intruder=(places / "talk.csv", "toy"), options={"intruder.clips": 4, "intruder.speakers": 3})
    assert set(both.test.pool.by_type) == {"talk", "toy"}


def test_what_intrudes_is_speech_and_not_the_noise_that_it_brings(places: Path) -> None:
    noises = job(places, intruder="toy", options={"intruder.clips": 4, "intruder.speakers": 3}).material.train.noises
    assert len(noises) == 4
    assert all(noise.id.startswith("noise0/emotion-") and noise.speaker for noise in noises)


def test_loose_files_that_intrude_are_speech(places: Path) -> None:
    found = job(places, intruder=places / "voices")
    assert [len(m.noises) for m in found.mixtures().values()] == [12, 2, 2]
    assert set(found.test.pool.by_type) == {"voices"}
    assert found.run.experiment.section("intruder")["role"] == "speech"


def test_without_an_intruder_the_toy_speaks(places: Path) -> None:
    found = job(places, intruder=(), options=TOY)
    assert found.run.experiment.noise == ("toy",)
    assert found.run.experiment.section("noise")["task"] == "scenes"
    assert all(noise.speaker for m in found.mixtures().values() for noise in m.noises)
    again = prepared(found.run.experiment.changed({"corpus": str(places / "speech")}), COMPONENTS, places, Quiet())
    assert set(again.test.pool.by_type) >= {"white", "pink"}


def test_a_corpus_whose_tasks_are_others_takes_no_hint() -> None:
    class Other:
        """A corpus with a task of its own kind."""

        def __init__(self, root: Path, *, task: str = "birds") -> None:
            pass

    assert noise_hints("noise", Other, "scene") == {}
    assert noise_hints("noise", COMPONENTS.corpora["toy"], "speech") == {}


def test_the_noise_that_an_intruder_displaces_is_not_written(places: Path) -> None:
    experiment = job(places).run.experiment
    assert (experiment.noise, experiment.intruder) == ((), (str(places / "talk.csv"),))
    assert not experiment.section("noise")
    assert experiment.section("intruder")["role"] == "speech"


@pytest.mark.parametrize("name", ["noise", "test_noise"])
def test_noise_takes_the_place_of_an_intruder_and_the_other_way_round(places: Path, name: str) -> None:
    scene = job(places).run.experiment
    noisy = scene.changed({name: places / "noise"})
    assert (noisy.intruder, getattr(noisy, name)) == ((), (str(places / "noise"),))
    assert not noisy.section("intruder")
    back = noisy.changed({"intruder": "toy"})
    assert (back.noise, back.test_noise, back.intruder) == ((), (), ("toy",))
    assert scene.changed({"seed": 1}).intruder == scene.intruder


def test_a_frontend_learns_apart_from_scenes_as_well(places: Path) -> None:
    found = job(places, frontend_corpus=places / "speech", options={"frontend_corpus.role": "scene"}).frontend_material
    assert found is not None
    assert (found.train.task, found.train.snr) == (None, (-25.0, 10.0))
    assert level(found.train, Draw(0, snr=7.0)) == (pytest.approx(7.0, abs=1e-3), 7.0)
    assert {noise.speaker for noise in found.train.noises} <= {f"s{i}" for i in range(8)}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"options": {"corpus.role": "speech"}},
            r"^--intruder \S*talk\.csv: speech intrudes upon scenes, but corpus '\S*' holds none; name what disturbs "
            r"speech with --noise$",
        ),
        (
            {"intruder": "{places}/noise", "options": {"intruder.role": "noise"}},
            r"^--intruder \S*noise: holds noise, but",
        ),
        ({"intruder": "toy", "options": {"intruder.task": "scenes"}}, r"^--intruder toy: holds scenes, but what intru"),
        ({"noise": "{places}/noise"}, r"^--intruder \S*talk\.csv: there is noise beside it, but for scenes speech is"),
        ({"test_noise": "toy"}, r"^--intruder \S*talk\.csv: there is noise beside it, .*; leave one of them out$"),
        ({"frontend_noise": "toy"}, r"^--intruder \S*talk\.csv: there is noise beside it"),
        ({"options": {"intruder.speker": "x"}}, r"^-o intruder has no option 'speker'"),
        ({"options": {"noise.noises": 1}}, r"^-o noise\.noises: there is no --noise that could take it$"),
        ({"intruder": (), "options": {"intruder.role": 1}}, r"^-o intruder\.role: there is no --intruder that could"),
        ({"frontend_corpus": "{places}/speech"}, r"^--frontend-corpus \S*: is of speech, but corpus '\S*' of scenes; "),
        ({"corpus": "{places}/voices"}, r"^corpus '\S*voices': scenes need labels; put them into a folder for each"),
        ({"intruder": "tyo"}, r"^there is no corpus 'tyo'; did you mean 'toy'\?"),
    ],
)
def test_mistakes(places: Path, values: dict[str, Any], message: str) -> None:
    filled = {k: v.format(places=places) if isinstance(v, str) else v for k, v in values.items()}
    with pytest.raises(SefrontError, match=message):
        job(places, **filled)


def test_real_speech_intrudes_upon_real_scenes(real_data: Path) -> None:
    found = prepared(
        Experiment.of(
            {
                "corpus": f"esc50:{real_data / 'esc50'}", "intruder": f"an4:{real_data / 'an4'}",
                "backend": "asc_dual_resnet", "mode": "augment",
                "options": {"backend.width": 2, "corpus.esc10": True},
            }
        ), COMPONENTS, real_data / "run", Quiet(),
    )  # fmt: skip
    sets = found.mixtures()
    people = {name: {noise.speaker for noise in m.noises} for name, m in sets.items()}
    assert sum(map(len, people.values())) == len(set.union(*people.values()))
    assert all(set(m.pool.by_type) == {"an4"} for m in sets.values())
    for mixtures in sets.values():
        for snr in (None, -25.0, 10.0):
            measured, stated = level(mixtures, Draw(0, snr=snr))
            assert measured == pytest.approx(stated, abs=1e-3)
            assert -25.0 <= stated <= 10.0
