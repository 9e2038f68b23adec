"""From an experiment to mixtures: the corpora that it names, each with the options that it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

from sefront.core.clips import SPLITS, Split, Task, Wanted
from sefront.core.damages import Damages
from sefront.core.data import Material, Mixtures
from sefront.core.division import OWN
from sefront.core.errors import BadOptionError, SefrontError, unknown
from sefront.core.experiment import Experiment
from sefront.core.parameters import checked, parameters, words
from sefront.core.protocols import Corpus
from sefront.core.randomness import derive
from sefront.core.reader import Reader
from sefront.core.recorded import are_recorded
from sefront.core.setup import Components, mixing_of
from sefront.core.sources import Noise, Source, located, noises, opened, test_noises, type_of, wanted_of
from sefront.core.spelling import SEVERAL
from sefront.core.splitting import divide

PLURAL = {"speech": "speech", "scene": "scenes", "noise": "noise"}
SCENES = "scenes"  # the task of a corpus of several whose noise is speech


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
        """The corpus that `spec` names; the toy corpus takes the task that fits the backend.

        The corpus of the task is divided as the experiment says, any other by itself.

        Raises:
            SefrontError: It cannot be opened, or cannot be divided so.
        """
        e = self.experiment
        name, root = located(spec, self.components.corpora)
        component, given = self.components.corpora[name], e.section(section)
        hints = corpus_hints(e, component, self.components)
        corpus = opened(name, root, component, {**hints, **given, **trust(e, component)})
        if section != "corpus":
            return corpus
        check_unstated(component, given, e.splits)
        return divide(corpus, e.splits, e.fold, e.seed, f"corpus '{name}'")

    def called(self, spec: str) -> str:
        """What the speakers of the corpus that `spec` names are known by."""
        return type_of(*located(spec, self.components.corpora))

    def noise(self, specs: tuple[str, ...], section: str, wanted: Wanted = "speech") -> list[Noise]:
        """The corpora named as noise, each with those options of the section that it has.

        Args:
            specs: What names them.
            section: The section of their options; what is named as ``intruder`` disturbs by its speech.
            wanted: What they disturb.

        Raises:
            UnknownNameError: None of them has one of the options.
            SefrontError: An intruder is not of speech.
        """
        found = [located(spec, self.components.corpora) for spec in specs]
        components = [self.components.corpora[name] for name, _ in found]
        given = shared(components, self.experiment.section(section), section)
        noises = []
        for spec, (name, root), component, options in zip(specs, found, components, given, strict=True):
            hints, trusted = noise_hints(section, component, wanted), trust(self.experiment, component)
            corpus = opened(name, root, component, {**hints, **options, **trusted})
            if section == "intruder" and corpus.role() != "speech":
                raise SefrontError(
                    f"--intruder {spec}: holds {PLURAL[corpus.role()]}, but what intrudes upon scenes is speech; "
                    "name a corpus of speech"
                )
            noises.append(Noise(type_of(name, root), corpus, section == "intruder"))
        return noises

    def disturbing(self, wanted: Wanted) -> list[Noise]:
        """What disturbs speech or scenes.

        Raises:
            SefrontError: Speech would intrude upon speech.
        """
        e = self.experiment
        if not e.intruder:
            return self.noise(e.noise, "noise", wanted)
        if wanted == "speech":
            raise SefrontError(
                f"--intruder {e.intruder[0]}: speech intrudes upon scenes, but corpus '{e.corpus}' holds none; "
                "name what disturbs speech with --noise"
            )
        return self.noise(e.intruder, "intruder")

    def source(self, task: Task | None, wanted: Wanted, *, test: bool = False) -> Source:
        """What all mixtures of the experiment share, or all of its `test`."""
        conditions = mixing_of(self.experiment, test=test)
        return Source(self.reader, self.damages, self.experiment.levels(task)[0], task, wanted, conditions)

    def material(self, corpus: Corpus) -> Material:
        """Training and development mixtures of the task."""
        e, wanted = self.experiment, wanted_of(corpus)
        valid = self.corpus(e.valid_corpus, "valid_corpus") if e.valid_corpus else corpus
        named = (e.corpus, corpus), (e.valid_corpus or e.corpus, valid)
        return self._material(*named, lambda: self.disturbing(wanted), self.source(corpus.task(), wanted))

    def frontend_material(self, corpus: Corpus) -> Material | None:
        """What the frontend's own phase learns from, where that was named apart.

        Raises:
            SefrontError: It would learn to keep something else.
        """
        e, wanted = self.experiment, wanted_of(corpus)
        if not e.frontend_corpus and not e.frontend_noise:
            return None
        own = self.corpus(e.frontend_corpus, "frontend_corpus") if e.frontend_corpus else corpus
        if wanted_of(own) != wanted:
            raise SefrontError(
                f"--frontend-corpus {e.frontend_corpus}: is of {PLURAL[wanted_of(own)]}, but corpus '{e.corpus}' of "
                f"{PLURAL[wanted]}; what a frontend keeps has to be the same"
            )
        named = (e.frontend_corpus or e.corpus, own)
        if not e.frontend_noise:
            return self._material(named, named, lambda: self.disturbing(wanted), self.source(None, wanted))
        noise = self.noise(e.frontend_noise, "frontend_noise", wanted)
        return self._material(named, named, lambda: noise, self.source(None, wanted))

    def _material(
        self, train: tuple[str, Corpus], valid: tuple[str, Corpus], noise: Callable[[], list[Noise]], source: Source
    ) -> Material:
        apart, found = bool(self.experiment.test_noise), cache(noise)  # which recordings in noise never ask for

        def mixtures(named: tuple[str, Corpus], split: Split, seed: int) -> Mixtures:
            what, clips = f"corpus '{named[0]}', {split} split", named[1].clips(split)
            heard = [] if are_recorded(clips, what) else noises(found(), split, apart)
            return source.mixtures(what, clips, heard, seed)

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
        found = [corpus.clips(s) for s in splits]
        clips = found[0] if len(found) == 1 else list(chain(*found))
        wanted, what = task.wanted if task else wanted_of(corpus), f"corpus '{e.corpus}', {split} split"
        if are_recorded(clips, what):
            noise = []
        elif e.test_noise:
            noise = test_noises(self.noise(e.test_noise, "test_noise", wanted))
        else:
            noise = noises(self.disturbing(wanted), "test", False)
        return self.source(task or corpus.task(), wanted, test=True).mixtures(what, clips, noise, 2)


def check_unstated(corpus: type, given: Mapping[str, Any], splits: str) -> None:
    """Refuse options of a corpus that state its splits where these are made otherwise.

    Raises:
        BadOptionError: Naming the option.
    """
    table = parameters(corpus)
    for name in set(SPLITS) & set(given) & set(table) if splits != OWN else ():
        if checked(table[name], given[name], "corpus") != table[name].default:
            raise BadOptionError(
                f"-o corpus.{name}={given[name]} is about the corpus' own splits, but --splits {splits} makes others; "
                "leave one of them out"
            )


def corpus_hints(experiment: Experiment, corpus: type, components: Components) -> dict[str, Any]:
    """The task that the backend is made for, where the corpus has several to choose from."""
    fitting = getattr(components.backends.get(experiment.backend), "toy", None)
    return {"task": fitting} if fitting and "task" in parameters(corpus) else {}


def trust(experiment: Experiment, corpus: type) -> dict[str, Any]:
    """That a list may lead out of its folder, where the user vouches for all that are named."""
    return {"follow_outside": True} if experiment.follow_outside and "follow_outside" in parameters(corpus) else {}


def noise_hints(section: str, corpus: type, wanted: Wanted) -> dict[str, Any]:
    """Options that what a corpus is named for settles: an intruder is of speech, and what disturbs scenes as well."""
    table = parameters(corpus)
    if section == "intruder":
        return {"role": "speech"} if "role" in table else {}
    fitting = wanted == "scene" and "task" in table and SCENES in words(table["task"].annotation)
    return {"task": SCENES} if fitting else {}


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


def check_named(experiment: Experiment, components: Components) -> None:
    """Refuse options of a corpus that is not named, and trust where no list is.

    Raises:
        SefrontError: Naming the option.
    """
    for section in ("valid_corpus", *SEVERAL, "frontend_corpus"):
        for name in experiment.section(section):
            if not getattr(experiment, section):
                raise SefrontError(f"-o {section}.{name}: there is no --{section.replace('_', '-')} that could take it")
    corpora = components.corpora
    specs = [getattr(experiment, name) for name in ("corpus", "valid_corpus", "frontend_corpus")]
    specs += [spec for section in SEVERAL for spec in getattr(experiment, section)]
    kinds = [corpora[located(spec, corpora)[0]] for spec in specs if spec]
    if experiment.follow_outside and not any(trust(experiment, kind) for kind in kinds):
        raise SefrontError("--follow-outside: none of the corpora is a list of files; leave it out")
