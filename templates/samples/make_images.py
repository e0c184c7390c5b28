#!/usr/bin/python3
"""Synthesises the sample sheet's pictures: three product shots, a city at dusk, mountains at dawn.

usage: make_images.py [name ...]      writes images/<name>.jpg beside this script (needs ffmpeg)

Product shots are signed distance fields, marched with NumPy under one soft key light. The same
pictures come out on every machine: the only randomness is seeded.
"""
import pathlib
import subprocess
import sys

import numpy as np

WIDTH, HEIGHT = 1920, 1280
OVERSAMPLE = 1.5
HERE = pathlib.Path(__file__).resolve().parent


def hex_color(text):
    """"#rrggbb" in linear light."""
    srgb = np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)], np.float32) / 255
    return srgb**2.2


def mix(a, b, t):
    return a + (b - a) * t


def smoothstep(a, b, x):
    t = np.clip((x - a) / (b - a), 0, 1)
    return t * t * (3 - 2 * t)


def resize(image, width, height):
    """Area average: `image` is larger by OVERSAMPLE."""
    out = image
    for axis, size in ((0, height), (1, width)):
        edges = np.linspace(0, out.shape[axis], size + 1)
        total = np.concatenate([np.zeros_like(np.take(out, [0], axis)), np.cumsum(out, axis, dtype=np.float64)], axis)
        low = np.floor(edges).astype(int)
        high = np.minimum(low + 1, out.shape[axis])
        part = (edges - low).reshape([-1 if i == axis else 1 for i in range(3)])
        at_edges = mix(np.take(total, low, axis), np.take(total, high, axis), part)
        out = np.diff(at_edges, axis=axis) / (edges[1] - edges[0])
    return out


def save(name, linear, grain=0.006, quality=2):
    """Tone curve, a breath of grain (it keeps gradients from banding), JPEG."""
    rng = np.random.default_rng(7)
    toned = 1 - np.exp(-1.35 * np.maximum(linear, 0))
    srgb = np.clip(toned / (1 - np.exp(-1.35)), 0, 1) ** (1 / 2.2)
    srgb = np.clip(srgb + rng.normal(0, grain, srgb.shape[:2])[..., None], 0, 1)
    raw = (srgb * 255 + 0.5).astype(np.uint8)
    command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24",
               "-s", f"{raw.shape[1]}x{raw.shape[0]}", "-i", "-", "-q:v", str(quality),
               "-pix_fmt", "yuvj420p", str(HERE / "images" / f"{name}.jpg")]
    subprocess.run(command, input=raw.tobytes(), check=True)


# ------------------------------------------------------------------------------ distance fields
def length(*v):
    return np.sqrt(sum(c * c for c in v))


def rounded_cylinder(p, center, radius, half_height, rounding):
    x, y, z = p[0] - center[0], p[1] - center[1], p[2] - center[2]
    dx = length(x, z) - radius + rounding
    dy = np.abs(y) - half_height + rounding
    outside = length(np.maximum(dx, 0), np.maximum(dy, 0))
    return np.minimum(np.maximum(dx, dy), 0) + outside - rounding


def rounded_box(p, center, half, rounding):
    q = [np.abs(p[i] - center[i]) - half[i] + rounding for i in range(3)]
    outside = length(*(np.maximum(c, 0) for c in q))
    return np.minimum(np.maximum(np.maximum(q[0], q[1]), q[2]), 0) + outside - rounding


def sphere(p, center, radius):
    return length(*(p[i] - center[i] for i in range(3))) - radius


def torus(p, center, radius, thickness, axis):
    q = [p[i] - center[i] for i in range(3)]
    around = [q[i] for i in range(3) if i != axis]
    return length(length(*around) - radius, q[axis]) - thickness


def smooth_min(a, b, k):
    h = np.clip(0.5 + 0.5 * (b - a) / k, 0, 1)
    return mix(b, a, h) - k * h * (1 - h)


def backdrop(p):
    """A floor that bends up into a wall."""
    return smooth_min(p[1], p[2] + 4.2, 2.4) + 0.0 * p[0]


