"""Checkpoints: weights as safetensors, the rest as tensors and numbers only, each checkpoint whole or absent.

A checkpoint is a folder. It is written beside its place and renamed into it; where a crash falls between the two
renames, the complete new folder is found under its temporary name. Nothing in a checkpoint can run code.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialised
from torch import Tensor, nn

from sefront.core.errors import SefrontError
from sefront.core.files import clear_failures

Weights = dict[str, Tensor]


def weights_of(module: nn.Module) -> Weights:
    """A copy of the state of `module` on the CPU, buffers included."""
    return {k: v.detach().to("cpu", copy=True).contiguous() for k, v in module.state_dict().items()}


def put_weights(module: nn.Module, weights: Mapping[str, Tensor], where: str) -> None:
    """Load `weights` into `module`.

    Raises:
        SefrontError: A weight is missing, left over or of another shape.
    """
    try:
        module.load_state_dict(dict(weights), strict=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split("\n\t")[1:2]) or str(error)
        first, *more = reason.strip().split('", "')  # names of weights
        reason = f'{first}" and {len(more)} more' if more else first
        raise SefrontError(
            f"{where} does not fit {type(module).__name__}: {reason} (build it with the options it was trained with)"
        ) from error


def state_of(coupling: Any) -> dict[str, Any]:
    """What a coupling that is no module wants to be kept with a checkpoint: tensors, numbers, words, lists, dicts."""
    if isinstance(coupling, nn.Module) or not hasattr(coupling, "state_dict"):
        return {}
    return dict(coupling.state_dict())


def put_state(coupling: Any, state: Mapping[str, Any]) -> None:
    """Give a coupling back what `state_of` took."""
    if state:
        coupling.load_state_dict(state)


def save(folder: Path, parts: Mapping[str, Weights], state: Mapping[str, Any] | None = None) -> None:
    """Write the checkpoint `folder`: one file of weights a part, and `state` for resuming."""
    fresh, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
    draft = folder.with_name(folder.name + ".part")
    with clear_failures(folder):
        found(folder)  # finish what a crash left before writing anew
        for remains in (draft, fresh, old):
            shutil.rmtree(remains, ignore_errors=True)
        draft.mkdir(parents=True)
        for name, weights in parts.items():
            (draft / f"{name}.safetensors").write_bytes(serialised(weights))
        if state is not None:
            (draft / "state.pt").write_bytes(pickled(state))
        draft.rename(fresh)
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
        shutil.rmtree(old, ignore_errors=True)


def pickled(state: Mapping[str, Any]) -> memoryview:
    """The bytes of `state`; torch itself would report a full disk as a RuntimeError of its own, without the reason."""
    buffer = BytesIO()
    torch.save(dict(state), buffer)
    return buffer.getbuffer()


def found(folder: Path) -> bool:
    """Whether the checkpoint exists, after finishing a replacement that a crash interrupted."""
    fresh = folder.with_name(folder.name + ".new")
    if fresh.exists() and not folder.exists():
        fresh.rename(folder)
    return folder.exists()


def load_part(folder: Path, part: str) -> Weights | None:
    """The weights of one part, or None where the checkpoint has none.

    Raises:
        SefrontError: The file is damaged.
    """
    path = folder / f"{part}.safetensors"
    if not found(folder) or not path.exists():
        return None
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise SefrontError(f"{path}: damaged ({error})") from error


def load_state(folder: Path) -> dict[str, Any] | None:
    """What `save` was given as `state`, or None.

    Raises:
        SefrontError: The file is damaged, or holds more than tensors and numbers.
    """
    path = folder / "state.pt"
    if not found(folder) or not path.exists():
        return None
    try:
        return dict(torch.load(path, weights_only=True, map_location="cpu"))
    except Exception as error:
        raise SefrontError(f"{path}: not a state that sefront wrote ({type(error).__name__})") from error
