"""Where half-width arithmetic is native, and how to run under it."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import nn

from sefront.core.errors import BadOptionError

Precision = Literal["auto", "32", "bf16"]


def device_named(name: str) -> torch.device:
    """The device for ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        BadOptionError: No such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BadOptionError(f"device '{name}' is unknown; it is auto, cpu, cuda or cuda:N") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise BadOptionError("device 'cuda' was asked for, but torch sees no GPU here; use --device cpu")
    return device


def native_bf16(device: torch.device) -> bool:
    """Whether `device` multiplies bfloat16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    capable = torch.cpu.get_capabilities()
    return bool(capable.get("avx512_bf16") or capable.get("amx_bf16") or capable.get("bf16"))


def uses_bf16(precision: Precision, device: torch.device) -> bool:
    """Whether models run under bfloat16 autocast."""
    return precision == "bf16" or (precision == "auto" and native_bf16(device))


@contextmanager
def autocast(bf16: bool, device: torch.device) -> Iterator[None]:
    """A block whose matrix products and convolutions run in bfloat16, if `bf16`.

    The cache of cast weights is off: it would hand stale weights to the second of two steps in one block.
    """
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16, cache_enabled=False):
        yield


def arranged(module: nn.Module, device: torch.device, bf16: bool) -> None:
    """Move `module` to `device`; under bfloat16 its image-shaped weights are laid out with the channels last."""
    module.to(device)
    if bf16:
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def keep_freed_memory() -> None:
    """Ask glibc to keep up to a gigabyte of freed blocks for the next step instead of returning them to the system.

    Training steps on a processor are some percent faster and steadier for it. Elsewhere this does nothing.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return  # not glibc
    mallopt(-1, 1 << 30)  # M_TRIM_THRESHOLD
    mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD, the largest that glibc takes
