#!/usr/bin/env python3
"""Writes the music bed "upbeat_corporate": D major, 116 beats a minute, 16 bars, a seamless loop.

Every note is in this file; nothing is sampled. Needs python3-numpy, and ffmpeg for the last step:

    /usr/bin/python3 templates/music/make_upbeat_corporate.py /tmp/bed.wav
    ffmpeg -y -i /tmp/bed.wav -c:a aac -b:a 192k -movflags +faststart \\
        -map_metadata -1 -fflags +bitexact -flags:a +bitexact templates/music/upbeat_corporate.m4a

Time is a circle: a note that rings past the last bar rings into the first one, and so does the
room, hence the end runs into the start. The same file comes out on every run.
"""

import sys
import wave

import numpy as np

RATE = 48000
BARS = 16
# Whole AAC frames, so that no padding follows the last sample: 115.98 beats a minute.
LENGTH = 1552 * 1024
BEAT = LENGTH / RATE / (BARS * 4)
TARGET_LUFS = -18.0
PEAK_MAX = 0.89  # −1 dB

NOTES = {"C": 0, "C#": 1, "D": 2, "E": 4, "F#": 6, "G": 7, "A": 9, "B": 11}

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


def hertz(name):
    semitones = NOTES[name[:-1]] + 12 * (int(name[-1]) + 1)
    return 440 * 2 ** ((semitones - 69) / 12)


class Bed:
    """Two channels; what is added past the end goes on at the start."""

    def __init__(self):
        self.channels = np.zeros((2, LENGTH))

    def add(self, beat, sound, gain=1.0, pan=0.0):
        start = round(beat * BEAT * RATE)
        places = np.arange(start, start + len(sound)) % LENGTH
        angle = (pan + 1) * np.pi / 4
        np.add.at(self.channels[0], places, sound * gain * np.cos(angle))
        np.add.at(self.channels[1], places, sound * gain * np.sin(angle))

    def echo(self, beats, gain):
        delayed = np.roll(self.channels, round(beats * BEAT * RATE), axis=1)[::-1]
        twice = np.roll(self.channels, 2 * round(beats * BEAT * RATE), axis=1)
        self.channels = self.channels + gain * delayed + gain**2 * twice


def seconds(length):
    return np.arange(round(length * RATE)) / RATE


def fade_edges(sound, attack, release):
    a, r = round(attack * RATE), round(release * RATE)
    sound[:a] *= np.sin(np.linspace(0, np.pi / 2, a)) ** 2
    sound[-r:] *= np.cos(np.linspace(0, np.pi / 2, r)) ** 2
    return sound


def mallet(frequency):
    """A wooden bar: its first overtone is near two octaves up and dies first."""
    t = seconds(1.1)
    sound = np.sin(2 * np.pi * frequency * t) * np.exp(-t / 0.22)
    sound += 0.42 * np.sin(2 * np.pi * 4 * frequency * t) * np.exp(-t / 0.06)
    sound += 0.14 * np.sin(2 * np.pi * 9.2 * frequency * t) * np.exp(-t / 0.02)
    return fade_edges(sound, 0.002, 0.05)


def bell(frequency):
    t = seconds(2.2)
    sound = np.sin(2 * np.pi * frequency * t) * np.exp(-t / 0.55)
    sound += 0.35 * np.sin(2 * np.pi * 2 * frequency * t) * np.exp(-t / 0.35)
    sound += 0.12 * np.sin(2 * np.pi * 5.4 * frequency * t) * np.exp(-t / 0.09)
    return fade_edges(sound, 0.003, 0.1)


def pluck(frequency, ring):
    """A string damped by the palm: the higher the harmonic, the sooner it is gone."""
    t = seconds(4 * ring)
    sound = np.zeros_like(t)
    for n in range(1, 9):
        if n * frequency < 9000:
            sound += np.sin(2 * np.pi * n * frequency * t) * np.exp(-t * n**0.6 / ring) / n
    return fade_edges(sound, 0.002, 0.02)


def bass(frequency, length):
    t = seconds(length)
    sound = np.sin(2 * np.pi * frequency * t) + 0.7 * np.sin(4 * np.pi * frequency * t)
    sound += 0.18 * np.sin(6 * np.pi * frequency * t) * np.exp(-t / 0.15)
    return fade_edges(np.tanh(1.3 * sound) * np.exp(-t / 0.9), 0.006, 0.05)


def pad(frequency, length, detune):
    t = seconds(length)
    sound = np.zeros_like(t)
    for cents in (-detune, detune):
        f = frequency * 2 ** (cents / 1200)
        for n in range(1, 7):
            sound += np.sin(2 * np.pi * n * f * t + 1.7 * n + cents) / n**2
    return fade_edges(sound, 0.35, 0.5)