class Studio:
    """Parts are (distance function, material); a material is a dict of albedo, gloss, emission."""

    def __init__(self, parts, sky, key, camera, target, zoom=2.0, light=(-0.55, 0.75, 0.5)):
        self.parts = [(backdrop, {"albedo": sky, "gloss": 0.0})] + parts
        self.key, self.sky = key, sky
        self.camera, self.target, self.zoom = np.array(camera), np.array(target), zoom
        self.light = np.array(light) / np.linalg.norm(light)

    def distance(self, p):
        return np.min([part(p) for part, _ in self.parts], axis=0)

    def march(self, origin, direction, reach=14.0, steps=110):
        t = np.full(direction.shape[1], 0.01, np.float32)
        active = np.arange(t.size)
        for _ in range(steps):
            d = self.distance(origin[:, active] + direction[:, active] * t[active])
            t[active] += d * 0.95
            active = active[(d > 0.0008) & (t[active] < reach)]
            if active.size == 0:
                break
        return t

    def shadow(self, p, softness=7.0, reach=5.0, steps=36):
        light = self.light.astype(np.float32)[:, None]
        t = np.full(p.shape[1], 0.04, np.float32)
        lit = np.ones_like(t)
        active = np.arange(t.size)
        for _ in range(steps):
            d = self.distance(p[:, active] + light * t[active])
            lit[active] = np.minimum(lit[active], np.clip(0.5 + 0.5 * softness * d / t[active], 0, 1))
            t[active] += np.clip(d, 0.02, 0.25)
            active = active[(t[active] < reach) & (lit[active] > 0.002)]
            if active.size == 0:
                break
        return smoothstep(0, 1, lit)

    def normal(self, p):
        e = np.float32(0.0012)
        n = np.zeros_like(p)
        for k in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):
            k = np.array(k, np.float32)[:, None]
            n += k * self.distance(p + k * e)
        return n / np.maximum(length(*n), 1e-6)

    def occlusion(self, p, n):
        shade = np.zeros(p.shape[1], np.float32)
        for i, weight in zip((1, 2, 3, 4), (1.0, 0.6, 0.36, 0.22)):
            h = 0.07 * i
            shade += weight * (h - self.distance(p + n * np.float32(h)))
        return np.clip(1 - 1.6 * shade, 0.15, 1)

    def environment(self, d):
        """Two soft boxes and a bright ceiling, as reflections see them."""
        up = np.clip(d[1], 0, 1)
        box = smoothstep(0.45, 0.75, d[0] * -0.75 + d[1] * 0.35 + d[2] * 0.55)
        strip = smoothstep(0.80, 0.92, d[0] * 0.88 + d[1] * 0.1 + d[2] * 0.46)
        base = np.outer(self.sky * 0.55, 1 - up) + np.outer(np.ones(3) * 0.75, up)
        return base + np.outer(np.ones(3) * 2.2, box) + np.outer(self.key * 1.4, strip)

    def shade(self, p, d):
        n = self.normal(p)
        lit, open_sky = self.shadow(p + n * 0.01), self.occlusion(p, n)
        facing = np.clip(self.light.astype(np.float32) @ n, 0, 1)
        fill = 0.5 + 0.5 * n[1]
        reflected = d - 2 * np.sum(d * n, 0) * n
        fresnel = 0.04 + 0.96 * (1 - np.clip(-np.sum(d * n, 0), 0, 1)) ** 5
        mirror = self.environment(reflected)
        nearest = np.argmin([part(p) for part, _ in self.parts], axis=0)
        color = np.zeros((3, p.shape[1]), np.float32)
        for i, (_, material) in enumerate(self.parts):
            m = nearest == i
            if not m.any():
                continue
            albedo = material["albedo"]
            albedo = albedo(p[:, m]) if callable(albedo) else albedo[:, None]
            light = np.outer(self.key, 1.15 * facing[m] * lit[m])
            light += np.outer(np.array([0.62, 0.66, 0.74]), 0.72 * fill[m] * open_sky[m])
            metal = material.get("metal", 0.0)
            c = albedo * light * (1 - 0.85 * metal)
            gloss = material.get("gloss", 0.3)
            strength = gloss * mix(fresnel[m], 0.85, metal) * open_sky[m]
            c += mirror[:, m] * strength * (mix(np.ones((3, 1)), albedo, metal))
            c += material.get("emission", np.zeros(3))[:, None]
            color[:, m] = c
        return color

    def render(self):
        w, h = int(WIDTH * OVERSAMPLE), int(HEIGHT * OVERSAMPLE)
        forward = self.target - self.camera
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, [0, 1, 0])
        right /= np.linalg.norm(right)
        up = np.cross(right, forward)
        u = (np.arange(w) + 0.5 - w / 2) / h * 2
        image = np.zeros((h, w, 3), np.float32)
        for top in range(0, h, 240):  # Bands keep the working set in the cache.
            v = -(np.arange(top, min(top + 240, h)) + 0.5 - h / 2) / h * 2
            uu, vv = np.meshgrid(u, v)
            d = (right[:, None] * uu.ravel() + up[:, None] * vv.ravel() + forward[:, None] * self.zoom)
            d = (d / length(*d)).astype(np.float32)
            o = np.repeat(self.camera.astype(np.float32)[:, None], d.shape[1], 1)
            p = o + d * self.march(o, d)
            image[top : top + len(v)] = self.shade(p, d).T.reshape(len(v), w, 3)
        y, x = np.mgrid[0:h, 0:w]
        vignette = 1 - 0.28 * (((x / w - 0.5) * 1.5) ** 2 + ((y / h - 0.5) * 1.3) ** 2)
        return resize(image * vignette[..., None], WIDTH, HEIGHT)


