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
        "asr_ds2": "sefront.backends.asr_ds2:AsrDS2",  # convolutions and GRUs that spell by CTC, for speech recognition
        "cnn": "sefront.backends.cnn_lstm:CNN",  # convolutions on spectrogram segments, for speech emotion
        "cnn_lstm": "sefront.backends.cnn_lstm:CNNLSTM",  # the same with an LSTM
        "densenet": "sefront.backends.densenet:DenseNet",  # DenseBlocks on spectrogram segments, for speech emotion
        "densenet_highway": "sefront.backends.densenet:DenseNetHighway",  # the same with an LSTM and highway layers
        "densenet_lstm": "sefront.backends.densenet:DenseNetLSTM",  # the same with an LSTM alone
        "emotion_blstm": "sefront.backends.emotion_blstm:EmotionBLSTM",  # recurrent layers trace emotion over time
        "emotion_dilated": "sefront.backends.emotion_dilated:EmotionDilated",  # dilated convolutions do
        "emotion_downup": "sefront.backends.emotion_downup:EmotionDownUp",  # a bottleneck in time does, smoothly
        "emotion_prelim": "sefront.backends.emotion_prelim:EmotionPrelim",  # one long filter does
        "fcn384": "sefront.backends.fcn384:FCN384",  # dense layers on openSMILE's IS09 features, for speech emotion
        "scr_m5": "sefront.backends.scr_m5:M5",  # M5, five convolutions on raw waves, for spoken commands
        "ser_cnn": "sefront.backends.ser_cnn:SerCNN",  # convolutions on log-mel spectra, for speech emotion
    }
