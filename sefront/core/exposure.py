"""What a part has learnt from, and those before it: kept beside its checkpoint, and looked at before it is tested.

A recording is known by eight bytes, a hash of its length and of a block in the middle, which it keeps under any name. A
speaker is known by corpus and name: the 14 of one corpus is not that of another.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sefront.core.data import Mixtures
from sefront.core.errors import SefrontError
from sefront.core.files import write_json
from sefront.core.fingerprints import fingerprint
from sefront.core.leaks import Breach, Side, Speaker

PLACE = Path("checkpoint") / "exposure.json"
REMEDY = "test on something else, or name a run that has not learnt from it"
REMEDIES = dict.fromkeys(("speaker", "recording", "noise recording"), REMEDY)


@dataclass(frozen=True)
class Exposure:
    """What was learnt from, or chosen by.

    Args:
        speakers: Corpus and name of each known speaker.
        recordings: Fingerprints of the recordings that are files, in hexadecimal digits.
        noises: Fingerprints of the noise.
    """

    speakers: frozenset[Speaker] = frozenset()
    recordings: frozenset[str] = frozenset()
    noises: frozenset[str] = frozenset()

    @classmethod
    def to(cls, mixtures: Mixtures, corpus: str, noisy: bool = True) -> Exposure:
        """Exposure to `mixtures` of a `corpus`, or to what is clean in them."""
        speech = Side("", mixtures.clips, corpus)
        noise = prints(Side.noise("", mixtures)) if noisy else ()
        return cls(frozenset(speech.speakers), frozenset(prints(speech)), frozenset(noise))

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Exposure:
        """The inverse of `as_dict`."""
        known = frozenset((corpus, name) for corpus, names in values["speakers"].items() for name in names)
        return cls(known, frozenset(values["recordings"]), frozenset(values["noises"]))

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        corpora = sorted({corpus for corpus, _ in self.speakers})
        speakers = {corpus: sorted(name for home, name in self.speakers if home == corpus) for corpus in corpora}
        return {"speakers": speakers, "recordings": sorted(self.recordings), "noises": sorted(self.noises)}

    def __or__(self, other: Exposure) -> Exposure:
        return Exposure(self.speakers | other.speakers, self.recordings | other.recordings, self.noises | other.noises)

    def __sub__(self, other: Exposure) -> Exposure:
        return Exposure(self.speakers - other.speakers, self.recordings - other.recordings, self.noises - other.noises)

    def breaches(self, who: str, tested: Side | None, noise: Side | None, speakers: bool = True) -> Iterator[Breach]:
        """What of a test is known already.

        Args:
            who: Whose exposure it is.
            tested: What is tested on; None where that is not asked.
            noise: What disturbs it, likewise.
            speakers: Whether its speakers must be new.
        """
        where = f"what {who} has learnt from"
        if tested is not None:
            if speakers and (known := self.speakers & tested.speakers):
                yield Breach("speaker", (where, tested.name), tuple(sorted(name for _, name in known)))
            if self.recordings and (found := [name for p, name in prints(tested).items() if p in self.recordings]):
                yield Breach("recording", (where, tested.name), tuple(sorted(found)))
        if noise is not None and self.noises:
            heard = {name for p, name in prints(noise).items() if p in self.noises}
            if heard:
                yield Breach("noise recording", (where, noise.name), tuple(sorted(heard)))


def prints(side: Side) -> dict[str, str]:
    """The file of each fingerprint."""
    return {found.hex(): str(audio.path) for audio in side.files if (found := fingerprint(audio))}


def together(exposures: Iterable[Exposure]) -> Exposure:
    """All of them as one."""
    whole = Exposure()
    for exposure in exposures:
        whole = whole | exposure
    return whole


def keep(run: Path, parts: Mapping[str, Exposure]) -> None:
    """Write what each part has learnt from beside the checkpoints of `run`."""
    write_json(run / PLACE, {"schema": 1, **{name: exposure.as_dict() for name, exposure in parts.items()}})


def kept(run: Path) -> dict[str, Exposure]:
    """What each part of `run` has learnt from; nothing where the run does not say.

    Raises:
        SefrontError: The file is damaged.
    """
    path = run / PLACE
    if not path.exists():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return {name: Exposure.read(part) for name, part in values.items() if name != "schema"}
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise SefrontError(f"{path}: not what sefront wrote ({error}); copy the run again") from error