# ------------------------------------------------------------------------------ product shots
def speaker():
    """A fabric-wrapped loudspeaker with a ring of light, and its little sibling."""
    def fabric(base):
        def albedo(p):
            around = np.arctan2(p[2], p[0]) * 60
            weave = np.sin(around) * np.sin(p[1] * 80)
            return base[:, None] * (1 + 0.13 * weave)
        return albedo

    graphite = {"albedo": fabric(hex_color("#3b4252")), "gloss": 0.15}
    sand = {"albedo": fabric(hex_color("#e9c9a5")), "gloss": 0.12}
    cap = {"albedo": hex_color("#20242d"), "gloss": 0.9}
    brass = {"albedo": hex_color("#e2b36b"), "gloss": 1.0, "metal": 1.0}
    glow = {"albedo": hex_color("#ffb25c"), "gloss": 0.0, "emission": hex_color("#ff9a3c") * 2.6}
    parts = [
        (lambda p: rounded_cylinder(p, (0.0, 0.98, 0.0), 0.66, 0.94, 0.16), graphite),
        (lambda p: rounded_cylinder(p, (0.0, 1.90, 0.0), 0.56, 0.06, 0.05), cap),
        (lambda p: torus(p, (0.0, 1.93, 0.0), 0.50, 0.028, 1), glow),
        (lambda p: rounded_cylinder(p, (0.0, 0.05, 0.0), 0.64, 0.05, 0.03), brass),
        (lambda p: rounded_cylinder(p, (1.22, 0.52, 0.55), 0.46, 0.50, 0.20), sand),
        (lambda p: torus(p, (1.22, 0.985, 0.55), 0.27, 0.018, 1), brass),
        (lambda p: sphere(p, (-1.28, 0.30, 0.55), 0.30), brass),
    ]
    studio = Studio(parts, hex_color("#d98f66"), hex_color("#fff0dc"), (0.0, 2.15, 6.5), (0.12, 0.92, 0), 3.15)
    save("speaker", studio.render())


