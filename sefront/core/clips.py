"""What a corpus supplies: tasks, clips and cards. Nothing here imports torch, so that listing corpora stays quick."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Split = Literal["train", "valid", "test"]
Wanted = Literal["speech", "scene"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")


@dataclass(frozen=True)
class Task:
    """What a backend is asked to predict.

    Args:
        kind: How targets and scores are shaped.
        labels: Class names, the alphabet (index 0 is the CTC blank), or the names of the traced dimensions.
        metric: Name of the headline metric, such as ``uar``.
        wanted: What must survive enhancement; fixes the sign of the SNR and which signal metrics apply.
        frame_rate: Frames per second of a trace in Hz; None for other kinds.
    """

    kind: Literal["classification", "transcription", "trace"]
    labels: tuple[str, ...]
    metric: str
    wanted: Wanted = "speech"
    frame_rate: float | None = None


@runtime_checkable
class Recording(Protocol):
    """Mono audio that can be read at any sample rate: a file, a part of one, or a synthesiser's output.

    Optional: `version()`, a text that names the samples and changes when they do; only what has one is kept on disk.
    """

    def duration(self) -> float:
        """Length in seconds, without decoding the audio."""
        ...

    def read(self, sample_rate: int) -> NDArray[np.float32]:
        """Samples at `sample_rate` Hz, shape (samples,), in [-1, 1].

        Raises:
            DamagedAudioError: The audio is unreadable, truncated, empty or not finite.
        """
        ...


@runtime_checkable
class Tracing(Protocol):
    """What was traced along a recording, such as arousal and valence."""

    def values(self) -> NDArray[np.float32]:
        """The trace, (frames, dimensions), at the frame rate of the task.

        Raises:
            DamagedAudioError: It cannot be read.
        """
        ...


@dataclass(frozen=True)
class Clip:
    """One recording and what is known about it.

    Args:
        id: Stable and unique within its corpus; mixtures are seeded with it.
        audio: Where the samples come from.
        target: Class name, transcript or trace; for noise its type; None where unlabelled.
        speaker: Who speaks, where known.
        session: Recording session, where known.
        recorded: Whether it is noisy as it came, so that nothing is mixed into it.
        reference: The clean part of such a recording, sample for sample, where there is one.
        recording: What it was cut from, where it is a file of its own.
    """

    id: str
    audio: Recording
    target: str | Tracing | None = None
    speaker: str | None = None
    session: str | None = None
    recorded: bool = False
    reference: Recording | None = None
    recording: str | None = None


@dataclass(frozen=True)
class Card:
    """What a user must know before using a corpus.

    Args:
        licence: Licence of the audio.
        citation: Whom to cite, with a DOI or address where there is one.
        size: Rough size in clips or hours.
        source: Where to get it.
        apart: What the splits keep apart, such as ``("speaker",)``.
        layout: What has to lie where below the root.
        clips: How many clips the whole corpus has, where that is known.
        known: Faults of the published audio itself, such as ``("clipped", "duplicate")``; a check only remarks on them.
    """

    licence: str
    citation: str
    size: str
    source: str
    apart: tuple[str, ...] = field(default=())
    layout: str = ""
    clips: int | None = None
    known: tuple[str, ...] = ()


@dataclass(frozen=True)
class MetricCard:
    """What a metric compares and how its number is to be read.

    Args:
        compares: Kind of the two things compared.
        over: Whether one value belongs to a clip or to a whole set of clips.
        unit: Unit of the value, empty for plain numbers.
        bounds: Smallest and largest possible value.
        higher_is_better: Which end is the good one.
        citation: Definition the implementation follows.
        of: What the waves have to hold for it to be defined.
    """

    compares: Literal["waves", "labels", "scores", "transcripts", "traces"]
    over: Literal["clip", "set"]
    unit: str
    bounds: tuple[float, float]
    higher_is_better: bool
    citation: str
    of: Literal["speech", "any"] = "any"

    def applies(self, wanted: str) -> bool:
        """Whether it is defined for waves of which speech or a scene is `wanted`."""
        return self.of in ("any", wanted)
