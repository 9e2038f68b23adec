"""Sounds and words of the toy voice.

A phoneme is one or more segments with resonance targets for an adult male vocal tract: vowels after Peterson & Barney
(1952), doi:10.1121/1.1906875; consonant loci, bandwidths and noise bands after Klatt (1980), doi:10.1121/1.383940.
A stop is three segments: closure, burst of noise, aspiration.
"""

from __future__ import annotations

from dataclasses import dataclass

Targets = tuple[float, float, float, float]

VOWEL_WIDTHS: Targets = (70.0, 90.0, 150.0, 250.0)
CONSONANT_WIDTHS: Targets = (100.0, 150.0, 250.0, 300.0)
NASAL_WIDTHS: Targets = (80.0, 300.0, 300.0, 350.0)


@dataclass(frozen=True)
class Segment:
    """A stretch of speech with one articulatory aim.

    Args:
        duration: Length at normal rate in milliseconds.
        formants: F1 to F4 at the beginning in Hz.
        glide: F1 to F4 at the end in Hz; None where they stay.
        bandwidths: Of F1 to F4 in Hz.
        voicing: Amplitude of the glottal pulses, 1 in vowels.
        aspiration: Amplitude of noise at the glottis, about 1 in [h].
        frication: Amplitude of noise at the constriction, 1 as loud as a vowel.
        centre: Middle of the frication's band in Hz.
        width: Width of that band in Hz.
        nasality: Opening of the velum, 0 to 1.
        nucleus: Whether it carries a syllable, and so an accent.
    """

    duration: float
    formants: Targets
    glide: Targets | None = None
    bandwidths: Targets = VOWEL_WIDTHS
    voicing: float = 0.0
    aspiration: float = 0.0
    frication: float = 0.0
    centre: float = 3000.0
    width: float = 1000.0
    nasality: float = 0.0
    nucleus: bool = False


def vowel(f1: float, f2: float, f3: float, *, duration: float = 110.0, to: Targets | None = None) -> Segment:
    """A steady vowel, or a diphthong that ends at `to`; F4 lies at 3400 Hz."""
    return Segment(duration, (f1, f2, f3, 3400.0), to, voicing=1.0, nucleus=True)


def approximant(f1: float, f2: float, f3: float) -> Segment:
    """A glide or liquid: voiced, a little weaker than a vowel."""
    return Segment(65.0, (f1, f2, f3, 3300.0), bandwidths=CONSONANT_WIDTHS, voicing=0.6)


def nasal(f1: float, f2: float, f3: float) -> Segment:
    """A nasal murmur: wide bandwidths and an open velum."""
    return Segment(70.0, (f1, f2, f3, 3300.0), bandwidths=NASAL_WIDTHS, voicing=0.5, nasality=1.0)


def fricative(
    formants: Targets, level: float, centre: float, width: float, *, voicing: float = 0.0, duration: float = 95.0
) -> Segment:
    """Noise in a band around `centre` Hz, over pulses where `voicing` is above 0."""
    return Segment(
        duration,
        formants,
        bandwidths=CONSONANT_WIDTHS,
        voicing=voicing,
        frication=level,
        centre=centre,
        width=width,
    )


def stop(formants: Targets, level: float, centre: float, width: float, *, voiced: bool) -> tuple[Segment, ...]:
    """Closure (with a voice bar where `voiced`), burst around `centre` Hz, and aspiration where voiceless."""
    closure = Segment(55.0, formants, bandwidths=CONSONANT_WIDTHS, voicing=0.12 if voiced else 0.0)
    burst = fricative(formants, level, centre, width, duration=15.0)
    if voiced:
        return closure, burst
    return closure, burst, Segment(30.0, formants, bandwidths=CONSONANT_WIDTHS, aspiration=0.7)


EE: Targets = (300.0, 2250.0, 2950.0, 3400.0)
OO: Targets = (340.0, 900.0, 2240.0, 3400.0)

