"""CHiME-4: sentences of the Wall Street Journal in a bus, a café, a pedestrian area and at a street junction.

Recorded there by the six microphones of a tablet (real), or mixed with noise from there (simu). The speech is noisy as
it comes, so nothing is mixed into it; the noise alone, long recordings of the four places, serves as noise for any
corpus. A simulated utterance has a clean reference where ``isolated_ext`` holds what its microphone would have heard
without the noise, ``NAME.CHn.Clean.wav``, as simulations that are patched to keep the parts of a mixture write it.
``tr05_org``, ``dt05_bth`` and ``et05_bth`` fit no microphone sample for sample, so they are no references.

The simulated training set has 7138 utterances; on all microphones but the second, which faces away, that makes the
35690 of Milling et al. 2024, doi:10.1007/s11390-024-2934-x. A line of a transcript is ``SPEAKER_UTTERANCE_PLACE TEXT``
or ``TEXT (SPEAKER_UTTERANCE_PLACE)``; .dot_all counts where there is no .trn_all. For the challenge's own recognisers,
``sefront enhance ROOT/data/audio/16kHz/isolated -o FOLDER --run RUN`` writes enhanced files as the corpus has them.

Source: Barker et al. 2015, doi:10.1109/ASRU.2015.7404837; Vincent et al. 2017, doi:10.1016/j.csl.2016.11.005.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from sefront.core.audio import AudioFile, audio_files
from sefront.core.clips import Card, Clip, Split, Task
from sefront.core.corpora import Splits, divided, faults, folder_at
from sefront.core.errors import SefrontError
from sefront.core.transcripts import spelt, transcription

LAYOUT = (
    "data/audio/16kHz/isolated/{tr05,dt05,et05}_{bus,caf,ped,str}_{simu,real}/SPEAKER_UTTERANCE_PLACE.CHn.wav and "
    "data/transcriptions/{tr05,dt05,et05}_{simu,real}.trn_all (or .dot_all); for noise "
    "data/audio/16kHz/backgrounds/BGD_DATE_NUMBER_PLACE.CHn.wav; for clean references "
    "data/audio/16kHz/isolated_ext/{tr05,dt05,et05}_{bus,caf,ped,str}_simu/SPEAKER_UTTERANCE_PLACE.CHn.Clean.wav"
)
AUDIO = Path("data", "audio", "16kHz")
PARTS: dict[Split, str] = {"train": "tr05", "valid": "dt05", "test": "et05"}
PLACES = ("bus", "caf", "ped", "str")
COUNTS = {("train", "simu"): 7138, ("train", "real"): 1600, ("valid", "simu"): 1640, ("valid", "real"): 1640,
          ("test", "simu"): 1320, ("test", "real"): 1320}  # fmt: skip
NAME = re.compile(r"(?P<name>(?P<speaker>[^_.]+)_[^_.]+_(?P<place>BUS|CAF|PED|STR))\.CH(?P<channel>[1-6])")
NOISE = re.compile(r"(?P<name>BGD_[^.]+_(?P<place>BUS|CAF|PED|STR))\.CH(?P<channel>[1-6])")
LAST = re.compile(r"(?P<text>.*)\((?P<name>[^\s()]+_[^\s()]+_[A-Z]+)\)\s*")
FIRST = re.compile(r"(?P<name>[^\s()_]+_[^\s()_]+_[A-Z]+)(?:\s+(?P<text>.*))?")
MARKUP = re.compile(r"\[[^\]]*\]|<NOISE>|-")  # of sounds that are no words, and hyphens

Kind = Literal["simu", "real"]


class Chime4:
    """Read speech recorded in noise, with transcripts, and four kinds of noise.

    Args:
        train: What to train on: simu, real or both, such as simu,real.
        valid: What to validate on.
        test: What to test on.
        train_channels: Microphones to train on, 1 to 6; 1,3,4,5,6 are five clips of every utterance.
        channel: Microphone to validate and test on, and of the noise.
    """

    _count: int | None = None  # of a card without audio

    def __init__(
        self,
        root: Path,
        *,
        train: tuple[Kind, ...] = ("simu",),
        valid: tuple[Kind, ...] = ("simu", "real"),
        test: tuple[Kind, ...] = ("simu", "real"),
        train_channels: tuple[int, ...] = (5,),
        channel: int = 5,
    ) -> None:
        for number in (*train_channels, channel):
            if not 1 <= number <= 6:
                raise ValueError(f"microphone {number} does not exist; CHiME-4 has 1 to 6")
        self._root = folder_at(Path(root), LAYOUT)
        self._channel = channel
        self._untold: Counter[str] = Counter()
        self._kinds: dict[Split, tuple[Kind, ...]] = {"train": train, "valid": valid, "test": test}
        self._channels: dict[Split, tuple[int, ...]] = {
            "train": tuple(sorted(set(train_channels))), "valid": (channel,), "test": (channel,)
        }  # fmt: skip
        self._count = sum(COUNTS[s, kind] * len(self._channels[s]) for s in PARTS for kind in set(self._kinds[s]))
        self._splits: Splits = {split: tuple(self._spoken(split)) for split in PARTS}
        if not any(self._splits.values()) and not self._noises():
            raise SefrontError(f"{self._root}: no utterances with transcripts, and no noise; expected {LAYOUT}")

    def _spoken(self, split: Split) -> Iterator[Clip]:
        """The clips of a split, by kind, place and name; those without a transcript are counted instead."""
        for kind in dict.fromkeys(self._kinds[split]):
            folders = [self._root / AUDIO / "isolated" / f"{PARTS[split]}_{place}_{kind}" for place in PLACES]
            found = [(path, NAME.fullmatch(path.stem)) for folder in folders for path in audio_files(folder)]
            said = transcripts(self._root / "data" / "transcriptions", f"{PARTS[split]}_{kind}") if found else {}
            for path, match in found:
                if match is None or int(match["channel"]) not in self._channels[split]:
                    continue
                if match["name"] in said:
                    name = f"{path.parent.name}/{path.stem}"
                    clean = self._root / AUDIO / "isolated_ext" / f"{name}.Clean{path.suffix}"
                    reference = AudioFile(clean) if kind == "simu" and clean.is_file() else None
                    text, speaker = said[match["name"]], match["speaker"]
                    yield Clip(name, AudioFile(path), text, speaker, recorded=True, reference=reference)
                else:
                    self._untold[path.parent.name] += 1

    def _noises(self) -> list[Clip]:
        """The long recordings of the four places, by one microphone."""
        found = [(path, NOISE.fullmatch(path.stem)) for path in audio_files(self._root / AUDIO / "backgrounds")]
        return [
            Clip(f"backgrounds/{path.stem}", AudioFile(path), match["place"])
            for path, match in found
            if match and int(match["channel"]) == self._channel
        ]

    def role(self) -> Literal["speech"]:
        """Read speech, as noisy as it was recorded or mixed."""
        return "speech"

    def task(self) -> Task:
        """What is said, judged by word error rate."""
        return transcription()

    def clips(self, split: Split) -> Sequence[Clip]:
        """The utterances of a split, simulated or real, by place; noisy already."""
        return self._splits[split]

    def noise_clips(self, split: Split) -> Sequence[Clip]:
        """Noise of the four places BUS, CAF, PED and STR, of each some recordings in every split.

        Raises:
            SefrontError: The corpus was copied without its backgrounds.
        """
        found = self._noises()
        if not found:
            where = AUDIO / "backgrounds"
            raise SefrontError(f"{self._root}: no recordings of CH{self._channel} in {where}, so there is no noise")
        return divided(found, lambda clip: clip.id, lambda clip: str(clip.target), pooled=True)[split]

    def splits_of_its_own(self) -> bool:
        """Training, development and evaluation are the corpus's own."""
        return True

    def problems(self) -> list[str]:
        """Unreadable files, recordings without a transcript or words, splits without utterances."""
        found = list(faults(self._splits))
        found += [f"{name}: {n} recordings without a transcript, left out" for name, n in self._untold.items()]
        clips = [clip for split in PARTS for clip in self._splits[split]]
        found += [f"{clip.id}: its transcript has no words" for clip in clips if not clip.target]
        return found + [f"{self._root}: no utterances for {split}" for split in PARTS if not self._splits[split]]

    def card(self) -> Card:
        """Barker et al. 2015 and Vincent et al. 2017."""
        return Card(
            licence="LDC user agreement (LDC2017S24); the sentences are those of WSJ0 (LDC93S6A)",
            citation="J. Barker, R. Marxer, E. Vincent and S. Watanabe, 'The third CHiME speech separation and "
            "recognition challenge: Dataset, task and baselines', ASRU 2015, doi:10.1109/ASRU.2015.7404837; "
            "E. Vincent, S. Watanabe, A. A. Nugraha, J. Barker and R. Marxer, 'An analysis of environment, microphone "
            "and data simulation mismatches in robust speech recognition', Computer Speech and Language 46, 2017, "
            "doi:10.1016/j.csl.2016.11.005",
            size="10098 simulated and 4560 real utterances, six microphones each, and hours of noise in four places",
            source="https://catalog.ldc.upenn.edu/LDC2017S24",
            apart=("speaker", "recording"),
            layout=LAYOUT,
            clips=self._count,
        )


def transcripts(folder: Path, part: str) -> dict[str, str]:
    """What is said in each utterance of a `part` such as et05_real; nothing where no file tells.

    Raises:
        SefrontError: A line of another form.
    """
    paths = [folder / f"{part}{suffix}" for suffix in (".trn_all", ".dot_all")]
    path = next((path for path in paths if path.is_file()), None)
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path else []
    said: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        match = LAST.fullmatch(line) or FIRST.fullmatch(line.strip())
        if match is not None:
            said[match["name"]] = spelt(MARKUP.sub(" ", match["text"] or ""))
        elif line.strip():
            raise SefrontError(
                f"{path}, line {number}: '{line.strip()}' is not of the form NAME TEXT or TEXT (NAME), NAME such as "
                "M05_440C0201_BUS"
            )
    return said
