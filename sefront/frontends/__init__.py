"""Frontends: noisy waves in, enhanced waves out. This page is the family's catalogue; each component is one file."""

from __future__ import annotations

from sefront.plugins import hookimpl


@hookimpl
def sefront_frontends() -> dict[str, str]:
    """The frontends that come with sefront."""
    return {
        "identity": "sefront.frontends.identity:Identity",  # changes nothing: what every other frontend has to beat
        "spectral_subtraction": "sefront.frontends.spectral_subtraction:SpectralSubtraction",  # no training
        "omlsa": "sefront.frontends.omlsa:OMLSA",  # no training: presence of speech and a log-spectral amplitude gain
        "lstm_irm": "sefront.frontends.lstm_irm:LSTMIRM",  # a mask from an LSTM that looks only back
        "pl_mtl": "sefront.frontends.pl_mtl:PLMTL",  # progressive learning: three targets, each with less noise
        "unet": "sefront.frontends.unet:UNet",  # a U-Net that estimates a mask on the magnitude spectrogram
        "dcunet": "sefront.frontends.dcunet:DCUNet",  # a U-Net of complex numbers, whose mask turns phases too
        "wave_unet": "sefront.frontends.wave_unet:WaveUNet",  # a U-Net along time, from waves to waves
    }
