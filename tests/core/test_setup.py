"""From an experiment to what it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from recordings import RATE, TASK, noise_folder, speech_folder
from torch import Tensor

from sefront.core.augment import Augment
from sefront.core.damages import Damages
from sefront.core.data import Reader
from sefront.core.errors import SefrontError
from sefront.core.experiment import Experiment
from sefront.core.job import Job, prepared
from sefront.core.measures import metric_of
from sefront.core.progress import Quiet
from sefront.core.setup import augment_of, lengths_of, models_of, optimiser_of, resolved_numbers, training_of
from sefront.core.supply import Data
from sefront.core.training import Lengths
from sefront.core.types import Batch, Phase
from sefront.core.update import Update
from sefront.core.written import write_experiment
from sefront.plugins import Catalogue

COMPONENTS = Catalogue.installed()
SMALL = {"frontend.width": 1, "frontend.depth": 1, "backend.width": 2}


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("audio")
    speech_folder(root / "speech")
    noise_folder(root / "noise")
    return root


def experiment(audio: Path, **values: Any) -> Experiment:
    options = {**SMALL, **values.pop("options", {})}
    return Experiment.of(
        {
            "corpus": str(audio / "speech"),
            "noise": (str(audio / "noise"),),
            "device": "cpu",
            "options": options,
            **values,
        }
    )


def job(audio: Path, **values: Any) -> Job:
    return prepared(experiment(audio, **values), COMPONENTS, audio / "run", Quiet())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"frontend": "unnet"}, r"^there is no frontend 'unnet'; did you mean 'unet'\?"),
        ({"backend": "ser_cn"}, r"^there is no backend 'ser_cn'; did you mean 'ser_cnn'\?"),
        ({"mode": "iterativ"}, r"^there is no coupling 'iterativ'; did you mean 'iterative'\?"),
        ({"options": {"frontend.widht": 2}}, r"^frontend 'unet' has no option 'widht'; did you mean 'width'\?"),
        ({"options": {"backend.width": "wide"}}, r"^backend 'ser_cnn': option 'width' is 'wide', which is not int"),
        ({"options": {"coupling.weight": "x"}}, r"^mode 'iterative' has no option 'weight'; did you mean 'weights'\?"),
        ({"options": {"coupling.temperature": 0}}, r"^mode 'iterative': temperature must be above 0"),
        ({"options": {"optimiser.rl": 0.1}}, r"^optimiser has no option 'rl'"),
        ({"options": {"optimiser.frontend.lr": -1}}, r"^optimiser: lr must be at least 0"),
        ({"options": {"optimiser.fronted.lr": 1}}, r"^optimiser has no option 'fronted\.lr'"),
        ({"options": {"training.patience": 0}}, r"^training: patience must be at least 1"),
        ({"options": {"training.patient": 1}}, r"^training has no option 'patient'; did you mean 'patience'\?"),
        ({"options": {"augment.mixup": -1}}, r"^augment: mixup must be at least 0, but is -1$"),
        ({"options": {"augment.mixpu": 1}}, r"^augment has no option 'mixpu'; did you mean 'mixup'\?"),
        ({"options": {"augment.freq_width": 3}}, r"^augment: freq_width: there are no masks without specaugment=true$"),
        ({"mode": "augment", "options": {"augment.noise": 0.5}}, r"^-o augment\.noise: the backend learns from noisy"),
        ({"options": {"epochs.jiont": 1}}, r"^mode 'iterative' has no phase 'jiont'; did you mean 'joint'\?"),
        ({"options": {"epochs.joint": "all"}}, r"^-o epochs\.joint=all: epochs are a whole number of at least 1$"),
        ({"options": {"corpus.metrik": "uar"}}, r"^corpus 'folder' has no option 'metrik'; did you mean 'metric'\?"),
        ({"device": "gpu"}, r"^device 'gpu' is unknown; it is auto, cpu, cuda or cuda:N$"),
        ({"mode": "baseline", "frontend": "unnet"}, r"^there is no frontend 'unnet'"),
        ({"mode": "baseline", "options": {"frontend.widht": 2}}, r"^frontend 'unet' has no option 'widht'"),
        ({"mode": "frontend_only", "backend": "ser_cn"}, r"^there is no backend 'ser_cn'"),
        ({"options": {"frontend.mix": 1.5}}, r"^frontend 'unet': mix is 1\.5; a share between 0 and 1, or 'learnt'$"),
        ({"options": {"frontend.mx": 1}}, r"^frontend 'unet' has no option 'mx'; did you mean 'mix'\?"),
        (
            {"mode": "baseline", "options": {"frontend.mix": "x"}},
            r"^frontend 'unet': option 'mix' is 'x', which is not",
        ),
        ({"options": {"backend.mix": 0.2}}, r"^backend 'ser_cnn' has no option 'mix'"),
    ],
)
def test_mistakes(audio: Path, values: dict[str, Any], message: str) -> None:
    with pytest.raises(SefrontError, match=message):
        job(audio, **values)


@pytest.mark.parametrize("mode", ["mtl", "iterative"])
@pytest.mark.parametrize("frontend", ["identity", "spectral_subtraction"])
def test_a_frontend_that_cannot_learn_in_a_mode_that_trains_it(audio: Path, mode: str, frontend: str) -> None:
    asked = replace(experiment(audio), frontend=frontend, mode=mode, options={"backend.width": 2})
    with pytest.raises(SefrontError, match=rf"^{mode} trains the frontend, but .* has nothing to train; it works with"):
        prepared(asked, COMPONENTS, audio, Quiet())


def test_a_part_that_the_mode_lacks_is_not_built(audio: Path) -> None:
    models = models_of(experiment(audio, mode="baseline"), COMPONENTS, TASK)
    assert models.frontend is None
    assert models.backend is not None
    assert models.chain == ("backend",)


def test_parts_are_initialised_from_seeds_of_their_own(audio: Path) -> None:
    import torch

    both = models_of(experiment(audio), COMPONENTS, TASK)
    alone = models_of(experiment(audio, mode="baseline"), COMPONENTS, TASK)
    other = models_of(experiment(audio, mode="baseline", seed=1), COMPONENTS, TASK)

    def weights(models: Any) -> list[torch.Tensor]:
        return list(models.backend.parameters())

    assert all(map(torch.equal, weights(both), weights(alone)))
    assert not all(map(torch.equal, weights(both), weights(other)))


def test_a_corpus_without_labels_needs_no_backend(audio: Path) -> None:
    unlabelled = {"corpus": str(audio / "noise"), "options": {"corpus.role": "speech"}}
    message = r"^mode 'iterative' needs a task, but corpus '.*noise' has no labels; use --mode frontend_only"
    with pytest.raises(SefrontError, match=message):
        job(audio, **unlabelled)
    assert job(audio, mode="frontend_only", **unlabelled).run.task is None


@pytest.mark.parametrize(("backend", "labels"), [("ser_cnn", "angry"), ("scr_m5", "backward")])
def test_the_toy_corpus_takes_the_task_of_the_backend(backend: str, labels: str) -> None:
    data = Data(Experiment(backend=backend), COMPONENTS, Damages(), Reader(RATE))
    task = data.corpus("toy", "corpus").task()
    assert task is not None
    assert task.labels[0] == labels


def test_splits(audio: Path) -> None:
    data = Data(experiment(audio), COMPONENTS, Damages(), Reader(RATE))
    corpus = data.corpus(str(audio / "speech"), "corpus")
    sizes = [len(data.test(corpus, split)) for split in ("train", "valid", "test", "all")]
    assert sizes == [12, 2, 2, 16]
    with pytest.raises(SefrontError, match=r"^there is no split 'tset'; did you mean 'test'\?"):
        data.test(corpus, "tset")


def test_the_noise_of_the_splits_is_disjoint(audio: Path) -> None:
    sets = job(audio).mixtures()
    used = {name: {noise.id for noise in source.noises} for name, source in sets.items()}
    assert set(used) == {"train", "valid", "test"}
    assert sum(map(len, used.values())) == len(set.union(*used.values())) == 6


def test_training_mixtures_follow_the_seed_and_test_mixtures_do_not(audio: Path) -> None:
    one, other = job(audio).mixtures(), job(audio, seed=1).mixtures()
    assert one["train"].seed != other["train"].seed
    assert (one["valid"].seed, one["test"].seed) == (other["valid"].seed, other["test"].seed)


def test_what_the_frontend_alone_learns_from(audio: Path, tmp_path: Path) -> None:
    speech_folder(tmp_path / "more", each=20, seed=50)
    noise_folder(tmp_path / "other", each=6, seed=50)
    assert job(audio).frontend_material is None
    found = job(audio, frontend_corpus=str(tmp_path / "more"), frontend_noise=(str(tmp_path / "other"),))
    assert found.frontend_material is not None
    assert (len(found.material.train), len(found.frontend_material.train)) == (12, 28)
    assert (len(found.material.train.noises), len(found.frontend_material.train.noises)) == (2, 8)
    assert found.frontend_material.train.task is None
    only_noise = job(audio, frontend_noise=(str(tmp_path / "other"),)).frontend_material
    assert only_noise is not None
    assert (len(only_noise.train), len(only_noise.train.noises)) == (12, 8)


def test_development_data_from_another_corpus(audio: Path, tmp_path: Path) -> None:
    speech_folder(tmp_path / "more", each=20, seed=50)
    assert len(job(audio, valid_corpus=str(tmp_path / "more")).material.valid) == 6
    speech_folder(tmp_path / "odd")
    (tmp_path / "odd" / "low").rename(tmp_path / "odd" / "loud")
    with pytest.raises(
        SefrontError, match=r"odd', valid split: label 'loud' \(1 clips, such as loud/\d+\.wav\) is not"
    ):
        job(audio, valid_corpus=str(tmp_path / "odd"))


def test_a_test_that_cannot_be_held_is_told_before_training(audio: Path, tmp_path: Path) -> None:
    for number, split in enumerate(("train", "valid")):
        speech_folder(tmp_path / "speech" / split, each=2, seed=20 * number)
    with pytest.raises(SefrontError, match=r"speech', test split: no usable clips \(of 0\); give that split some"):
        job(audio, corpus=str(tmp_path / "speech"))


def test_noise_that_is_tested_on_is_not_trained_on(audio: Path) -> None:
    noise = str(audio / "noise")
    named = r"^6 noise recordings are in both training noise and test noise \(.*hiss_0\.wav, .*\.\.\.\): name other"
    with pytest.raises(SefrontError, match=named):
        job(audio, test_noise=(noise,))
    found = job(audio, noise=("toy",), test_noise=(noise,), options={"noise.noises": 1})
    assert len(found.test.noises) == 6


@pytest.mark.parametrize(
    ("given", "held"), [({}, None), ({"frontend.mix": "0.2"}, 0.2), ({"frontend.mix": "learnt"}, "learnt")]
)
def test_the_share_of_the_input_is_written(audio: Path, tmp_path: Path, given: dict[str, Any], held: Any) -> None:
    found = job(audio, options=given).run
    assert found.experiment.options["frontend.mix"] == held
    assert getattr(found.frontend, "mix", None) == held
    write_experiment(tmp_path / "experiment.toml", found.experiment, found.task)
    again = prepared(Experiment.read(tmp_path / "experiment.toml"), COMPONENTS, tmp_path, Quiet())
    assert again.run.experiment == found.experiment
    assert type(again.run.frontend) is type(found.frontend)


def test_a_share_that_is_learnt_gives_a_frontend_something_to_train(audio: Path) -> None:
    asked = replace(experiment(audio), frontend="spectral_subtraction", mode="mtl", options={"frontend.mix": "learnt"})
    lines = prepared(asked, COMPONENTS, audio, Quiet()).plan()
    assert any(line.startswith("phase joint: frontend (2 parameters) and backend (") for line in lines)
    with pytest.raises(SefrontError, match=r"^mtl trains the frontend, but .* has nothing to train"):
        prepared(replace(asked, options={"frontend.mix": 0.2}), COMPONENTS, audio, Quiet())


def test_who_has_no_features_is_told_who_has() -> None:
    asked = Experiment.of({"backend": "scr_m5", "mode": "augment", "options": {"augment.specaugment": True}})
    message = (
        r"^-o augment\.specaugment: backend 'scr_m5' has no features of its own to hide; leave it out, "
        r"or name one that has, such as .*acln, .*ser_cnn"
    )
    with pytest.raises(SefrontError, match=message) as caught:
        augment_of(asked, COMPONENTS)
    assert "asr_ds2" not in str(caught.value)


def test_augmentation_is_written_and_read_again(audio: Path, tmp_path: Path) -> None:
    found = job(audio, mode="baseline", options={"augment.speed": "0.9,1.1", "augment.mixup": "0.2"})
    assert found.coupler.augment == Augment(mixup=0.2, speed=(0.9, 1.1))
    write_experiment(tmp_path / "experiment.toml", found.run.experiment, found.run.task)
    again = Experiment.read(tmp_path / "experiment.toml")
    assert augment_of(again, COMPONENTS) == found.coupler.augment
    assert found.plan()[3].endswith("from clean waves, at most 100 epochs of 3 steps of 16 clips")


def test_what_is_resolved_can_be_resolved_again(audio: Path, tmp_path: Path) -> None:
    first = job(audio, options={"optimiser.lr": 0.5, "epochs.joint": 3}).run.experiment
    assert first.options["optimiser.frontend.lr"] == first.options["optimiser.backend.lr"] == 0.5
    assert "optimiser.lr" not in first.options
    assert (first.options["frontend.hop"], first.options["corpus.metric"]) == (256, "uar")
    assert first.options["frontend.mix"] is None
    second = prepared(first, COMPONENTS, tmp_path, Quiet()).run.experiment
    assert second == first


def test_plan_names_phases_and_sizes(audio: Path) -> None:
    lines = job(audio, epochs=2, batch_size=4).plan()
    assert lines[:3] == ["train: 12 clips, 2 noises", "valid: 2 clips, 2 noises", "test: 2 clips, 2 noises"]
    assert [line.split(":")[0] for line in lines[3:]] == ["phase frontend", "phase backend", "phase joint"]
    assert lines[-1].endswith("from enhanced waves, at most 2 epochs of 3 steps of 4 clips")


@pytest.mark.parametrize("mode", [*COMPONENTS.couplings])
def test_epochs_of_phases_that_the_mode_lacks_are_not_written(mode: str, tmp_path: Path) -> None:
    options = {**SMALL, "corpus.speakers": 3, "corpus.clips": 4, "noise.noises": 1}
    joins = {"backend": "ser_cnn+scr_m5"} if getattr(COMPONENTS.couplings[mode], "joins", False) else {}
    asked = Experiment.of({"mode": mode, "device": "cpu", "options": options, **joins})
    first = prepared(asked, COMPONENTS, tmp_path, Quiet())
    phases = {p.name for p in first.coupler.planned() if first.coupler.lengths.of(p) != p.epochs}
    assert set(first.run.experiment.section("epochs")) == phases
    assert prepared(first.run.experiment, COMPONENTS, tmp_path, Quiet()).run.experiment == first.run.experiment


def test_every_section_is_written_with_its_options(audio: Path) -> None:
    toy = {"corpus.speakers": 3, "corpus.clips": 4, "noise.noises": 1}
    asked = {"corpus": "toy", "noise": "toy", "valid_corpus": "toy", "test_noise": str(audio / "noise")}
    options = job(audio, **asked, options={**toy, "valid_corpus.clips": 4}).run.experiment.options
    assert (options["noise.noises"], options["noise.speakers"]) == (1, 20)
    assert (options["valid_corpus.task"], options["valid_corpus.clips"]) == ("emotion", 4)
    assert "test_noise.metric" in options


def test_options_of_several_noises(audio: Path, tmp_path: Path) -> None:
    both = {"noise": ("toy", str(audio / "noise"))}
    found = job(audio, **both, options={"noise.noises": 1})
    assert len(found.material.train.noises) == 5 + 2
    assert found.run.experiment.section("noise") == {"noises": 1}
    with pytest.raises(SefrontError, match=r"^-o noise has no option 'noisse'; did you mean 'noises'\?"):
        job(audio, **both, options={"noise.noisse": 1})
    with pytest.raises(SefrontError, match=r"^-o test_noise\.noises: there is no --test-noise that could take it$"):
        job(audio, options={"test_noise.noises": 1})


def test_one_reader_keeps_all_recordings(audio: Path) -> None:
    assert len({id(source.reader) for source in job(audio).mixtures().values()}) == 1


def test_a_batch_that_is_too_small_is_told_by_the_plan(audio: Path) -> None:
    with pytest.raises(SefrontError, match=r"^phase joint of Iterative compares the clips of a batch"):
        job(audio, batch_size=1)


def test_scenes_have_levels_of_their_own(audio: Path) -> None:
    found = job(audio, options={"corpus.role": "scene"})
    assert found.run.experiment.snr == found.material.train.snr == (-25.0, 10.0)
    assert found.run.experiment.test_snr == (-25.0, -20.0, -15.0, -10.0, -5.0, 0.0, 5.0, 10.0)
    assert job(audio).run.experiment.snr == (0.0, 25.0)
    apply = {name: metric.card().applies("scene") for name, metric in found.run.metrics().items()}
    assert apply == {"uar": True, "si_sdr": True, "stoi": False, "pesq": False}


@pytest.mark.parametrize(("rate", "band"), [(8000, "nb"), (16000, "wb"), (11025, None)])
def test_pesq_is_taken_as_the_rate_allows(audio: Path, rate: int, band: str | None) -> None:
    found = job(audio, sample_rate=rate, options={"frontend.n_fft": 256, "frontend.hop": 128})
    metrics = found.run.metrics()
    assert set(metrics) == {"uar", "si_sdr", "stoi", *(["pesq"] if band else [])}
    line = "pesq is left out, because it is defined at 8000 and 16000 Hz, but everything here is at 11025 Hz"
    assert (found.plan()[-1] == line) == (band is None)
    if band:
        assert metrics["pesq"].band == band  # type: ignore[attr-defined]
        return
    with pytest.raises(SefrontError, match=r"^metric 'pesq' is defined at 8000 and 16000 Hz, but .*; leave it out$"):
        found.run.metrics("pesq")


def test_transcripts_are_not_taken_for_classes(tmp_path: Path, audio: Path) -> None:
    files = sorted((audio / "speech").rglob("*.wav"))
    lines = [f"{i},{path},so it is {i}" for i, path in enumerate(files)]
    (tmp_path / "said.csv").write_text("\n".join(["id,path,transcript", *lines]) + "\n")
    said = {"corpus": tmp_path / "said.csv", "follow_outside": True}
    fault = r"^backend 'ser_cnn' classifies, but corpus '.*' has transcripts; name a backend that transcribes"
    with pytest.raises(SefrontError, match=fault):
        job(audio, **said)
    task = job(audio, mode="frontend_only", **said).run.task
    assert task is not None
    assert task.kind == "transcription"


def nothing(batch: Batch, update: Update) -> Mapping[str, Tensor]:
    return {}


class Short:
    """A corpus that says how long training on it takes."""

    epochs: ClassVar = {"frontend": 2, "joint": 3}


@pytest.mark.parametrize(
    ("values", "frontend", "backend"),
    [
        ({}, 2, 100),
        ({"epochs": 7}, 7, 7),
        ({"options": {"epochs.frontend": 5}}, 5, 100),
        ({"epochs": 7, "options": {"epochs.frontend": "5"}}, 5, 7),
    ],
)
def test_epochs(values: dict[str, Any], frontend: int, backend: int) -> None:
    phases = [Phase(name, (name,), "noisy", nothing) for name in ("frontend", "backend", "joint")]
    lengths = lengths_of(Experiment.of(values), Short(), phases)  # type: ignore[arg-type]
    assert tuple(map(lengths.of, phases[:2])) == (frontend, backend)


@pytest.mark.parametrize("value", ["0", -1, "2.5", None])
def test_epochs_are_whole_numbers(value: Any) -> None:
    with pytest.raises(SefrontError, match="whole number of at least 1"):
        resolved_numbers({"joint": value})


def test_optimiser_options_of_a_part_win() -> None:
    found = optimiser_of(Experiment(options={"optimiser.lr": 1, "optimiser.backend.lr": 2, "optimiser.clip": 3}))
    assert [found[part]["lr"] for part in ("frontend", "backend", "coupling")] == [1, 2, 1]
    assert {settings["clip"] for settings in found.values()} == {3}


def test_training_options() -> None:
    assert training_of(Experiment(options={"training.valid_snr": "5,0"})).valid_snr == (5.0, 0.0)
    assert Lengths().epochs == 100


def test_metrics_by_name() -> None:
    assert metric_of("uar", COMPONENTS).card().compares == "labels"
    with pytest.raises(SefrontError, match=r"^there is no metric 'psq'; did you mean 'pesq'\?"):
        metric_of("psq", COMPONENTS)
