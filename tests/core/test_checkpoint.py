"""Checkpoints are whole or absent, hold no code, and fit or say why not."""

from __future__ import annotations

import errno
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from sefront.core import checkpoint
from sefront.core.checkpoint import load_part, load_state, put_weights, weights_of
from sefront.core.errors import SefrontError
from sefront.core.store import Store

OLD, NEW = {"part": {"w": torch.zeros(3)}}, {"part": {"w": torch.ones(3)}}


def value(folder: Path) -> float | None:
    weights = load_part(folder, "part")
    return None if weights is None else float(weights["w"][0])


def left(folder: Path) -> list[str]:
    """What lies beside the checkpoint."""
    return sorted(path.name for path in folder.parent.iterdir() if path != folder)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    state = {"epoch": 3, "score": -1.5, "nested": {"list": [1, None, "x"], "tensor": torch.arange(3)}}
    checkpoint.save(tmp_path / "c" / "last", {"a": {"w": torch.rand(2, 3)}, "b": {"n": torch.tensor(4)}}, state)
    loaded = load_state(tmp_path / "c" / "last")
    assert loaded is not None
    assert loaded["nested"]["list"] == [1, None, "x"]
    assert torch.equal(loaded["nested"]["tensor"], torch.arange(3))
    assert int((load_part(tmp_path / "c" / "last", "b") or {})["n"]) == 4
    assert load_part(tmp_path / "c" / "last", "c") is None
    assert left(tmp_path / "c" / "last") == []


def test_what_is_not_there() -> None:
    assert load_part(Path("/no/where"), "part") is None
    assert load_state(Path("/no/where")) is None


def test_saving_again_replaces_everything(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "last", {**OLD, "gone": {"w": torch.zeros(1)}}, {"epoch": 1})
    checkpoint.save(tmp_path / "last", NEW)
    assert value(tmp_path / "last") == 1.0
    assert load_part(tmp_path / "last", "gone") is None
    assert load_state(tmp_path / "last") is None


def crashed(tmp_path: Path, *names: str) -> Path:
    """Folders as a crash may leave them: the old and the new checkpoint under `names`."""
    for name in names:
        parts = NEW if name.endswith((".new", ".part")) else OLD
        checkpoint.save(tmp_path / "made", parts)
        (tmp_path / "made").rename(tmp_path / name)
    return tmp_path / "last"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("last.part",), None),  # while the first one was written
        (("last.new",), 1.0),  # before the rename of the first one
        (("last", "last.part"), 0.0),  # while the second one was written
        (("last", "last.new"), 0.0),  # before the first rename
        (("last.old", "last.new"), 1.0),  # between the two renames
        (("last.old", "last"), 0.0),  # before the old one was removed
    ],
)
def test_a_crash_leaves_a_whole_checkpoint(tmp_path: Path, names: tuple[str, ...], expected: float | None) -> None:
    folder = crashed(tmp_path, *names)
    assert value(folder) == expected
    checkpoint.save(folder, NEW)
    assert value(folder) == 1.0
    assert left(folder) == []


