#!/usr/bin/env python3
"""Writes the music bed "corporate_upbeat": E flat major, 104 beats a minute, 16 bars, a seamless loop.

Warmer and slower than "upbeat_corporate": an electric piano off the beat, strings, finger snaps.
Every note is in this file, every sound in bed.py or here; make_all.sh runs it and encodes.
"""

import numpy as np

from bed import (Bed, bass, fade_edges, hertz, in_a_room, kick, noise, pad, seconds, write)

BARS = 16
FRAMES = 1731  # 103.99 beats a minute.

# A bar each: bass note, then the chord's voicing.
CHORDS = {
    "Eb": ("Eb2", "G3 Bb3 D4 F4"),
    "Cm": ("C2", "G3 Bb3 Eb4 F4"),
    "Ab": ("Ab1", "G3 C4 Eb4 Bb4"),
    "Bb": ("Bb1", "F3 Bb3 D4 F4"),
    "Fm": ("F2", "Ab3 C4 Eb4 G4"),
    "Gm": ("G1", "F3 Bb3 D4 G4"),
}
PROGRESSION = "Eb Cm Ab Bb  Eb Cm Ab Bb  Fm Gm Ab Bb  Eb Cm Ab Bb".split()

# Stabs of the piano in a bar: (beat, length, loudness).
STABS = [(0, 0.9, 1.0), (1.5, 0.45, 0.7), (2.5, 0.9, 0.85), (3.5, 0.4, 0.55)]
BASS = [(0, 1.3, 0), (1.5, 0.45, 0), (2.5, 0.9, 0), (3.5, 0.45, 7)]
# A lead that answers itself over bars 5 to 8 and 13 to 16: (bar, beat, length, note).
TUNE = [
    (0, 0.5, 0.9, "G4"), (0, 1.5, 0.9, "Bb4"), (0, 2.5, 1.4, "Eb5"),
    (1, 0.5, 0.9, "D5"), (1, 1.5, 0.45, "C5"), (1, 2, 1.9, "Bb4"),
    (2, 0.5, 0.9, "C5"), (2, 1.5, 0.9, "Eb5"), (2, 2.5, 1.4, "G5"),
    (3, 0.5, 0.9, "F5"), (3, 1.5, 0.9, "D5"), (3, 2.5, 1.4, "Bb4"),
]


def electric_piano(frequency, length):
    """A tine: the carrier is bent by a modulator at its own pitch, which dies sooner."""
    t = seconds(length + 0.5)
    bend = 1.6 * np.exp(-t / 0.35) * np.sin(2 * np.pi * frequency * t)
    bell = 0.25 * np.exp(-t / 0.05) * np.sin(2 * np.pi * 14 * min(frequency, 600) * t)
    sound = np.sin(2 * np.pi * frequency * t + bend) * np.exp(-t / 0.8) + bell
    sound[round(length * 48000):] *= np.exp(-seconds(0.5) / 0.08)[: len(sound) - round(length * 48000)]
    return fade_edges(sound, 0.003, 0.05)


def lead(frequency, length):
    """A soft reed with a vibrato that sets in late."""
    t = seconds(length + 0.25)
    vibrato = 0.004 * np.sin(2 * np.pi * 5.2 * t) * np.clip((t - 0.25) / 0.3, 0, 1)
    phase = 2 * np.pi * frequency * (t + vibrato / 5)
    sound = sum(np.sin(n * phase) / n**2 for n in (1, 3, 5, 7))
    return fade_edges(sound, 0.04, 0.22)


def snap(random):
    crack = noise(random, 0.12, 1800, 6500, 0.018)
    t = seconds(0.12)
    return fade_edges(crack + 0.4 * np.sin(2 * np.pi * 2100 * t) * np.exp(-t / 0.008), 0.001, 0.02)


def harmony(dry, wide):
    for bar, name in enumerate(PROGRESSION):
        root, voicing = CHORDS[name]
        chord = [hertz(note) for note in voicing.split()]
        for i, frequency in enumerate(chord):
            pan = (-0.6, 0.35, -0.2, 0.6)[i]
            wide.add(bar * 4 - 0.2, pad(frequency * 2, 4.6 * wide.beat, 7),
                     0.012 if bar < 8 else 0.020, pan)
            for beat, length, gain in STABS:
                wide.add(bar * 4 + beat + 0.012 * i, electric_piano(frequency, length * wide.beat),
                         0.062 * gain, pan * 0.6)
        for beat, length, interval in BASS:
            dry.add(bar * 4 + beat, bass(hertz(root) * 2 ** (interval / 12), length * dry.beat), 0.17)


def percussion(dry, wide, random):
    thump, fingers = kick(), snap(random)
    shakes = [noise(random, 0.06, 7000, 14000, 0.014) for _ in range(8)]
    rim = noise(random, 0.05, 1200, 4200, 0.008)
    for bar in range(BARS):
        quiet = bar in (0, 1)
        for beat in (0, 2.5):
            dry.add(bar * 4 + beat, thump, 0.24 if beat == 0 else 0.16)
        for beat in (1, 3):
            wide.add(bar * 4 + beat, fingers, 0.13 if quiet else 0.19, -0.15)
        if bar % 4 == 3:
            for beat, gain in ((3.25, 0.07), (3.75, 0.09)):
                wide.add(bar * 4 + beat, rim, gain, 0.3)
        if quiet:
            continue
        for eighth in range(8):
            late = 0.06 if eighth % 2 else 0  # a swing that is felt rather than heard
            dry.add(bar * 4 + eighth / 2 + late, shakes[eighth],
                    (0.035, 0.085)[eighth % 2], 0.35)


def tune(wide):
    for verse in (4, 12):
        for bar, beat, length, note in TUNE:
            wide.add((verse + bar) * 4 + beat, lead(hertz(note), length * wide.beat), 0.075, 0.12)


def main():
    random = np.random.default_rng(104)
    dry, wide = Bed(FRAMES, BARS * 4), Bed(FRAMES, BARS * 4)
    harmony(dry, wide)
    tune(wide)
    wide.echo(0.5, 0.16)
    percussion(dry, wide, random)
    mix = dry.channels + wide.channels
    mix += 0.22 * in_a_room(0.2 * dry.channels + wide.channels, random)
    write(mix, random, __doc__)


if __name__ == "__main__":
    main()
