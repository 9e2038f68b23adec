"""Progressive multi-target learning: three LSTM blocks, each asked for less noise than the one before.

With the speech X, the noise N, the gains g_k = 10, 20 and infinite dB and the noise left r_k = 10^(-g_k / 10):

    Y_k = X + sqrt(r_k) N,   LPS_k = ln |Y_k|^2     the k-th target, a log power spectrum; the third is clean
    M_k = (|X|^2 + r_k |N|^2) / (|X|^2 + |N|^2)     and its ratio mask of powers; the third is the ideal one
    T_k = [W_k h_k + b_k, sigmoid(V_k h_k + c_k)]   the two estimates of block k from the output h_k of its LSTM
    h_1 = LSTM(LPS(Y)),  h_2 = LSTM(T_1),  h_3 = LSTM([T_2, LPS(Y)])
    L = sum_k mean (LPS_k_hat - LPS_k)^2 + (M_k_hat - M_k)^2,  LPS normalised by the noisy training clips

Any of the six estimates can be decoded with the noisy phase: |X_hat| = exp(LPS_k_hat / 2), or sqrt(M_k_hat) |Y|; a
mask may also be joined with the speech presence that it makes IMCRA find (`sefront.core.ispp`). Which one is a matter
of decoding, not of training. Source: Zhou et al. 2020, sections 2.2, 2.3 and 3, equations 1 to 3. The paper says
"10 dB SNR gain for both" of the first two targets, which is read as 10 dB more for each; the place where its figure 1
joins the input to the network is read as the input of the last block.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from sefront.core import ispp
from sefront.core.features import Standard, logarithm
from sefront.core.losses import power_ratio, reference
from sefront.core.masking import masked, masked_mean
from sefront.core.recipe import Recipe
from sefront.core.signal import LEAST, Stft, amplitude, full_precision, power_of
from sefront.core.streaming import SpectralStream
from sefront.core.types import Batch, Enhanced

TARGETS = 3
Decode = Literal[
    "t1_lps", "t2_lps", "t3_lps", "t1_prm", "t2_prm", "t3_irm", "t1_prm_ispp", "t2_prm_ispp", "t3_irm_ispp"
]


class Estimates(NamedTuple):
    """What the blocks estimate, (batch, 3, bins, frames) each: normalised log powers and ratio masks of powers."""

    lps: Tensor
    masks: Tensor


class PLMTL(nn.Module):
    """Progressively enhanced spectra and masks, estimated by LSTMs that look only back.

    Args:
        width: Cells of a layer; 256 (2.8 million parameters) trains on a laptop, 1024 (20.5 million) is the paper's
            size and comes with the paper's optimiser.
        layers: LSTM layers of each block.
        dense: "simplified" is the paper's network; "full" feeds every block the input and all targets before it.
        cumulative: Whether the second target has 20 dB less noise than the input, or 10 dB as the first.
        reduction: "mean" makes a clip's loss independent of its length; "sum" over frames and bins is equation 2.
        decode: Target whose spectrum (lps) or mask (prm, irm) makes the waves; with _ispp joined with speech presence.
        delta: Share of the mask in that, between 0 and 1.
        domain: What is joined: powers, amplitudes, or, literally, a mask of powers and a gain of amplitudes.
        rho: Share of the mask in the a-priori speech presence, between 0 and 1; the rest is IMCRA's own.
        n_fft: Points of the transform in samples, whatever the sample rate.
        hop: Samples between frames.
    """

    adjustable = ("decode", "delta", "domain", "rho")

    def __init__(
        self,
        sample_rate: int,
        *,
        width: int = 256,
        layers: int = 1,
        dense: Literal["simplified", "full"] = "simplified",
        cumulative: bool = True,
        reduction: Literal["mean", "sum"] = "mean",
        decode: Decode = "t3_irm",
        delta: float = 0.5,
        domain: Literal["power", "amplitude", "literal"] = "power",
        rho: float = 1.0,
        n_fft: int = 512,
        hop: int = 256,
    ) -> None:
        super().__init__()
        if width < 1 or layers < 1:
            raise ValueError(f"width and layers must be at least 1, but they are {width} and {layers}")
        if not (0 <= delta <= 1 and 0 <= rho <= 1):
            raise ValueError(f"delta and rho must lie between 0 and 1, but they are {delta} and {rho}")
        self.sample_rate, self.latency, self.interval = sample_rate, n_fft, hop / sample_rate
        self.recipe = Recipe(lr=1e-3, schedule="cosine", clip=5.0)
        if width >= 1024:
            self.recipe = Recipe(
                algorithm="sgd", lr=0.25, batch_size=8, schedule="stages", step=6, factor=0.8, clip=5.0
            )
        self.dense, self.reduction, self.decode = dense, reduction, decode
        self.delta, self.domain, self.rho = delta, domain, rho
        self.differentiable = not decode.endswith("_ispp")
        self.left = (0.1, 0.01 if cumulative else 0.1, 0.0)  # noise power in each target
        self.stft = Stft(n_fft, hop, "hamming")
        self.loudest = 2 * float(torch.log(self.stft.window.sum()))  # no bin of waves in [-1, 1] has more power
        bins = n_fft // 2 + 1
        self.feature = Standard(bins)
        inputs = [1, 2, 3] if dense == "simplified" else [1, 3, 5]
        self.blocks = nn.ModuleList(nn.LSTM(i * bins, width, layers, batch_first=True) for i in inputs)
        self.heads = nn.ModuleList(nn.Linear(width, 2 * bins) for _ in inputs)

    def fit(self, waves: Tensor, lengths: Tensor) -> None:
        """Count the noisy `waves` (batch, time), of which `lengths` (batch,) are valid, in mean and deviation."""
        self.feature.gather(logarithm(power_of(self.stft(masked(waves, lengths)))), self.stft.frames(lengths))

    def forward(self, waves: Tensor, lengths: Tensor) -> Enhanced:
        """Enhance `waves` (batch, time); ``extras`` hold "lps" and "masks", (batch, 3, bins, frames)."""
        spectrum = self.stft(masked(waves, lengths))
        estimates, _ = self.estimates(spectrum)
        decoded, _ = self.decoded(spectrum, estimates)
        return Enhanced(self.stft.inverse(decoded, lengths, waves.shape[1]), estimates._asdict())

    def estimates(self, spectrum: Tensor, states: Any = None) -> tuple[Estimates, Any]:
        """All estimates for a complex `spectrum` (batch, bins, frames) that follows on the LSTMs' `states`."""
        with full_precision(spectrum):
            heard = self.feature(logarithm(power_of(spectrum))).transpose(1, 2)
        targets: list[Tensor] = []
        after: list[Any] = []
        for k, (block, head) in enumerate(zip(self.blocks, self.heads, strict=True)):
            hidden, state = block(self.input(k, heard, targets), states[k] if states else None)
            lps, mask = head(hidden).float().chunk(2, -1)
            targets.append(torch.cat([lps, torch.sigmoid(mask)], -1))
            after.append(state)
        lps, masks = torch.stack(targets, 1).transpose(2, 3).chunk(2, 2)
        return Estimates(lps, masks), after

    def input(self, block: int, heard: Tensor, targets: list[Tensor]) -> Tensor:
        """What `block` is fed, (batch, frames, features): the log powers `heard` and the `targets` so far."""
        if self.dense == "full":
            return torch.cat([heard, *targets], -1)
        return torch.cat([*targets[-1:], *([heard] if block in (0, TARGETS - 1) else [])], -1)

    def decoded(self, spectrum: Tensor, estimates: Estimates, state: Any = None) -> tuple[Tensor, Any]:
        """The estimate that `decode` names, as an enhanced spectrum, and what ISPP remembers."""
        number = int(self.decode[1]) - 1
        if self.decode.endswith("_lps"):
            wanted = self.feature.undone(estimates.lps[:, number]).clamp(max=self.loudest)
            return torch.exp((wanted - logarithm(power_of(spectrum))) / 2) * spectrum, None
        mask = estimates.masks[:, number]
        if not self.decode.endswith("_ispp"):
            return amplitude(mask) * spectrum, None
        presence, state = ispp.gain(power_of(spectrum), mask, self.interval, state, rho=self.rho)
        return ispp.combined(mask.clamp(min=LEAST), presence, self.delta, self.domain) * spectrum, state

    def stream(self) -> SpectralStream:
        """A stream at the beginning of a recording."""

        def process(spectrum: Tensor, state: Any, last: bool) -> tuple[Tensor, Any]:
            states, remembered = state or (None, None)
            estimates, states = self.estimates(spectrum, states)
            decoded, remembered = self.decoded(spectrum, estimates, remembered)
            return decoded, (states, remembered)

        return SpectralStream(self.stft, process)

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """Equation 2 per sample, (batch,)."""
        clean, frames = reference(batch), self.stft.frames(batch.lengths)
        with full_precision(clean):
            speech, noise = self.stft(clean), self.stft(batch.noisy - clean)
            total = torch.zeros_like(clean[:, 0])
            for k, left in enumerate(self.left):
                lps = self.feature(logarithm(power_of(speech + left**0.5 * noise)))
                mask = power_ratio(power_of(speech), power_of(noise), left)
                errors = (enhanced.extras["lps"][:, k] - lps).square() + (
                    enhanced.extras["masks"][:, k] - mask
                ).square()
                mean = masked_mean(errors.mean(1), frames)
                total = total + (mean if self.reduction == "mean" else mean * frames * errors.shape[1])
        return total
