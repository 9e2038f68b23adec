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
        "kaldi": "sefront.corpora.kaldi:Kaldi",  # data directories of Kaldi: wav.scp, segments, utt2spk, text
        "lhotse": "sefront.corpora.lhotse:Lhotse",  # cuts of Lhotse
        "emodb": "sefront.corpora.emodb:EmoDB",  # Berlin emotional speech, ten speakers, seven emotions
        "iemocap": "sefront.corpora.iemocap:IEMOCAP",  # English acted dialogues, ten speakers, four emotions
        "casia": "sefront.corpora.casia:CASIA",  # Mandarin acted speech, four speakers, six emotions
        "cheavd": "sefront.corpora.cheavd:CHEAVD",  # Mandarin films and television, eight emotions, noisy as recorded
        "demos": "sefront.corpora.demos:DEMoS",  # Italian induced moods, 68 speakers, seven emotions
        "msp_improv": "sefront.corpora.msp_improv:MSPImprov",  # English improvised dialogues, twelve speakers
        "ravdess": "sefront.corpora.ravdess:RAVDESS",  # English acted speech, 24 actors, eight emotions
        "speech_commands": "sefront.corpora.speech_commands:SpeechCommands",  # one-second spoken commands
        "esc50": "sefront.corpora.esc50:ESC50",  # environmental sounds in fifty classes, used as noise or scenes
        "an4": "sefront.corpora.an4:AN4",  # spelt letters, digits, names and dates, with transcripts
        "librispeech": "sefront.corpora.librispeech:LibriSpeech",  # read English books, with transcripts
        "recola": "sefront.corpora.recola:Recola",  # French conversations, arousal and valence over time
        "demand": "sefront.corpora.demand:Demand",  # noise of everyday places, sixteen microphones each
        "urbansound8k": "sefront.corpora.urbansound8k:UrbanSound8K",  # sounds of the city, used as noise or scenes
        "chime4": "sefront.corpora.chime4:Chime4",  # read English in noise, simulated and real; four noises
        "dcase2021": "sefront.corpora.dcase2021:Dcase2021",  # scenes of European cities, ten classes
        "audioset": "sefront.corpora.audioset:AudioSet",  # ten seconds of anything but human sounds, used as noise
        "wsj0": "sefront.corpora.wsj0:WSJ0",  # clean read English without labels, to train enhancers on
    }
