"""DEMAND: five minutes of noise from each of eighteen places, recorded with sixteen microphones at once.

By default the five places of Latif et al. 2020 (doi:10.21437/Interspeech.2020-3190): kitchen, park, station, traffic
and cafeteria. Each place is one recording, of which one microphone is taken; so splits keep places apart, and as test
noise all of them count.
Source: Thiemann, Ito and Vincent 2013, doi:10.1121/1.4799597.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sefront.core.audio import AudioFile, audio_files
from sefront.core.clips import Card, Clip, Split
from sefront.core.corpora import by_stem, divided, faults, folder_at
from sefront.core.errors import SefrontError, unknown

LAYOUT = "ENVIRONMENT/ch01.wav to ch16.wav (or .flac), ENVIRONMENT such as DKITCHEN"
USUAL = ("DKITCHEN", "NPARK", "PSTATION", "STRAFFIC", "PCAFETER")
MICROPHONES = 16


class Demand:
    """Noise of everyday places; the type is the place.

    Args:
        environments: The places to take, such as DKITCHEN,TBUS; empty means every place that is there.
        channel: Which microphone, 1 to 16.
    """

    _places: tuple[str, ...] = USUAL  # of a card without audio

    def __init__(self, root: Path, *, environments: tuple[str, ...] = USUAL, channel: int = 1) -> None:
        if not 1 <= channel <= MICROPHONES:
            raise ValueError(f"channel is {channel}; DEMAND has microphones 1 to {MICROPHONES}")
        self._root = folder_at(Path(root), LAYOUT)
        microphone = f"ch{channel:02}"
        files = {
            folder.name: by_stem(audio_files(folder))
            for folder in sorted(self._root.iterdir())
            if folder.is_dir() and not folder.name.startswith(".")
        }
        present = {name: found for name, found in files.items() if any(stem.startswith("ch") for stem in found)}
        if not present:
            raise SefrontError(f"{self._root}: no folders with recordings; expected {LAYOUT}")
        self._places = tuple(dict.fromkeys(environments)) or tuple(present)
        for place in self._places:
            if place not in present:
                raise unknown("environment", place, present, f"demand at {self._root}")
        clips = [
            Clip(f"{place}/{microphone}", AudioFile(self._file(place, microphone, present[place])), place)
            for place in self._places
        ]
        self._splits = divided(clips, lambda clip: clip.id, lambda clip: str(clip.target), pooled=True)

    def _file(self, place: str, microphone: str, found: dict[str, Path]) -> Path:
        return found.get(microphone, self._root / place / f"{microphone}.wav")

    def role(self) -> Literal["noise"]:
        """Noise without foreground speech."""
        return "noise"

    def task(self) -> None:
        """Nothing to predict."""

    def clips(self, split: Split) -> Sequence[Clip]:
        """The places of a split, whole recordings; the target is the place."""
        return self._splits[split]

    def splits_of_its_own(self) -> bool:
        """The splits are drawn, so that as test noise everything counts."""
        return False

    def problems(self) -> list[str]:
        """Missing and unreadable files."""
        return list(faults(self._splits))

    def card(self) -> Card:
        """Thiemann et al. 2013."""
        return Card(
            licence="CC BY-SA 3.0 as its documentation says; its page at Zenodo says CC BY 4.0",
            citation="J. Thiemann, N. Ito and E. Vincent, 'The Diverse Environments Multi-channel Acoustic Noise "
            "Database (DEMAND): A database of multichannel environmental noise recordings', ICA 2013, "
            "doi:10.1121/1.4799597",
            size="18 places of 5 minutes, 16 microphones, 48 kHz and 16 kHz; one microphone of each place is a clip",
            source="https://doi.org/10.5281/zenodo.1227121",
            apart=("recording",),
            layout=LAYOUT,
            clips=len(self._places),
        )
