"""From an experiment to mixtures: the corpora that it names, each with the options that it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sefront.core.clips import SPLITS, Split, Task
from sefront.core.coupler import Material
from sefront.core.damages import Damages
from sefront.core.data import Mixtures, Reader
from sefront.core.errors import SefrontError, unknown
from sefront.core.experiment import Experiment
from sefront.core.parameters import parameters
from sefront.core.protocols import Corpus
from sefront.core.randomness import derive
from sefront.core.setup import Components
from sefront.core.sources import Source, located, noises, opened, test_noises


@dataclass(frozen=True)
class Data:
    """What is learnt from and what is tested on; built only as far as it is asked for.

    Args:
        experiment: What names it.
        components: The installed components.
        damages: Counts what is left out.
        reader: Reads and keeps the recordings of all mixtures.
    """

    experiment: Experiment
    components: Components
    damages: Damages
    reader: Reader

    def corpus(self, spec: str, section: str) -> Corpus:
        """The corpus that `spec` names; the toy corpus takes the task that fits the backend."""
        name, root = located(spec, self.components.corpora)
        component = self.components.corpora[name]
        hints = corpus_hints(self.experiment, component, self.components)
        return opened(name, root, component, {**hints, **self.experiment.section(section)})

    def noise(self, specs: tuple[str, ...], section: str) -> list[Corpus]:
        """The corpora named as noise, each with those options of the section that it has.

        Raises:
            UnknownNameError: None of them has one of the options.
        """
        found = [located(spec, self.components.corpora) for spec in specs]
        given = shared([self.components.corpora[name] for name, _ in found], self.experiment.section(section), section)
        return [
            opened(name, root, self.components.corpora[name], options)
            for (name, root), options in zip(found, given, strict=True)
        ]

    def source(self, task: Task | None) -> Source:
        """What all mixtures of the experiment share."""
        return Source(self.reader, self.damages, self.experiment.levels(task)[0], task)

    def material(self, corpus: Corpus) -> Material:
        """Training and development mixtures of the task."""
        e = self.experiment
        valid = self.corpus(e.valid_corpus, "valid_corpus") if e.valid_corpus else corpus
        return self._material(
            (e.corpus, corpus), (e.valid_corpus or e.corpus, valid), self.noise(e.noise, "noise"), corpus.task()
        )

    def frontend_material(self, corpus: Corpus) -> Material | None:
        """What the frontend's own phase learns from, where that was named apart."""
        e = self.experiment
        if not e.frontend_corpus and not e.frontend_noise:
            return None
        speech = self.corpus(e.frontend_corpus, "frontend_corpus") if e.frontend_corpus else corpus
        noise = self.noise(e.frontend_noise, "frontend_noise") if e.frontend_noise else self.noise(e.noise, "noise")
        named = (e.frontend_corpus or e.corpus, speech)
        return self._material(named, named, noise, None)

    def _material(
        self, train: tuple[str, Corpus], valid: tuple[str, Corpus], noise: list[Corpus], task: Task | None
    ) -> Material:
        source, apart = self.source(task), bool(self.experiment.test_noise)

        def mixtures(named: tuple[str, Corpus], split: Split, seed: int) -> Mixtures:
            what = f"corpus '{named[0]}', {split} split"
            return source.mixtures(what, named[1].clips(split), noises(noise, split, apart), seed)

        # development mixtures are the same for every seed, so that runs can be compared
        return Material(mixtures(train, "train", derive(self.experiment.seed, "train")), mixtures(valid, "valid", 1))

    def test(self, corpus: Corpus, split: str = "test", task: Task | None = None) -> Mixtures:
        """Test mixtures, the same for every seed.

        Raises:
            SefrontError: There is no such split, or nothing in it.
        """
        e = self.experiment
        splits = [s for s in SPLITS if split in (s, "all")]
        if not splits:
            raise unknown("split", split, (*SPLITS, "all"))
        clips = [clip for s in splits for clip in corpus.clips(s)]
        noise = (
            test_noises(self.noise(e.test_noise, "test_noise"))
            if e.test_noise
            else noises(self.noise(e.noise, "noise"), "test", False)
        )
        return self.source(task or corpus.task()).mixtures(f"corpus '{e.corpus}', {split} split", clips, noise, 2)


def corpus_hints(experiment: Experiment, corpus: type, components: Components) -> dict[str, Any]:
    """The task that the backend is made for, where the corpus has several to choose from."""
    fitting = getattr(components.backends.get(experiment.backend), "toy", None)
    return {"task": fitting} if fitting and "task" in parameters(corpus) else {}


def shared(corpora: Sequence[type], options: Mapping[str, Any], section: str) -> list[dict[str, Any]]:
    """What each of several corpora takes of the options of their one section.

    Raises:
        UnknownNameError: None of them has one of the options.
    """
    tables = [parameters(corpus) for corpus in corpora]
    for name in options:
        if not any(name in table for table in tables):
            raise unknown("option", name, {known for table in tables for known in table}, owner=f"-o {section}")
    return [{name: value for name, value in options.items() if name in table} for table in tables]


def check_named(experiment: Experiment) -> None:
    """Refuse options of a corpus that is not named.

    Raises:
        SefrontError: Naming the option.
    """
    for section in ("valid_corpus", "test_noise", "frontend_corpus", "frontend_noise"):
        for name in experiment.section(section):
            if not getattr(experiment, section):
                raise SefrontError(f"-o {section}.{name}: there is no --{section.replace('_', '-')} that could take it")
