"""What is looked at before training starts: that nothing leaks, and that no part has met the test before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from sefront.core.data import Material, Mixtures
from sefront.core.division import Division
from sefront.core.experiment import Experiment
from sefront.core.exposure import REMEDIES, Exposure
from sefront.core.leaks import Breach, Pair, Side, breaches, check
from sefront.core.supply import Data


@dataclass(frozen=True)
class Precautions:
    """All that an experiment learns from and is tested on.

    Args:
        data: What names it.
        division: How its corpus is divided.
        material: What it learns from.
        test: What it is tested on.
        frontend_material: What the frontend alone learns from first, where that is something else.
        before: What parts that come from other runs have learnt from there, by part.
    """

    data: Data
    division: Division
    material: Material
    test: Mixtures
    frontend_material: Material | None
    before: Mapping[str, Exposure]

    @property
    def experiment(self) -> Experiment:
        """The experiment."""
        return self.data.experiment

    def taken(self) -> tuple[list[Breach], str]:
        """What leaks, and the line that says that it is allowed.

        Raises:
            SefrontError: Something leaks and is not allowed to.
        """
        allowed = self.experiment.allow_leak
        leaks, known = list(breaches(list(self.pairs()))), list(self.known())
        lines = [check(leaks, allowed), check(known, allowed, REMEDIES)]
        return [*leaks, *known], "; ".join(filter(None, lines))

    def pairs(self) -> Iterator[Pair]:
        """What has to be apart: the three parts, the frontend's own speech from the test, and noise from noise."""
        e, apart = self.experiment, "speaker" in self.division.apart
        corpus, valid = self.data.called(e.corpus), self.data.called(e.valid_corpus or e.corpus)
        test = Side("test", self.test.clips, corpus)
        learnt = [Side("train", self.material.train.clips, corpus), Side("valid", self.material.valid.clips, valid)]
        yield Pair(learnt[0], learnt[1], speakers=apart)
        noise = [Side.noise("training noise", self.material.train, self.material.valid)]
        if self.frontend_material is not None:
            own = self.data.called(e.frontend_corpus or e.corpus)
            parts = self.frontend_material.train, self.frontend_material.valid
            learnt += [
                Side("the frontend's train", parts[0].clips, own),
                Side("the frontend's valid", parts[1].clips, own),
            ]
            noise.append(Side.noise("the frontend's noise", *parts))
        for one, other in product([*learnt, *noise], [test]):
            yield Pair(one, other, speakers=apart)
        heard = Side.noise("test noise", self.test)
        for one in noise:
            yield Pair(one, heard, "noise recording")

    def known(self) -> Iterator[Breach]:
        """What of the test the parts of other runs know."""
        tested = Side("test", self.test.clips, self.data.called(self.experiment.corpus))
        for part, exposure in self.before.items():
            who = f"the {part} of {getattr(self.experiment, f'init_{part}')}"
            noise = Side.noise("test noise", self.test)
            yield from exposure.breaches(who, tested, noise, "speaker" in self.division.apart)

    def exposure(self, part: str, lessons: Sequence[tuple[Material, bool]]) -> Exposure:
        """What `part` has learnt from: in other runs, and from `lessons`, whose noise it has heard or not."""
        e, found = self.experiment, self.before.get(part, Exposure())
        for own in {id(material): material for material, _ in lessons}.values():
            heard = any(noisy for material, noisy in lessons if material is own)
            named = e.frontend_corpus if own is self.frontend_material else None
            for mixtures, spec in ((own.train, e.corpus), (own.valid, e.valid_corpus or e.corpus)):
                found = found | Exposure.to(mixtures, self.data.called(named or spec), heard)
        return found