def tea():
    """A teapot's cups: celadon bowls, one filled, on a low wooden board."""
    celadon = {"albedo": hex_color("#9fc7b0"), "gloss": 0.75}
    pale = {"albedo": hex_color("#e8efe6"), "gloss": 0.7}
    liquor = {"albedo": hex_color("#b5802f"), "gloss": 0.9}

    def wood(p):
        rings = np.sin(p[2] * 34 + 2.2 * np.sin(p[0] * 2.1) + p[0] * 1.2)
        return hex_color("#8a5a34")[:, None] * (1 + 0.16 * rings)

    def leaf(p):
        return hex_color("#5d8a4e")[:, None] * (1 + 0.25 * np.sin(p[0] * 40 + p[2] * 12))

    def bowl(center, radius):
        def shape(p):
            inside = sphere(p, (center[0], center[1] + 0.04, center[2]), radius - 0.05)
            shell = np.maximum(np.maximum(sphere(p, center, radius), -inside), p[1] - center[1] - 0.08)
            foot = rounded_cylinder(p, (center[0], center[1] - radius + 0.02, center[2]), radius * 0.5, 0.06, 0.02)
            return np.minimum(smooth_min(shell, foot, 0.03), torus(p, (center[0], center[1] + 0.075, center[2]), radius - 0.025, 0.026, 1))
        return shape

    def jar(p):
        body = sphere((p[0], (p[1] - 1.0) * 0.92, p[2]), (-0.95, 0.0, -0.45), 0.74)
        neck = rounded_cylinder(p, (-0.95, 1.80, -0.45), 0.34, 0.16, 0.05)
        foot = rounded_cylinder(p, (-0.95, 0.24, -0.45), 0.42, 0.08, 0.04)
        return smooth_min(smooth_min(body, neck, 0.2), foot, 0.12) * 0.92

    def lid(p):
        return np.minimum(rounded_cylinder(p, (-0.95, 2.0, -0.45), 0.40, 0.06, 0.05), sphere(p, (-0.95, 2.12, -0.45), 0.11))

    parts = [
        (lambda p: rounded_box(p, (0.1, 0.08, 0.1), (2.3, 0.08, 1.15), 0.05), {"albedo": wood, "gloss": 0.3}),
        (jar, celadon), (lid, pale),
        (bowl((0.45, 0.63, 0.35), 0.46), celadon),
        (lambda p: rounded_cylinder(p, (0.45, 0.60, 0.35), 0.40, 0.03, 0.01), liquor),
        (bowl((1.55, 0.55, 0.05), 0.38), pale),
        (lambda p: rounded_cylinder(p, (1.55, 0.52, 0.05), 0.32, 0.03, 0.01), liquor),
        (lambda p: sphere((p[0] * 0.55, p[1] * 2.2, p[2]), (-0.16 * 0.55, 0.2 * 2.2, 0.85), 0.10) * 0.45, {"albedo": leaf, "gloss": 0.4}),
        (lambda p: sphere((p[0], p[1] * 2.2, p[2] * 0.6), (0.12, 0.2 * 2.2, 0.98 * 0.6), 0.09) * 0.45, {"albedo": leaf, "gloss": 0.4}),
    ]
    studio = Studio(parts, hex_color("#b9cdb4"), hex_color("#fff6e6"), (0.2, 2.45, 6.4), (0.16, 0.92, 0), 2.95)
    save("tea", studio.render())


def serum():
    """A dropper bottle on podiums, the way cosmetics are shot."""
    blush = {"albedo": hex_color("#f0b9b4"), "gloss": 0.15}
    deep = {"albedo": hex_color("#c9716f"), "gloss": 0.15}
    amber = {"albedo": hex_color("#7a2f18"), "gloss": 1.6}
    label = {"albedo": hex_color("#fbf3ea"), "gloss": 0.2}
    gold = {"albedo": hex_color("#e9bd74"), "gloss": 1.0, "metal": 1.0}
    rubber = {"albedo": hex_color("#241c1f"), "gloss": 0.6}
    pearl = {"albedo": hex_color("#fdeee6"), "gloss": 0.9}

    def bottle(p):
        body = rounded_cylinder(p, (0, 1.22, 0), 0.46, 0.62, 0.12)
        neck = rounded_cylinder(p, (0, 1.88, 0), 0.17, 0.14, 0.03)
        return smooth_min(body, neck, 0.14)

    def dropper(p):
        return smooth_min(rounded_cylinder(p, (0, 2.36, 0), 0.13, 0.20, 0.12), rounded_cylinder(p, (0, 2.2, 0), 0.17, 0.04, 0.03), 0.05)

    parts = [
        (lambda p: rounded_cylinder(p, (0, 0.29, 0), 1.05, 0.29, 0.03), blush),
        (lambda p: rounded_cylinder(p, (-1.35, 0.55, -0.75), 0.62, 0.55, 0.03), deep),
        (lambda p: rounded_cylinder(p, (1.45, 0.16, 0.35), 0.60, 0.16, 0.03), deep),
        (bottle, amber),
        (lambda p: rounded_cylinder(p, (0, 1.20, 0), 0.468, 0.30, 0.01), label),
        (lambda p: rounded_cylinder(p, (0, 2.06, 0), 0.21, 0.12, 0.02), gold),
        (dropper, rubber),
        (lambda p: sphere(p, (1.45, 0.62, 0.35), 0.30), pearl),
        (lambda p: sphere(p, (-1.35, 1.36, -0.75), 0.26), gold),
        (lambda p: torus(p, (1.05, 1.15, -1.3), 0.95, 0.07, 2), gold),
    ]
    studio = Studio(parts, hex_color("#f3cfc6"), hex_color("#fff2ea"), (0.0, 1.95, 6.9), (0.04, 1.18, 0), 3.0)
    save("serum", studio.render())


