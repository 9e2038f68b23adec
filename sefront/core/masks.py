"""Parts of features that are hidden while a backend learns: stretches of bands, and of frames (SpecAugment).

They are hidden behind the mean of the clip, which is zero where features are normalised. Widths are drawn from 0 on,
places among those where a stretch fits. Source: Park et al. 2019, doi:10.21437/Interspeech.2019-2680, section 2.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sefront.core.augment import Augment
from sefront.core.masking import valid


def hidden(features: Tensor, frames: Tensor, augment: Augment) -> Tensor:
    """`features` (batch, ..., bands, time), of which `frames` (batch,) are valid, with masks of each clip's own."""
    bands = torch.full_like(frames, features.shape[-2])
    over_bands = masks(bands, features.shape[-2], augment.freq_masks, augment.freq_width)
    over_time = masks(frames, features.shape[-1], augment.time_masks, augment.time_width)
    shape = (len(features), *[1] * (features.dim() - 3))
    covered = over_bands.view(*shape, -1, 1) | over_time.view(*shape, 1, -1)
    heard = valid(frames, features.shape[-1]).view(*shape, 1, -1)
    rest = tuple(range(1, features.dim()))
    mean = (features * heard).sum(rest) / heard.expand_as(features).sum(rest).clamp(min=1)
    return torch.where(covered & heard, mean.view(*shape, 1, 1), features)


def masks(sizes: Tensor, size: int, count: int, width: int) -> Tensor:
    """True where one of `count` masks of at most `width` positions hides something: (batch,) sizes to (batch, size)."""
    draws = torch.rand(2, len(sizes), count).to(sizes.device)
    widths = (draws[0] * (sizes.clamp(max=width) + 1)[:, None]).long()
    starts = (draws[1] * (sizes[:, None] - widths + 1)).long()
    place = torch.arange(size, device=sizes.device)
    return ((place >= starts[..., None]) & (place < (starts + widths)[..., None])).any(1)
