#!/usr/bin/env python3
"""Writes the music bed "upbeat_corporate": D major, 116 beats a minute, 16 bars, a seamless loop.

Every note is in this file, every sound in bed.py; make_all.sh runs it and encodes.
"""

import numpy as np

from bed import (Bed, bass, bell, clap, hertz, in_a_room, kick, mallet, noise, pad, pluck, write)

BARS = 16
FRAMES = 1552  # 115.98 beats a minute.

# A bar each: bass note, then the chord's voicing. I V vi IV twice, then a lift from IV.
CHORDS = {
    "D": ("D2", "A3 D4 F#4 A4"),
    "A": ("A1", "A3 C#4 E4 A4"),
    "Bm": ("B1", "B3 D4 F#4 B4"),
    "G": ("G1", "B3 D4 G4 B4"),
    "Em": ("E2", "B3 E4 G4 B4"),
    "D/F#": ("F#1", "A3 D4 F#4 A4"),
}
PROGRESSION = "D A Bm G  D A Bm G  G A Bm D/F#  G A D A".split()

# Arpeggio: which of the chord's notes on each eighth; + is an octave up.
ARPEGGIO = "0 2 3 1+ 2 3 1+ 3".split()
# Beats in a bar: (beat, length, 0 = root, 7 = the fifth above, 12 = the octave).
BASS = [(0, 0.9, 0), (1.5, 0.4, 0), (2, 0.9, 0), (3, 0.45, 7), (3.5, 0.45, 12)]
# The bells' tune over bars 9 to 16: (bar, beat, note).
TUNE = [
    (8, 0, "D5"), (8, 1, "B4"), (8, 1.5, "D5"), (8, 3, "G5"),
    (9, 0, "E5"), (9, 1.5, "C#5"), (9, 2.5, "E5"),
    (10, 0, "F#5"), (10, 1, "D5"), (10, 1.5, "F#5"), (10, 3, "B5"),
    (11, 0, "A5"), (11, 1.5, "F#5"), (11, 3, "D5"),
    (12, 0, "D5"), (12, 1, "B4"), (12, 1.5, "D5"), (12, 3, "G5"),
    (13, 0, "E5"), (13, 1.5, "A5"), (13, 2.5, "E5"),
    (14, 0, "F#5"), (14, 1, "E5"), (14, 1.5, "D5"),
    (15, 0, "C#5"), (15, 2, "E5"),
]


def harmony(bed_dry, bed_wide):
    for bar, name in enumerate(PROGRESSION):
        root, voicing = CHORDS[name]
        chord = [hertz(note) for note in voicing.split()]
        lift = 1.0 if bar >= 8 else 0.85
        for i, frequency in enumerate(chord):
            bed_wide.add(bar * 4 - 0.2, pad(frequency, 4.6 * bed_wide.beat, 5), 0.030,
                         (-0.7, 0.5, -0.4, 0.7)[i])
        for eighth, step in enumerate(ARPEGGIO):
            frequency = chord[int(step[0])] * (2 if step.endswith("+") else 1)
            accent = 1.0 if eighth % 4 == 0 else 0.72
            bed_wide.add(bar * 4 + eighth / 2, mallet(frequency), 0.15 * accent * lift,
                         0.45 if eighth % 2 else -0.35)
        for eighth in range(8):
            frequency = hertz(root) * (4 if eighth % 2 == 0 else 6 if name != "D/F#" else 4)
            bed_dry.add(bar * 4 + eighth / 2, pluck(frequency, 0.07),
                        0.085 * (1 if eighth in (0, 3, 6) else 0.6), -0.25)
        for beat, length, interval in BASS:
            if name == "D/F#" and interval == 7:
                interval = 8  # the chord's D above its F#
            bed_dry.add(bar * 4 + beat, bass(hertz(root) * 2 ** (interval / 12), length * bed_dry.beat),
                        0.16)


def percussion(bed_dry, bed_wide, random):
    thump, hands = kick(), clap(random)
    shakes = [noise(random, 0.07, 6500, 13000, 0.016) for _ in range(8)]
    for bar in range(BARS):
        last = bar in (7, 15)
        if bar >= 4:
            for beat in (0, 2, 2.5) if not last else (0, 2):
                bed_dry.add(bar * 4 + beat, thump, 0.30 if beat != 2.5 else 0.18)
            for beat in (1, 3):
                bed_wide.add(bar * 4 + beat, hands, 0.16, 0.1)
        if last:
            for i, beat in enumerate((3.25, 3.5, 3.75)):
                bed_wide.add(bar * 4 + beat, hands, 0.05 + 0.02 * i, -0.2 + 0.2 * i)
        for sixteenth in range(16):
            gain = (0.10, 0.035, 0.07, 0.045)[sixteenth % 4]
            bed_dry.add(bar * 4 + sixteenth / 4, shakes[sixteenth % 8], gain, 0.3)


def tune(bed_wide):
    for bar, beat, note in TUNE:
        bed_wide.add(bar * 4 + beat, bell(hertz(note)), 0.105, 0.15)


def main():
    random = np.random.default_rng(116)
    dry, wide = Bed(FRAMES, BARS * 4), Bed(FRAMES, BARS * 4)
    harmony(dry, wide)
    tune(wide)
    wide.echo(0.75, 0.22)
    percussion(dry, wide, random)
    mix = dry.channels + wide.channels
    mix += 0.20 * in_a_room(0.25 * dry.channels + wide.channels, random)
    write(mix, random, __doc__)


if __name__ == "__main__":
    main()
