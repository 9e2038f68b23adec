"""Keeping count of what had to be left out."""

from __future__ import annotations

from dataclasses import dataclass

from sefront.core.errors import DamagedAudioError
from sefront.core.progress import Progress, Quiet


@dataclass(frozen=True)
class Damaged:
    """A clip that was left out, and why."""

    id: str
    reason: str


class Damages:
    """Names every damaged clip once and counts them; calling it is a `Report`.

    Args:
        strict: Stop at the first one instead.
        progress: Who is told.
    """

    def __init__(self, strict: bool = False, progress: Progress | None = None) -> None:
        self.strict, self.progress = strict, progress or Quiet()
        self.reasons: dict[str, str] = {}

    def __call__(self, damaged: Damaged) -> None:
        """Leave `damaged` out.

        Raises:
            DamagedAudioError: `strict` is set.
        """
        if self.strict:
            raise DamagedAudioError(f"{damaged.reason} (without --strict it would be left out)")
        if damaged.id not in self.reasons:
            self.reasons[damaged.id] = damaged.reason
            self.progress.note(f"left out: {damaged.reason}")

    def summary(self) -> str:
        """One line with the count, or nothing."""
        count = len(self.reasons)
        return f"{count} damaged clip{'s were' if count > 1 else ' was'} left out" if count else ""