PHONEMES: dict[str, tuple[Segment, ...]] = {
    # vowels and diphthongs
    "iy": (vowel(270, 2290, 3010),),
    "ih": (vowel(390, 1990, 2550, duration=90),),
    "eh": (vowel(530, 1840, 2480),),
    "ae": (vowel(660, 1720, 2410, duration=130),),
    "aa": (vowel(730, 1090, 2440, duration=130),),
    "ao": (vowel(570, 840, 2410, duration=130),),
    "uh": (vowel(440, 1020, 2240, duration=90),),
    "uw": (vowel(300, 870, 2240),),
    "ah": (vowel(640, 1190, 2390, duration=100),),
    "er": (vowel(490, 1350, 1690, duration=120),),
    "ax": (vowel(500, 1450, 2450, duration=70),),
    "ey": (vowel(500, 1850, 2500, duration=150, to=EE),),
    "ay": (vowel(730, 1150, 2440, duration=170, to=EE),),
    "aw": (vowel(720, 1250, 2440, duration=170, to=OO),),
    "ow": (vowel(560, 1000, 2400, duration=150, to=OO),),
    # glides, liquids and nasals
    "w": (approximant(290, 610, 2150),),
    "j": (approximant(260, 2070, 3020),),
    "r": (approximant(310, 1060, 1380),),
    "l": (approximant(310, 1050, 2880),),
    "m": (nasal(300, 1000, 2130),),
    "n": (nasal(300, 1500, 2470),),
    "ng": (nasal(300, 2100, 2800),),
    # fricatives
    "f": (fricative((340, 1100, 2080, 3300), 0.12, 5000, 6000),),
    "dh": (fricative((250, 1300, 2500, 3300), 0.04, 5500, 4000, voicing=0.4, duration=50),),
    "v": (fricative((220, 1100, 2080, 3300), 0.05, 5000, 6000, voicing=0.35, duration=60),),
    "s": (fricative((320, 1390, 2530, 3300), 0.45, 5400, 2200),),
    "z": (fricative((240, 1390, 2530, 3300), 0.25, 5400, 2200, voicing=0.3, duration=75),),
    "sh": (fricative((300, 1840, 2750, 3300), 0.5, 3400, 1500),),
    "h": (Segment(60.0, (500, 1500, 2500, 3400), bandwidths=CONSONANT_WIDTHS, aspiration=1.2),),
    # stops
    "p": stop((400, 1100, 2150, 3300), 0.3, 900, 1400, voiced=False),
    "b": stop((200, 1100, 2150, 3300), 0.2, 900, 1400, voiced=True),
    "t": stop((400, 1600, 2600, 3300), 0.5, 4500, 2500, voiced=False),
    "d": stop((200, 1600, 2600, 3300), 0.3, 4500, 2500, voiced=True),
    "k": stop((300, 1990, 2850, 3300), 0.5, 2100, 900, voiced=False),
    "g": stop((200, 1990, 2850, 3300), 0.3, 2100, 900, voiced=True),
}

COMMANDS: dict[str, str] = {
    "backward": "b ae k w er d",
    "five": "f ay v",
    "follow": "f aa l ow",
    "house": "h aw s",
    "learn": "l er n",
    "marvin": "m aa r v ih n",
    "nine": "n ay n",
    "seven": "s eh v ax n",
    "yes": "j eh s",
    "zero": "z iy r ow",
}

WORDS: dict[str, str] = {
    "bottle": "b aa t ax l",
    "dinner": "d ih n er",
    "garden": "g aa d ax n",
    "kitchen": "k ih t sh ih n",
    "lady": "l ey d iy",
    "lemon": "l eh m ax n",
    "money": "m ah n iy",
    "morning": "m ao n ih ng",
    "mountain": "m aw n t ih n",
    "paper": "p ey p er",
    "river": "r ih v er",
    "simple": "s ih m p ax l",
    "soldier": "s ow l d er",
    "sugar": "sh uh g er",
    "tiger": "t ay g er",
    "water": "w ao t er",
    "winter": "w ih n t er",
    "woolly": "w uh l iy",
    "yellow": "j eh l ow",
    "zooming": "z uw m ih ng",
}

PARTICLES: dict[str, str] = {
    "a": "ax",
    "bring": "b r ih ng",
    "by": "b ay",
    "can": "k ae n",
    "find": "f ay n d",
    "in": "ih n",
    "leave": "l iy v",
    "little": "l ih t ax l",
    "must": "m ah s t",
    "my": "m ay",
    "near": "n iy r",
    "paint": "p ey n t",
    "please": "p l iy z",
    "the": "dh ax",
    "watch": "w aa t sh",
    "we": "w iy",
}  # what else sentences need

LEXICON: dict[str, str] = COMMANDS | WORDS | PARTICLES


def segments(word: str) -> tuple[Segment, ...]:
    """The segments of `word`, in order."""
    return tuple(part for symbol in LEXICON[word].split() for part in PHONEMES[symbol])


def milliseconds(word: str) -> float:
    """How long `word` lasts at normal rate."""
    return sum(part.duration for part in segments(word))
