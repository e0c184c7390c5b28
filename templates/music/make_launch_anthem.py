#!/usr/bin/env python3
"""Writes the music bed "launch_anthem": D minor, 96 beats a minute, 16 bars, a seamless loop.

Low strings that hammer, horns, drums as large as a hall, a rise every eight bars.
Every note is in this file, every sound in bed.py or here; make_all.sh runs it and encodes.
"""

import numpy as np

from bed import (RATE, Bed, bell, fade_edges, hertz, in_a_room, noise, pad, seconds, write)

BARS = 16
FRAMES = 1875  # 96 beats a minute, exactly.

# A bar each: bass note, the strings' figure, the horns' chord.
CHORDS = {
    "Dm": ("D2", "D3 A3 D4", "D3 A3 D4 F4"),
    "Bb": ("Bb1", "D3 Bb3 D4", "D3 Bb3 D4 F4"),
    "F": ("F2", "C3 A3 C4", "C3 A3 C4 F4"),
    "C": ("C2", "E3 G3 C4", "C3 G3 C4 E4"),
    "Gm": ("G1", "D3 G3 Bb3", "D3 G3 Bb3 D4"),
}
PROGRESSION = "Dm Bb F C  Dm Bb F C  Gm Bb F C  Dm Bb C C".split()
FIGURE = [0, 0, 1, 0, 2, 0, 1, 0]  # eighths
# The horns' tune over bars 9 to 16: (bar, beat, length, note).
TUNE = [
    (8, 0, 2, "Bb3"), (8, 2, 2, "D4"), (9, 0, 3, "F4"), (9, 3, 1, "D4"),
    (10, 0, 2, "C4"), (10, 2, 2, "F4"), (11, 0, 3, "G4"), (11, 3, 1, "E4"),
    (12, 0, 2, "F4"), (12, 2, 2, "A4"), (13, 0, 3, "Bb4"), (13, 3, 1, "A4"),
    (14, 0, 2, "G4"), (14, 2, 2, "C5"), (15, 0, 3.5, "C5"),
]


def bowed(frequency, length):
    """A short stroke of many strings."""
    t = seconds(length)
    sound = np.zeros_like(t)
    for cents in (-8, 0, 7):
        f = frequency * 2 ** (cents / 1200)
        for n in range(1, 14):
            if n * f < 7000:
                sound += np.sin(2 * np.pi * n * f * t + n * cents) * np.exp(-t * n / 0.9) / n
    return fade_edges(sound * np.exp(-t / 0.28), 0.012, 0.05)


def horn(frequency, length):
    """Brass: the louder, the brighter, so that it opens as it swells."""
    t = seconds(length)
    swell = 1 - np.exp(-t / 0.14)
    sound = np.zeros_like(t)
    for cents in (-4, 5):
        f = frequency * 2 ** (cents / 1200)
        for n in range(1, 11):
            if n * f < 6000:
                sound += swell ** (0.6 * n) * np.sin(2 * np.pi * n * f * t + cents * n) / n**1.25
    return fade_edges(sound, 0.03, 0.25)


def drum(random, pitch, ring):
    """A skin as wide as a table."""
    t = seconds(4 * ring)
    fall = pitch * t + 0.9 * pitch * 0.04 * (1 - np.exp(-t / 0.04))
    skin = np.sin(2 * np.pi * fall) * np.exp(-t / ring)
    skin += 0.4 * np.sin(2 * np.pi * 1.59 * fall) * np.exp(-t / (0.5 * ring))
    hit = noise(random, 4 * ring, 90, 2600, 0.03)
    return fade_edges(np.tanh(1.2 * skin) + 0.55 * hit, 0.002, 0.05)


def rise(random, length):
    """Noise that opens until the bar line takes it away."""
    t = seconds(length)
    sound = np.zeros_like(t)
    for low, high, late in ((300, 1200, 0), (1200, 4000, 0.3), (4000, 11000, 0.55)):
        band = noise(random, length, low, high, 1e9)
        sound += band * np.clip((t / length - late) / (1 - late), 0, 1) ** 2.2
    return fade_edges(sound, 0.05, 0.04)


def crash(random):
    return fade_edges(noise(random, 3.2, 2500, 14000, 0.8), 0.002, 0.4)


def harmony(dry, wide):
    for bar, name in enumerate(PROGRESSION):
        root, figure, chord = CHORDS[name]
        strings = [hertz(note) for note in figure.split()]
        for eighth, step in enumerate(FIGURE):
            gain = 0.068 * (1.0 if eighth % 4 == 0 else 0.72)
            wide.add(bar * 4 + eighth / 2, bowed(strings[step], 0.62 * wide.beat), gain,
                     -0.5 + 0.15 * step)
            wide.add(bar * 4 + eighth / 2, bowed(strings[step] * 2, 0.55 * wide.beat),
                     (0.022 if bar < 8 else 0.036), 0.5 - 0.1 * step)
        dry.add(bar * 4, pad(hertz(root), 4.4 * dry.beat, 4), 0.11)
        dry.add(bar * 4, pad(hertz(root) * 2, 4.4 * dry.beat, 6), 0.05)
        if bar >= 4:
            for i, note in enumerate(chord.split()):
                wide.add(bar * 4, horn(hertz(note), 3.9 * wide.beat), 0.020 if bar < 8 else 0.026,
                         (-0.5, 0.4, -0.2, 0.5)[i])
            for i, note in enumerate(chord.split()[1:]):
                wide.add(bar * 4 - 0.2, pad(2 * hertz(note), 4.6 * wide.beat, 9), 0.014,
                         (0.6, -0.6, 0.1)[i])


def tune(wide):
    for bar, beat, length, note in TUNE:
        wide.add(bar * 4 + beat, horn(hertz(note), length * wide.beat), 0.060, -0.1)
        wide.add(bar * 4 + beat, bell(2 * hertz(note)), 0.04, 0.3)


def percussion(dry, wide, random):
    low, high = drum(random, 52, 0.34), drum(random, 88, 0.2)
    tick = noise(random, 0.05, 5000, 12000, 0.010)
    for bar in range(BARS):
        full = bar >= 8
        for beat, gain in ((0, 1.0), (2.5, 0.6)) if not full else ((0, 1.0), (1.5, 0.5), (2, 0.8),
                                                                  (3.5, 0.6)):
            wide.add(bar * 4 + beat, low, 0.24 * gain)
        for beat in (1, 3) if full else (3,):
            wide.add(bar * 4 + beat, high, 0.15, 0.25)
        if bar % 4 == 3:
            for i in range(6):
                wide.add(bar * 4 + 2.5 + i / 4, high, 0.05 + 0.014 * i, -0.4 + 0.15 * i)
        for sixteenth in range(16):
            if bar >= 4:
                dry.add(bar * 4 + sixteenth / 4, tick, (0.10, 0.036, 0.064, 0.036)[sixteenth % 4], 0.4)
    for bar in (0, 8):
        wide.add(bar * 4, crash(random), 0.11, -0.1)
        wide.add(bar * 4 - 4, rise(random, 4 * wide.beat), 0.07, 0.1)


def main():
    random = np.random.default_rng(96)
    dry, wide = Bed(FRAMES, BARS * 4), Bed(FRAMES, BARS * 4)
    harmony(dry, wide)
    tune(wide)
    percussion(dry, wide, random)
    mix = dry.channels + wide.channels
    mix += 0.30 * in_a_room(0.2 * dry.channels + wide.channels, random, ring=0.5)
    write(mix, random, __doc__)


if __name__ == "__main__":
    main()
