"""Backends: waves in, a prediction out. This page is the family's catalogue; each component is one file."""

from __future__ import annotations

from sefront.plugins import hookimpl


@hookimpl
def sefront_backends() -> dict[str, str]:
    """The backends that come with sefront."""
    return {
        "scr_m5": "sefront.backends.scr_m5:M5",  # M5, five convolutions on raw waves, for spoken commands
        "ser_cnn": "sefront.backends.ser_cnn:SerCNN",  # convolutions on log-mel spectra, for speech emotion
    }
