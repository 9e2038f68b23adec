"""Mixtures that are wanted as files: what each is called, and what decides about all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sefront.core.clips import Clip, Split
from sefront.core.data import Draw, Mixtures
from sefront.core.errors import SefrontError
from sefront.core.file_names import file_names
from sefront.core.lock import fingerprint
from sefront.core.mixture_list import MixtureList
from sefront.core.supply import Data


@dataclass(frozen=True)
class Order:
    """One mixture that is wanted.

    Args:
        name: What its files are called.
        split: Where the clip belongs.
        mixtures: What makes it.
        draw: Which of them it is.
    """

    name: str
    split: Split
    mixtures: Mixtures
    draw: Draw

    @property
    def clip(self) -> Clip:
        """The clip that is mixed."""
        return self.mixtures.clips[self.draw.index]


@dataclass(frozen=True)
class Orders:
    """All mixtures that are wanted.

    Args:
        each: One by one.
        asked: What was asked for and what that came to, as JSON can hold it.
        target: The column of a manifest that holds the clips' targets; None where they have none that fits.
    """

    each: Sequence[Order]
    asked: dict[str, Any]
    target: str | None


def named(each: Sequence[tuple[Split, Mixtures, Draw]]) -> list[Order]:
    """Every mixture with a name, which says the SNR where a clip has several."""
    ids = [mixtures.clips[draw.index].id for _, mixtures, draw in each]
    places = file_names(dict.fromkeys(ids))
    several = len(places) < len(ids)
    return [
        Order(f"{places[name]}_snr{draw.snr:.10g}" if several else places[name], split, mixtures, draw)
        for name, (split, mixtures, draw) in zip(ids, each, strict=True)
    ]


def asked_for(
    data: Data, split: str, listed: MixtureList | None, each: Sequence[tuple[Split, Mixtures, Draw]]
) -> dict[str, Any]:
    """What decides about the mixtures; two requests with the same answer have the same files.

    Raises:
        SefrontError: Nothing is asked for.
    """
    if not each:
        raise SefrontError(
            f"corpus '{data.experiment.corpus}', {split} split: there is nothing to mix; name another split"
        )
    table = data.experiment.as_toml()
    known = {key: table.get(key) for key in ("corpus", "noise", "seed", "sample_rate", "options")}
    sets = {s: fingerprint(mixtures) for s, mixtures, _ in each}
    snr = table.get("snr") or table.get("test_snr")
    from_list = str(listed.path.resolve()) if listed else None
    return {"schema": 1, **known, "snr": snr, "split": split, "list": from_list, "data": sets}
