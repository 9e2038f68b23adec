"""Frontends: noisy waves in, enhanced waves out. This page is the family's catalogue; each component is one file."""

from __future__ import annotations

from sefront.plugins import hookimpl


@hookimpl
def sefront_frontends() -> dict[str, str]:
    """The frontends that come with sefront."""
    return {
        "identity": "sefront.frontends.identity:Identity",  # changes nothing: what every other frontend has to beat
        "spectral_subtraction": "sefront.frontends.spectral_subtraction:SpectralSubtraction",  # no training
        "unet": "sefront.frontends.unet:UNet",  # a U-Net that estimates a mask on the magnitude spectrogram
    }