# ------------------------------------------------------------------------------ landscapes
def noise_line(rng, width, octaves, roughness):
    """A ridge in [-1, 1]: value noise, each octave half as high."""
    x = np.linspace(0, 1, width)
    line = np.zeros(width)
    for octave in range(octaves):
        knots = 4 * 2**octave + 3
        line += np.interp(x, np.linspace(0, 1, knots), rng.uniform(-1, 1, knots)) * roughness**octave
    return line / np.abs(line).max()


def gradient(stops, t):
    offsets = [offset for offset, _ in stops]
    colors = np.array([hex_color(color) for _, color in stops])
    fine = np.linspace(-0.2, 1.2, 1401)
    window = np.hanning(141) / np.hanning(141).sum()  # Smooth: the eye sees kinks in a sky.
    smooth = [np.convolve(np.interp(fine, offsets, colors[:, i]), window, "same") for i in range(3)]
    return np.stack([np.interp(t, fine, channel) for channel in smooth], -1)


def mountains():
    """Ridges in the mist of a sunrise, a lake in front."""
    w, h = int(WIDTH * OVERSAMPLE), int(HEIGHT * OVERSAMPLE)
    rng = np.random.default_rng(41)
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    u, v = x / w, y / h
    sky = gradient([(0, "#27426f"), (0.3, "#7d86ad"), (0.48, "#f2b48f"), (0.62, "#ffe2b0")], v)
    sun = np.exp(-(((u - 0.66) * 1.5) ** 2 + (v - 0.47) ** 2) / 0.012)
    disc = smoothstep(0.043, 0.040, length((u - 0.66) * 1.5, v - 0.455))
    image = sky + sun[..., None] * hex_color("#ffcf8a") * 0.9 + disc[..., None] * hex_color("#fff3d2") * 1.2
    ridges = [(0.50, 0.10, "#a9a3bd", 6), (0.55, 0.11, "#7f84a8", 6), (0.61, 0.10, "#566890", 7), (0.68, 0.09, "#354d73", 7)]
    for base, amplitude, color, octaves in ridges:
        top = base - amplitude * (0.5 + 0.5 * noise_line(rng, w, octaves, 0.48))
        inside = smoothstep(0, 1.5 / h, v - top)
        depth = np.clip((v - top) / 0.14, 0, 1)[..., None]
        lit = hex_color(color) * (1 - 0.1 * depth) + depth**1.4 * hex_color("#f0c7b4") * 0.42
        image = mix(image, lit, inside[..., None])
    shore = 0.735
    mirrored = image[np.clip(((2 * shore - v) * h).astype(int), 0, h - 1), np.clip((x + 5 * np.sin(v * 900) * (v - shore) * 10).astype(int), 0, w - 1)]
    water = mirrored * np.array([0.72, 0.80, 0.92]) * (1 - 0.55 * np.clip((v - shore) / 0.27, 0, 1))[..., None]
    image = np.where((v > shore)[..., None], water, image)
    mist = np.exp(-(((v - shore) / 0.02) ** 2))[..., None]
    image = mix(image, hex_color("#f5d9c4"), 0.55 * mist)
    bank = 0.955 - 0.06 * (0.5 + 0.5 * noise_line(rng, w, 8, 0.6)) - 0.05 * smoothstep(0.5, 0.0, u)
    trees = np.zeros(w)
    for center in np.concatenate([rng.uniform(0, 0.34, 46), rng.uniform(0.82, 1.0, 22)]):
        height, spread = rng.uniform(0.05, 0.17), rng.uniform(0.007, 0.013)
        profile = np.clip(1 - np.abs(u[0] - center) / spread, 0, 1)
        trees = np.maximum(trees, height * profile * (0.86 + 0.14 * np.sin(profile * 60)))
    image = mix(image, hex_color("#14233a"), smoothstep(0, 1.5 / h, v - (bank - trees))[..., None])
    save("mountains", resize(image, WIDTH, HEIGHT))


