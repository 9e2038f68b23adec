"""Fused training: one loss for all branches, and a support vector machine on what they fuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from probes import RATE, TASK, Gain, Watched, batch_of, material, pair, same, same_dropout
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from sefront.core.checkpoint import weights_of
from sefront.core.coupler import Coupler
from sefront.core.errors import SefrontError
from sefront.core.joined import Joined, joined
from sefront.core.randomness import seeded
from sefront.core.training import Lengths, Training
from sefront.couplings.fused import Fused
from sefront.frontends.identity import Identity
from sefront.metrics.uar import UAR
from sefront.testing.probes import ProbeBackend


def backend() -> Joined:
    with seeded(0, "backend"):
        return joined({"one": ProbeBackend, "other": ProbeBackend})(TASK, RATE, width=6)


def fit(learner: Any, coupling: Any, frontend: Any = None, **options: Any) -> list[dict[str, Any]]:
    lengths, training = Lengths(3, batch_size=5), Training(valid_snr=(5.0,))
    return Coupler(
        frontend or Identity(RATE), learner, coupling, lengths, training, device="cpu", precision="32", **options
    ).fit(material(), metric=UAR())


def test_one_scalar_reaches_all_branches() -> None:
    joint, batch = backend(), batch_of()
    update = Watched({"backend": joint})
    with same_dropout():
        Fused().phases(Identity(RATE), joint)[-1].step(batch, update)
    (call,) = update.calls
    for name in ("one", "other"):
        found = {k: g for k, g in call.gradients["backend"].items() if k.startswith(f"branches.{name}.")}
        assert all(found[f"branches.{name}.bank.weight"].abs().amax((1, 2)) > 0)  # type: ignore[union-attr]
        assert found[f"branches.{name}.head.weight"] is None  # a branch's own head has no part in it
    with same_dropout():
        scores = backend().train()(batch.noisy, batch.lengths).scores
    losses = torch.nn.functional.cross_entropy(scores, batch.target, reduction="none")
    torch.testing.assert_close(call.losses, losses.detach())
    assert call.left == []


def test_a_backend_alone_is_refused() -> None:
    with pytest.raises(
        SefrontError,
        match=r"^fused joins several backends, but ProbeBackend is one alone; name more, such as --backend ",
    ):
        Fused().phases(Gain(), pair()[1])


@pytest.mark.parametrize("svm_c", [0.0, -1.0, float("nan"), float("inf")])
def test_options_out_of_range(svm_c: float) -> None:
    with pytest.raises(ValueError, match=r"^svm_c must be above 0, but is"):
        Fused(svm_c=svm_c)


@pytest.mark.parametrize("sees", ["clean", "noisy"])
def test_the_machine_decides_from_fused_features(sees: Any, tmp_path: Path) -> None:
    joint = backend()
    history = fit(joint, Fused(sees=sees, svm_c=0.5), folder=tmp_path)
    assert [record["phase"] for record in history] == ["backend"] * 3
    assert int(joint.decision) == 2
    mixtures = material().train
    run = Coupler(Identity(RATE), joint, Fused(), Lengths(3, batch_size=5), device="cpu", precision="32")
    batches = list(run.phase_run(Fused(sees=sees).phases(Identity(RATE), joint)[-1], material()).heard())
    with torch.no_grad():
        heard = [(batch.clean if sees == "clean" else batch.noisy, batch.lengths) for batch in batches]
        z = torch.cat([joint.fused(joint.embeddings(*pair)) for pair in heard])
        margins = torch.cat([joint(*pair).scores for pair in heard])
    assert z.shape == (len(mixtures), 6)
    scaled = StandardScaler().fit_transform(z.double().numpy())
    machine = LinearSVC(C=0.5, random_state=0, max_iter=10000).fit(
        scaled, torch.cat([b.target for b in batches]).numpy()
    )
    torch.testing.assert_close(
        margins[:, 1], torch.tensor(machine.decision_function(scaled)).float(), atol=5e-3, rtol=1e-2
    )
    assert (tmp_path / "checkpoint" / "original").exists() == (sees == "clean")


def test_a_frontend_learns_first_and_stays_as_it_is() -> None:
    from sefront.couplings.frontend_only import FrontendOnly

    (one, _), (other, _) = pair(), pair()
    fit(backend(), Fused(), one)
    fit(None, FrontendOnly(), other)
    assert same(weights_of(one), weights_of(other))


def test_a_backend_that_came_trained_is_trained_on() -> None:
    """And while it learns, it is its softmax that decides."""
    joint = backend()
    fit(joint, Fused(sees="clean"))
    history = fit(joint, Fused(sees="clean"), given=("backend",), loaded=("backend",))
    assert [record["phase"] for record in history] == ["backend"] * 3
    assert int(joint.decision) == 2
