"""What the music beds share: time as a circle, instruments, a room, loudness.

Time is a circle: a note that rings past the last bar rings into the first one, and so does the
room, hence the end runs into the start. Nothing is sampled, and the same file comes out on every
run. Needs python3-numpy.
"""

import sys
import wave

import numpy as np

RATE = 48000
TARGET_LUFS = -18.0
PEAK_MAX = 0.89  # −1 dB

NOTES = {"C": 0, "C#": 1, "D": 2, "Eb": 3, "E": 4, "F": 5, "F#": 6, "G": 7, "Ab": 8, "A": 9,
         "Bb": 10, "B": 11}


def hertz(name):
    semitones = NOTES[name[:-1]] + 12 * (int(name[-1]) + 1)
    return 440 * 2 ** ((semitones - 69) / 12)


class Bed:
    """Two channels of `frames` AAC frames, `beats` beats long; what is added past the end goes on
    at the start. Whole frames, so that no padding follows the last sample."""

    def __init__(self, frames, beats):
        self.length = frames * 1024
        self.beat = self.length / RATE / beats
        self.channels = np.zeros((2, self.length))

    def add(self, beat, sound, gain=1.0, pan=0.0):
        start = round(beat * self.beat * RATE)
        places = np.arange(start, start + len(sound)) % self.length
        angle = (pan + 1) * np.pi / 4
        np.add.at(self.channels[0], places, sound * gain * np.cos(angle))
        np.add.at(self.channels[1], places, sound * gain * np.sin(angle))

    def echo(self, beats, gain):
        delayed = np.roll(self.channels, round(beats * self.beat * RATE), axis=1)[::-1]
        twice = np.roll(self.channels, 2 * round(beats * self.beat * RATE), axis=1)
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


def in_a_room(channels, random, ring=0.28):
    """A hall, convolved around the circle; `ring` is how long it takes to fall by 8.7 dB."""
    length = channels.shape[1]
    t = seconds(ring * 1.3 / 0.28)
    wet = np.empty_like(channels)
    for i in range(2):
        hall = random.standard_normal(len(t)) * np.exp(-t / ring)
        hall[: round(0.012 * RATE)] = 0
        response = np.zeros(length)
        response[: len(hall)] = hall / np.sqrt((hall**2).sum())
        spectrum = np.fft.rfft(response)
        f = np.fft.rfftfreq(length, 1 / RATE)
        spectrum *= 1 / (1 + (180 / np.maximum(f, 1)) ** 4) / (1 + (f / 5500) ** 2)
        wet[i] = np.fft.irfft(np.fft.rfft(channels[i]) * spectrum, length)
    return wet


def biquad(f, b, a):
    z = np.exp(-2j * np.pi * f / RATE)
    return (b[0] + b[1] * z + b[2] * z**2) / (1 + a[0] * z + a[1] * z**2)


def loudness(channels):
    """ITU-R BS.1770: K weighting at 48 kHz, 400 ms blocks, gates at −70 LUFS and −10 LU."""
    length = channels.shape[1]
    f = np.fft.rfftfreq(length, 1 / RATE)
    weight = biquad(f, (1.53512485958697, -2.69169618940638, 1.19839281085285),
                    (-1.69065929318241, 0.73248077421585))
    weight = weight * biquad(f, (1.0, -2.0, 1.0), (-1.99004745483398, 0.99007225036621))
    squares = sum(np.fft.irfft(np.fft.rfft(c) * weight, length) ** 2 for c in channels)
    total = np.concatenate(([0], np.cumsum(squares)))
    starts = np.arange(0, length - RATE * 2 // 5, RATE // 10)
    powers = (total[starts + RATE * 2 // 5] - total[starts]) / (RATE * 2 // 5)
    powers = powers[powers > 10 ** ((-70 + 0.691) / 10)]
    powers = powers[powers > powers.mean() / 10]
    return -0.691 + 10 * np.log10(powers.mean())


def write(mix, random, doc):
    """At the target's loudness, as 16 bits with dither, into the file that the command names."""
    if len(sys.argv) != 2:
        sys.exit(doc)
    mix = mix * 10 ** ((TARGET_LUFS - loudness(mix)) / 20)
    peak = np.abs(mix).max()
    if peak > PEAK_MAX:
        sys.exit(f"peak {peak:.2f} above {PEAK_MAX}: too lively for {TARGET_LUFS} LUFS")
    samples = np.round(mix.T * 32767 + random.uniform(-0.5, 0.5, mix.T.shape)).astype("<i2")
    with wave.open(sys.argv[1], "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
