"""Metrics: a number from truth and estimate. This page is the family's catalogue; each component is one file."""

from __future__ import annotations

from sefront.plugins import hookimpl


@hookimpl
def sefront_metrics() -> dict[str, str]:
    """The metrics that come with sefront."""
    return {
        "accuracy": "sefront.metrics.accuracy:Accuracy",  # share of clips that are right
        "uar": "sefront.metrics.uar:UAR",  # unweighted average recall: every class counts the same
        "wer": "sefront.metrics.wer:WER",  # word error rate
        "cer": "sefront.metrics.cer:CER",  # character error rate
        "ccc": "sefront.metrics.ccc:CCC",  # concordance correlation coefficient of traces
        "rmse": "sefront.metrics.rmse:RMSE",  # root mean squared error of traces
        "stoi": "sefront.metrics.stoi:STOI",  # short-time objective intelligibility of speech
        "pesq": "sefront.metrics.pesq:PESQ",  # perceptual evaluation of speech quality
        "si_sdr": "sefront.metrics.si_sdr:SISDR",  # scale-invariant signal-to-distortion ratio
    }
