"""Corpora: clips of speech, scenes or noise. This page is the family's catalogue; each component is one file."""

from __future__ import annotations

from sefront.plugins import hookimpl


@hookimpl
def sefront_corpora() -> dict[str, str]:
    """The corpora that come with sefront."""
    return {
        "toy": "sefront.corpora.toy:Toy",  # synthetic speech and noise; needs no files
        "folder": "sefront.corpora.folder:Folder",  # a folder of audio files, one subfolder per class
        "manifest": "sefront.corpora.manifest:Manifest",  # rows of a table: path, target, split, speaker
        "emodb": "sefront.corpora.emodb:EmoDB",  # Berlin emotional speech, ten speakers, seven emotions
        "speech_commands": "sefront.corpora.speech_commands:SpeechCommands",  # one-second spoken commands
        "esc50": "sefront.corpora.esc50:ESC50",  # environmental sounds in fifty classes, used as noise or scenes
        "an4": "sefront.corpora.an4:AN4",  # spelt letters, digits, names and dates, with transcripts
        "librispeech": "sefront.corpora.librispeech:LibriSpeech",  # read English books, with transcripts
        "recola": "sefront.corpora.recola:Recola",  # French conversations, arousal and valence over time
    }