def kick():
    t = seconds(0.3)
    sweep = 48 * t + 95 * 0.035 * (1 - np.exp(-t / 0.035))  # from 143 Hz down to 48
    return fade_edges(np.sin(2 * np.pi * sweep) * np.exp(-t / 0.11), 0.001, 0.05)


def noise(random, length, low, high, decay):
    """Noise between two frequencies, dying away."""
    t = seconds(length)
    spectrum = np.fft.rfft(random.standard_normal(len(t)))
    f = np.fft.rfftfreq(len(t), 1 / RATE)
    spectrum *= 1 / (1 + (low / np.maximum(f, 1)) ** 6) / (1 + (f / high) ** 6)
    sound = np.fft.irfft(spectrum, len(t)) * np.exp(-t / decay)
    return fade_edges(sound / np.abs(sound).max(), 0.001, 0.01)


def clap(random):
    sound = np.zeros(round(0.22 * RATE))
    for late, gain in ((0, 0.6), (0.011, 0.7), (0.021, 1.0)):
        burst = noise(random, 0.19, 900, 5200, 0.012 if gain < 1 else 0.05) * gain
        start = round(late * RATE)
        sound[start : start + len(burst)] += burst
    return sound


def harmony(bed_dry, bed_wide):
    for bar, name in enumerate(PROGRESSION):
        root, voicing = CHORDS[name]
        chord = [hertz(note) for note in voicing.split()]
        lift = 1.0 if bar >= 8 else 0.85
        for i, frequency in enumerate(chord):
            bed_wide.add(bar * 4 - 0.2, pad(frequency, 4.6 * BEAT, 5), 0.030,
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
            bed_dry.add(bar * 4 + beat, bass(hertz(root) * 2 ** (interval / 12), length * BEAT),
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


def in_a_room(channels, random):
    """A small hall, convolved around the circle."""
    t = seconds(1.3)
    wet = np.empty_like(channels)
    for i in range(2):
        hall = random.standard_normal(len(t)) * np.exp(-t / 0.28)
        hall[: round(0.012 * RATE)] = 0
        response = np.zeros(LENGTH)
        response[: len(hall)] = hall / np.sqrt((hall**2).sum())
        spectrum = np.fft.rfft(response)
        f = np.fft.rfftfreq(LENGTH, 1 / RATE)
        spectrum *= 1 / (1 + (180 / np.maximum(f, 1)) ** 4) / (1 + (f / 5500) ** 2)
        wet[i] = np.fft.irfft(np.fft.rfft(channels[i]) * spectrum, LENGTH)
    return wet


def biquad(f, b, a):
    z = np.exp(-2j * np.pi * f / RATE)
    return (b[0] + b[1] * z + b[2] * z**2) / (1 + a[0] * z + a[1] * z**2)


def loudness(channels):
    """ITU-R BS.1770: K weighting at 48 kHz, 400 ms blocks, gates at −70 LUFS and −10 LU."""
    f = np.fft.rfftfreq(LENGTH, 1 / RATE)
    weight = biquad(f, (1.53512485958697, -2.69169618940638, 1.19839281085285),
                    (-1.69065929318241, 0.73248077421585))
    weight = weight * biquad(f, (1.0, -2.0, 1.0), (-1.99004745483398, 0.99007225036621))
    squares = sum(np.fft.irfft(np.fft.rfft(c) * weight, LENGTH) ** 2 for c in channels)
    total = np.concatenate(([0], np.cumsum(squares)))
    starts = np.arange(0, LENGTH - RATE * 2 // 5, RATE // 10)
    powers = (total[starts + RATE * 2 // 5] - total[starts]) / (RATE * 2 // 5)
    powers = powers[powers > 10 ** ((-70 + 0.691) / 10)]
    powers = powers[powers > powers.mean() / 10]
    return -0.691 + 10 * np.log10(powers.mean())


def main():
    random = np.random.default_rng(116)
    dry, wide = Bed(), Bed()
    harmony(dry, wide)
    tune(wide)
    wide.echo(0.75, 0.22)
    percussion(dry, wide, random)
    mix = dry.channels + wide.channels
    mix += 0.20 * in_a_room(0.25 * dry.channels + wide.channels, random)
    mix *= 10 ** ((TARGET_LUFS - loudness(mix)) / 20)
    peak = np.abs(mix).max()
    if peak > PEAK_MAX:
        sys.exit(f"peak {peak:.2f} above {PEAK_MAX}: too lively for {TARGET_LUFS} LUFS")
    samples = np.round(mix.T * 32767 + random.uniform(-0.5, 0.5, (LENGTH, 2))).astype("<i2")
    with wave.open(sys.argv[1], "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
