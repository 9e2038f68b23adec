"""What backends learn from beside the clips as they are: which augmentation, how much of it, and where it makes sense.

Sources: mixup and copies at other speeds as in Latif et al. 2020, doi:10.21437/Interspeech.2020-3190, section 3; masks
from Park et al. 2019, doi:10.21437/Interspeech.2019-2680.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

MASKS = ("freq_masks", "freq_width", "time_masks", "time_width")


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Augmentation of what backends learn from: ``-o augment.NAME=``. All of it is off by default.

    Args:
        mixup: A of the Beta(A, A) distribution that shares of two clips are drawn from, such as 0.2; 0 mixes nothing.
        speed: Factors, such as 0.9,1.1, at each of which a further copy of every training clip is played.
        specaugment: Whether bands and stretches of a backend's features are hidden.
        freq_masks: Stretches of neighbouring bands that are hidden of a clip.
        freq_width: Most bands of one.
        time_masks: Stretches of time that are hidden of a clip.
        time_width: Most frames of one.
        noise: Probability that a clip that would be heard clean is heard as its mixture.
        crop: Most seconds of a clip, from a random place of it in each epoch; none for whole clips.
    """

    mixup: float = 0.0
    speed: tuple[float, ...] = ()
    specaugment: bool = False
    freq_masks: int = 2
    freq_width: int = 8
    time_masks: int = 2
    time_width: int = 20
    noise: float = 0.0
    crop: float | None = None

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ValueError: A number out of its range, or a size of masks where there are none.
        """
        if not 0 <= self.mixup < math.inf:
            raise ValueError(f"mixup must be at least 0, but is {self.mixup:g}")
        if not all(0.5 <= factor <= 2 and factor != 1 for factor in self.speed):
            raise ValueError(f"speed must hold factors from 0.5 to 2 other than 1, but is {self.speed}")
        if len(set(self.speed)) < len(self.speed):
            raise ValueError(f"speed must hold each factor once, but is {self.speed}")
        sizes = {name: getattr(self, name) for name in MASKS}
        if min(sizes.values()) < 0:
            raise ValueError(f"sizes and numbers of masks must be at least 0, but they are {sizes}")
        usual = {field.name: field.default for field in fields(Augment) if field.name in MASKS}
        if not self.specaugment and sizes != usual:
            changed = ", ".join(name for name in MASKS if sizes[name] != usual[name])
            raise ValueError(f"{changed}: there are no masks without specaugment=true")
        if not 0 <= self.noise <= 1:
            raise ValueError(f"noise is a probability, from 0 to 1, but is {self.noise:g}")
        if self.crop is not None and not 0 < self.crop < math.inf:
            raise ValueError(f"crop must be above 0 s, or none, but is {self.crop:g}")

    @property
    def on(self) -> list[str]:
        """The names of what is augmented with."""
        return [name for name in ("mixup", "speed", "specaugment", "noise", "crop") if getattr(self, name)]
