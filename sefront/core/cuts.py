"""Cuts of Lhotse, another toolkit's lists of clips, made of any corpus whose clips are files.

Source: Żelasko et al. 2021, Lhotse: a speech data representation library, doi:10.48550/arXiv.2110.12561.
"""

from __future__ import annotations

import json
from typing import Any, TextIO

from sefront.core.audio import AudioFile, header
from sefront.core.clips import Clip
from sefront.core.extras import extra
from sefront.core.inventory import Inventory, Row

PLACED = ("id", "path", "start", "end", "speaker", "transcript")
"""What has a place of its own in a cut; the rest is in its `custom`."""


def library() -> Any:
    """The package.

    Raises:
        MissingExtraError: It is not installed.
    """
    return extra("lhotse", "lhotse", "reading and writing cuts of Lhotse")


def write_cuts(file: TextIO, inventory: Inventory) -> int:
    """Write a cut for each clip in JSON Lines; the number of cuts.

    Raises:
        SefrontError: A clip has no file, or one that cannot be read.
    """
    lhotse = library()
    count = 0
    for clip, split in inventory.clips():
        file.write(json.dumps(cut_of(clip, inventory.row(clip, split), lhotse).to_dict(), ensure_ascii=False) + "\n")
        count += 1
    return count


def cut_of(clip: Clip, row: Row, lhotse: Any) -> Any:
    """The cut of a clip with a file, of which a row of a list knows the rest."""
    part = clip.audio if isinstance(clip.audio, AudioFile) else AudioFile(row["path"])
    known = header(part.place())
    channels, rate = list(range(known.channels)), known.sample_rate
    source = lhotse.audio.AudioSource("file", channels, row["path"])
    recording = lhotse.Recording(row["path"], [source], rate, known.frames, known.frames / rate, channels)
    start, duration = part.start, part.duration()
    custom = {name: value for name, value in row.items() if name not in PLACED}
    channel: Any = channels if len(channels) > 1 else 0
    said = lhotse.SupervisionSegment(
        clip.id,
        recording.id,
        0.0,
        duration,
        channel,
        row.get("transcript"),
        speaker=clip.speaker,
        custom=custom or None,
    )
    kind = lhotse.MultiCut if len(channels) > 1 else lhotse.MonoCut
    return kind(clip.id, start, duration, channel, [said], recording=recording)
