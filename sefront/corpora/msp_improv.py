"""MSP-IMPROV: twelve actors in six sessions of dialogues, improvised, natural and read, in four classes.

A line such as ``UTD-IMPROV-S01A-F01-P-FM01.avi; N; A:3.000000; V:3.500000; D:3.000000 ; N:4.000000;`` of the
evaluation file holds the emotion that most raters heard; the audio of the video has MSP for UTD. The name says the
sentence and what was to be acted (S01A), speaker and session (F01), and the scenario (P).
Latif et al. 2020, doi:10.21437/Interspeech.2020-3190, test one speaker and validate with the other of the session.
Source: Busso et al. 2017, doi:10.1109/TAFFC.2016.2515617.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from sefront.core.audio import AudioFile
from sefront.core.clips import Card, Clip, Split, Task
from sefront.core.corpora import audio_below, by_stem, faults, folder_at
from sefront.core.errors import SefrontError
from sefront.core.speakers import last_held_out

LAYOUT = (
    "Evaluation.txt and session1/S01A/P/MSP-IMPROV-S01A-F01-P-FM01.wav (or .flac), likewise for session2 to session6"
)
LISTS = ("Evaluation.txt", "Evalution.txt")  # as the corpus spells it, too
LINE = re.compile(
    r"UTD-IMPROV-(?P<name>S\d\d[AHNS]-(?P<gender>[FM])(?P<session>\d\d)-\w-\w+)\.avi;\s*(?P<code>\w)\s*;.*"
)
EMOTIONS = {"A": "angry", "H": "happy", "N": "neutral", "S": "sad"}


class MSPImprov:
    """Improvised dialogues in four classes, split by speaker.

    The speakers are 1F, 1M, 2F and so on to 6M; -o corpus.test=1F and so on give the twelve folds of Latif et al.

    Args:
        train: Speakers or sessions to train on, such as 1F,2; empty means those that the other splits leave.
        valid: Speakers or sessions for validation; empty means the partners of who is tested, else the last one left.
        test: Speakers or sessions for test; empty means the last speaker that train and valid leave.
    """

    def __init__(
        self, root: Path, *, train: tuple[str, ...] = (), valid: tuple[str, ...] = (), test: tuple[str, ...] = ()
    ) -> None:
        self._root = folder_at(Path(root), LAYOUT)
        rated = evaluations(self._root)
        files = by_stem(audio_below(self._root, LAYOUT))
        wanted = {f"MSP-IMPROV-{name}": match for name, match in rated.items() if match["code"] in EMOTIONS}
        self._rated = len(wanted)
        self._absent = [name for name in wanted if name not in files]
        self._untold = sorted(name for name in files if name.removeprefix("MSP-IMPROV-") not in rated)
        clips = [clip_of(name, files[name], match) for name, match in wanted.items() if name in files]
        if not clips:
            raise SefrontError(f"{self._root}: no clip of the four classes has audio; expected {LAYOUT}")
        stated: Mapping[Split, tuple[str, ...]] = {"train": train, "valid": valid, "test": test}
        self._splits = last_held_out(clips, stated, f"msp_improv at {self._root}")

    def role(self) -> Literal["speech"]:
        """Acted and natural speech."""
        return "speech"

    def task(self) -> Task:
        """Four emotions, judged by unweighted average recall."""
        return Task("classification", tuple(sorted(EMOTIONS.values())), "uar")

    def clips(self, split: Split) -> Sequence[Clip]:
        """The clips of a split's speakers, as the evaluation file lists them."""
        return self._splits[split]

    def splits_of_its_own(self) -> bool:
        """Splits are the speakers'."""
        return True

    def problems(self) -> list[str]:
        """Unreadable files, rated clips without audio, and audio that nobody rated."""
        found = [*faults(self._splits), *(f"{name}: not in the evaluation file, left out" for name in self._untold)]
        if self._absent:
            lack = f"{len(self._absent)} of {self._rated} rated clips have no audio"
            found.append(f"{self._root}: {lack} (first: {self._absent[0]})")
        return found

    def card(self) -> Card:
        """Busso et al. 2017."""
        return Card(
            licence="MSP-IMPROV academic licence agreement, on request",
            citation="C. Busso, S. Parthasarathy, A. Burmania, M. AbdelWahab, N. Sadoughi and E. Mower Provost, "
            "'MSP-IMPROV: An acted corpus of dyadic interactions to study emotion perception', IEEE Transactions on "
            "Affective Computing 8(1), 2017, doi:10.1109/TAFFC.2016.2515617",
            size="8438 clips of 12 speakers, 7798 of them in the four classes",
            source="https://ecs.utdallas.edu/research/researchlabs/msp-lab/MSP-Improv.html",
            apart=("speaker", "recording"),
            layout=LAYOUT,
            clips=7798,
        )


def evaluations(root: Path) -> dict[str, re.Match[str]]:
    """What the evaluation file says of each clip, by the name without its first two parts; single votes are skipped.

    Raises:
        SefrontError: There is no such file, or a line of a clip is of another form.
    """
    path = next((root / name for name in LISTS if (root / name).is_file()), None)
    if path is None:
        raise SefrontError(f"{root / LISTS[0]}: no such file; expected {LAYOUT}")
    rated: dict[str, re.Match[str]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if line.startswith("UTD-IMPROV-"):
            match = LINE.fullmatch(line.strip())
            if match is None:
                raise SefrontError(f"{path}, line {number}: '{line.strip()}' is not of the form CLIP.avi; EMOTION; ...")
            rated[match["name"]] = match
    return rated


def clip_of(name: str, path: Path, match: re.Match[str]) -> Clip:
    """The clip that a line of the evaluation file describes."""
    session = str(int(match["session"]))
    return Clip(name, AudioFile(path), EMOTIONS[match["code"]], f"{session}{match['gender']}", session)
