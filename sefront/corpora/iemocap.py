"""IEMOCAP: ten actors in five sessions of dialogues, improvised and scripted, in four classes.

A line such as ``[6.2901 - 8.2357]  Ses01F_impro01_F000  neu  [2.5000, 2.5000, 2.5000]`` of an evaluation file holds the
emotion that most raters agreed on. The letter before the utterance's number says who of the two speaks.
Source: Busso et al. 2008, doi:10.1007/s10579-008-9076-6. Protocols: Latif et al. 2020,
doi:10.21437/Interspeech.2020-3190; Zhong et al. 2020, doi:10.1109/ACCESS.2020.3043894; Zhou et al. 2020.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from sefront.core.audio import AudioFile, audio_files
from sefront.core.clips import Card, Clip, Split, Task
from sefront.core.corpora import by_stem, faults, folder_at
from sefront.core.errors import SefrontError
from sefront.core.speakers import last_held_out

LAYOUT = (
    "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt and Session1/sentences/wav/Ses01F_impro01/"
    "Ses01F_impro01_F000.wav (or .flac), likewise for Session2 to Session5"
)
LINE = re.compile(
    r"\[[\d.]+\s*-\s*[\d.]+\]\s+"
    r"(?P<name>Ses0(?P<session>\d)[FM]_(?P<kind>impro|script)\w*_(?P<gender>[FM])\d+)\s+(?P<code>[a-z]{3})\b.*"
)
EMOTIONS = {"ang": "angry", "hap": "happy", "neu": "neutral", "sad": "sad"}
COUNTS = {(False, True): 5531, (False, False): 4490, (True, False): 2280}  # by improvised and excited


class Protocol(NamedTuple):
    """What a paper takes of the corpus: improvised dialogues only, excited as happy, whom it tests."""

    improvised: bool
    excited: bool
    test: tuple[str, ...] = ()


class Rated(NamedTuple):
    """An utterance and the code of its emotion, such as neu."""

    name: str
    code: str
    speaker: str
    session: str
    improvised: bool


PROTOCOLS = {
    "latif": Protocol(improvised=False, excited=True),
    "zhong": Protocol(improvised=True, excited=False, test=("5",)),
    "zhou": Protocol(improvised=True, excited=False, test=("3F",)),
}


class IEMOCAP:
    """Acted dialogues in four classes, split by speaker.

    The speakers are 1F, 1M, 2F and so on to 5M. A fold of Latif et al. tests one speaker and validates with the other
    of the session: -o corpus.test=1F and so on, ten in all. A fold of Zhong et al. tests a session: -o corpus.test=1 to
    5; they say nothing of validation, for which one of their eight training speakers is taken. Zhou et al. test
    session 3; their accuracies are multiples of 1/274, about what one speaker says, so that 3F is tested here and 3M
    validates. For the rest they point to Zhang et al. 2018, read here as improvised dialogues without excited.

    Args:
        protocol: Whose choices the other options start from.
        improvised: Whether scripted dialogues are left out; None: as the protocol has it, latif keeps them.
        excited: Whether excited counts as happy, else it is left out; None: as the protocol has it, so for latif only.
        train: Speakers or sessions to train on, such as 1F,2; empty means those that the other splits leave.
        valid: Speakers or sessions for validation; empty means the partners of who is tested, else the last one left.
        test: Speakers or sessions for test; empty means as the protocol has it: 5M, session 5, or 3F.
    """

    _count: int | None = COUNTS[False, True]  # what the card says where no audio is at hand

    def __init__(
        self,
        root: Path,
        *,
        protocol: Literal["latif", "zhong", "zhou"] = "latif",
        improvised: bool | None = None,
        excited: bool | None = None,
        train: tuple[str, ...] = (),
        valid: tuple[str, ...] = (),
        test: tuple[str, ...] = (),
    ) -> None:
        self._root = folder_at(Path(root), LAYOUT)
        chosen = PROTOCOLS[protocol]
        only_improvised = chosen.improvised if improvised is None else improvised
        with_excited = chosen.excited if excited is None else excited
        self._count = COUNTS.get((only_improvised, with_excited))
        sessions = [path for path in sorted(self._root.glob("Session[1-5]")) if path.is_dir()]
        if not sessions:
            raise SefrontError(f"{self._root}: no folder Session1 to Session5; expected {LAYOUT}")
        emotions = EMOTIONS | ({"exc": "happy"} if with_excited else {})
        rated = [
            one for one in evaluations(sessions) if one.code in emotions and (one.improvised or not only_improvised)
        ]
        files = by_stem(path for session in sessions for path in audio_files(session / "sentences" / "wav"))
        self._rated = len(rated)
        self._absent = [one.name for one in rated if one.name not in files]
        clips = [
            Clip(one.name, AudioFile(files[one.name]), emotions[one.code], one.speaker, one.session)
            for one in rated
            if one.name in files
        ]
        if not clips:
            raise SefrontError(f"{self._root}: no utterance of the four classes has audio; expected {LAYOUT}")
        stated: Mapping[Split, tuple[str, ...]] = {"train": train, "valid": valid, "test": test or chosen.test}
        self._splits = last_held_out(clips, stated, f"iemocap at {self._root}")

    def role(self) -> Literal["speech"]:
        """Acted speech."""
        return "speech"

    def task(self) -> Task:
        """Four emotions, judged by unweighted average recall."""
        return Task("classification", tuple(sorted(EMOTIONS.values())), "uar")

    def clips(self, split: Split) -> Sequence[Clip]:
        """The utterances of a split's speakers, dialogue by dialogue."""
        return self._splits[split]

    def splits_of_its_own(self) -> bool:
        """Splits are the speakers'."""
        return True

    def problems(self) -> list[str]:
        """Unreadable files, and rated utterances without audio."""
        found = list(faults(self._splits))
        if self._absent:
            found.append(
                f"{self._root}: {len(self._absent)} of {self._rated} rated utterances have no audio "
                f"(first: {self._absent[0]})"
            )
        return found

    def card(self) -> Card:
        """Busso et al. 2008."""
        return Card(
            licence="IEMOCAP release form: research only, on request",
            citation="C. Busso, M. Bulut, C.-C. Lee, A. Kazemzadeh, E. Mower, S. Kim, J. N. Chang, S. Lee and "
            "S. S. Narayanan, 'IEMOCAP: Interactive emotional dyadic motion capture database', Language Resources and "
            "Evaluation 42, 2008, doi:10.1007/s10579-008-9076-6",
            size="12 hours of 10 speakers; 5531 clips in four classes with excited, 2280 improvised without",
            source="https://sail.usc.edu/iemocap/",
            apart=("speaker", "recording"),
            layout=LAYOUT,
            clips=self._count,
        )


def evaluations(sessions: Sequence[Path]) -> Iterator[Rated]:
    """The rated utterances of all dialogues, in any emotion.

    Raises:
        SefrontError: There are no evaluation files, or a line in one is of another form.
    """
    for session in sessions:
        folder = session / "dialog" / "EmoEvaluation"
        files = sorted(folder.glob("Ses*.txt"))
        if not files:
            raise SefrontError(f"{folder}: no evaluation files there; expected {LAYOUT}")
        for file in files:
            for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
                if line.startswith("["):
                    yield rated_by(line.strip(), f"{file}, line {number}")


def rated_by(line: str, where: str) -> Rated:
    """What a line says of an utterance; raises SefrontError, which names `where`, if it is of another form."""
    match = LINE.fullmatch(line)
    if match is None:
        raise SefrontError(f"{where}: '{line}' is not of the form [TIMES] UTTERANCE EMOTION")
    speaker = match["session"] + match["gender"]
    return Rated(match["name"], match["code"], speaker, match["session"], match["kind"] == "impro")