@pytest.mark.parametrize("step", range(4))
def test_a_crash_at_any_rename_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    folder = tmp_path / "last"
    checkpoint.save(folder, OLD)
    rename, calls = Path.rename, []

    def dying(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == step:
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", dying)
        if step in (1, 2, 3):
            with pytest.raises(KeyboardInterrupt):
                checkpoint.save(folder, NEW)
        else:
            checkpoint.save(folder, NEW)
    assert value(folder) in (0.0, 1.0)


def full(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("state", [None, {"epoch": 2}])
def test_a_full_disk_leaves_the_earlier_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: dict[str, Any] | None
) -> None:
    folder = tmp_path / "last"
    checkpoint.save(folder, OLD, {"epoch": 1})
    write = Path.write_bytes

    def nearly_full(self: Path, data: Any) -> int:
        if self.suffix == (".safetensors" if state is None else ".pt"):
            full()
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", nearly_full)
    with pytest.raises(SefrontError, match=r"last: the disk is full; what was written before is intact, so free some"):
        checkpoint.save(folder, NEW, state)
    assert value(folder) == 0.0
    assert load_state(folder) == {"epoch": 1}


def test_a_really_full_device(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    (tmp_path / "log.jsonl").symlink_to("/dev/full")
    with pytest.raises(SefrontError, match=r"log\.jsonl: the disk is full"):
        Store(tmp_path).log({"epoch": 1})


class Bomb:
    """Something that a careless loader would run."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("writer", ["pickle", "torch"])
def test_code_in_a_state_is_refused_and_not_run(tmp_path: Path, writer: str) -> None:
    folder, mark = tmp_path / "last", tmp_path / "ran"
    checkpoint.save(folder, OLD)
    if writer == "torch":
        torch.save({"epoch": Bomb(mark)}, folder / "state.pt")
    else:
        (folder / "state.pt").write_bytes(pickle.dumps({"epoch": Bomb(mark)}))
    with pytest.raises(
        SefrontError, match=r"state\.pt: not a state that sefront wrote \((UnpicklingError|UserWarning)\)$"
    ):
        load_state(folder)
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff" * 64])
def test_a_damaged_checkpoint(tmp_path: Path, content: bytes) -> None:
    checkpoint.save(tmp_path / "last", OLD, {"epoch": 1})
    (tmp_path / "last" / "part.safetensors").write_bytes(content)
    (tmp_path / "last" / "state.pt").write_bytes(content)
    with pytest.raises(SefrontError, match=r"part\.safetensors: damaged \("):
        load_part(tmp_path / "last", "part")
    with pytest.raises(SefrontError, match=r"state\.pt: not a state that sefront wrote"):
        load_state(tmp_path / "last")


def test_a_truncated_checkpoint(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "last", OLD)
    path = tmp_path / "last" / "part.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(SefrontError, match=r"part\.safetensors: damaged \("):
        load_part(tmp_path / "last", "part")


def test_weights_are_copies_with_buffers() -> None:
    module = nn.BatchNorm1d(2)
    weights = weights_of(module)
    module(torch.rand(4, 2))
    assert set(weights) == {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}
    assert not torch.equal(weights["running_mean"], module.running_mean)  # type: ignore[arg-type]
    put_weights(module, weights, "here")
    assert torch.equal(weights["running_mean"], module.running_mean)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        ({"weight": torch.zeros(2, 3)}, r'Missing key\(s\) in state_dict: "bias"\. '),
        ({"weight": torch.zeros(2, 3), "bias": torch.zeros(2), "extra": torch.zeros(1)}, r'Unexpected key.*"extra"\.'),
        ({"weight": torch.zeros(5, 3), "bias": torch.zeros(2)}, "size mismatch for weight"),
        ({}, r'Missing key\(s\) in state_dict: "weight" and 1 more '),
    ],
)
def test_weights_that_do_not_fit(weights: dict[str, torch.Tensor], reason: str) -> None:
    with pytest.raises(
        SefrontError, match=rf"^runs/a: the frontend does not fit Linear: {reason}.*\(build it with the"
    ):
        put_weights(nn.Linear(3, 2), weights, "runs/a: the frontend")


def test_a_store_in_memory() -> None:
    store = Store(None)
    store.log({"epoch": 1})
    store.save("best", NEW, {"epoch": 1})
    assert store.history == [{"epoch": 1}]
    assert store.weights("best", "part") is NEW["part"]
    assert store.weights("last", "part") is None
    assert store.state() is None


def test_a_store_in_a_folder(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save("last", NEW, {"epoch": 1})
    for epoch in range(3):
        store.log({"epoch": epoch})
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"epoch": 3, "lo')  # as a crash leaves it
    again = Store(tmp_path)
    again.rewind(2)
    assert again.history == [{"epoch": 0}, {"epoch": 1}]
    assert (tmp_path / "log.jsonl").read_text() == '{"epoch": 0}\n{"epoch": 1}\n'
    assert again.state() == {"epoch": 1}


def test_a_process_that_does_not_write(tmp_path: Path) -> None:
    store = Store(tmp_path, writes=False)
    store.log({"epoch": 0})
    store.save("best", NEW)
    store.rewind(0)
    assert list(tmp_path.iterdir()) == []
