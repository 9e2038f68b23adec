"""Backends: waves in, a prediction out. This page is the family's catalogue; each component is one file."""

from __future__ import annotations

from sefront.plugins import hookimpl


@hookimpl
def sefront_backends() -> dict[str, str]:
    """The backends that come with sefront."""
    return {
        "acln": "sefront.backends.acln:ACLN",  # convolutions, an LSTM and attention on cepstra, for speech emotion
        "afcn": "sefront.backends.afcn:AFCN",  # AlexNet's convolutions and attention on spectra, for speech emotion
        "asc_dual_resnet": "sefront.backends.asc_dual_resnet:DualResNet",  # a path for low bands, one for high: scenes
        "cnn": "sefront.backends.cnn_lstm:CNN",  # convolutions on spectrogram segments, for speech emotion
        "cnn_lstm": "sefront.backends.cnn_lstm:CNNLSTM",  # the same with an LSTM
        "densenet": "sefront.backends.densenet:DenseNet",  # DenseBlocks on spectrogram segments, for speech emotion
        "densenet_highway": "sefront.backends.densenet:DenseNetHighway",  # the same with an LSTM and highway layers
        "densenet_lstm": "sefront.backends.densenet:DenseNetLSTM",  # the same with an LSTM alone
        "scr_m5": "sefront.backends.scr_m5:M5",  # M5, five convolutions on raw waves, for spoken commands
        "ser_cnn": "sefront.backends.ser_cnn:SerCNN",  # convolutions on log-mel spectra, for speech emotion
    }