def city():
    """A skyline at dusk across the water."""
    w, h = int(WIDTH * OVERSAMPLE), int(HEIGHT * OVERSAMPLE)
    rng = np.random.default_rng(12)
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    u, v = x / w, y / h
    shore = 0.70
    image = gradient([(0, "#141c46"), (0.32, "#4b3f86"), (0.52, "#c65f86"), (0.64, "#ff9d6c"), (0.70, "#ffd08f")], v)
    image += np.exp(-(((u - 0.42) / 0.30) ** 2 + ((v - 0.70) / 0.12) ** 2))[..., None] * hex_color("#ffb070") * 0.5
    layers = [(90, 0.10, 0.20, "#8d5f93", 0.0), (60, 0.14, 0.30, "#4d3f78", 0.22), (34, 0.10, 0.40, "#1d2150", 0.42)]
    for count, low, high, color, lights in layers:
        for center in rng.uniform(-0.02, 1.02, count):
            half = rng.uniform(0.008, 0.021)
            swell = 0.55 + 0.45 * np.exp(-(((center - 0.47) / 0.25) ** 2))
            top = shore - rng.uniform(low, high) * swell
            left, right = int((center - half) * w), int((center + half) * w)
            left, right = max(left, 0), min(right, w)
            if right - left < 6:
                continue
            tower(image, rng, left, right, int(top * h), int(shore * h), hex_color(color), lights)
    spire(image, w, h, 0.47, shore)
    t = np.clip((v - shore) / (1 - shore), 0, 1)
    wobble = 9 * np.sin(v * 640 + 3 * np.sin(u * 9)) * (0.25 + t) + 5 * np.sin(v * 1510 + u * 31)
    source_y = np.clip(((shore - (v - shore) * 1.15) * h).astype(int), 0, h - 1)
    water = image[source_y, np.clip((x + wobble).astype(int), 0, w - 1)]
    water = water * np.array([0.55, 0.60, 0.78]) * (1 - 0.5 * t)[..., None]
    image = np.where((v >= shore)[..., None], water, image)
    image = mix(image, hex_color("#ffc18a"), 0.5 * np.exp(-(((v - shore) / 0.006) ** 2))[..., None])
    save("city", resize(image, WIDTH, HEIGHT), quality=3)


def tower(image, rng, left, right, top, bottom, color, lights):
    body = image[top:bottom, left:right]
    shade = np.linspace(1.12, 0.82, right - left)[None, :, None]
    haze = np.linspace(0, 0.35, bottom - top)[:, None, None]
    body[:] = mix(color * shade, hex_color("#ff9d6c"), haze * 0.5)
    if lights == 0:
        return
    for row in range(top + 10, bottom - 8, 15):
        for column in range(left + 6, right - 8, 12):
            if rng.random() < lights:
                warm = hex_color("#ffd48a" if rng.random() < 0.8 else "#bfe3ff")
                image[row : row + 7, column : column + 6] = warm * rng.uniform(0.55, 1.25)


def spire(image, w, h, center, shore):
    """The tallest one tapers to a needle."""
    top, bottom = int(0.16 * h), int(shore * h)
    rng = np.random.default_rng(3)
    for row in range(top, bottom):
        t = (row - top) / (bottom - top)
        half = 0.0012 + 0.019 * (np.floor(t * 7) / 7) ** 1.25
        left, right = int((center - half) * w), int((center + half) * w) + 1
        shade = np.linspace(1.35, 0.7, right - left)[:, None]
        image[row, left:right] = mix(hex_color("#242a63") * shade, hex_color("#ff9d6c"), 0.12 * t)
    for row in range(top + 260, bottom - 10, 13):
        t = (row - top) / (bottom - top)
        half = 0.019 * (np.floor(t * 7) / 7) ** 1.25 - 0.003
        for column in range(int((center - half) * w), int((center + half) * w) - 5, 11):
            if rng.random() < 0.55:
                image[row : row + 6, column : column + 5] = hex_color("#ffdf9e") * rng.uniform(0.6, 1.3)


PICTURES = {f.__name__: f for f in (speaker, tea, serum, mountains, city)}

if __name__ == "__main__":
    (HERE / "images").mkdir(exist_ok=True)
    for wanted in sys.argv[1:] or PICTURES:
        if wanted not in PICTURES:
            sys.exit(f"unknown picture {wanted!r}; valid: {', '.join(PICTURES)}")
        PICTURES[wanted]()
