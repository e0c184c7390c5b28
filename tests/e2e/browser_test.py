#!/usr/bin/env python3
"""Chromium plays what the renderer makes, and sees what FFmpeg sees. Usage: browser_test.py SOURCE BIN."""
import base64
import hashlib
import http.server
import itertools
import json
import pathlib
import queue
import random
import re
import subprocess
import sys
import tempfile
import threading
import unittest
from fractions import Fraction

SOURCE, BIN = (pathlib.Path(arg).resolve() for arg in sys.argv[1:3])
PAGE = pathlib.Path(__file__).with_name("browser.html")
WIDTH, HEIGHT = 320, 180  # Not of whole macroblocks.
SPEED = 4  # A busy machine drops frames, no more.
SEEKS = 12  # besides the keyframes, in each video
REPEAT_BYTES_MAX = 20  # A frame that repeats the one before takes no more, in an elided stream.
BLOCK = 20  # The two spread chroma over pixels in their own ways, so colors are those of blocks.
# Red, green and blue; BT.601 instead would be worth a dozen of the former. Chromium's software
# conversion rounds BT.709's largest factor, that of blue, from 2.11 down to 2.
COLOR_ERRORS_MAX = 2, 2, 9
DEADLINE_S = 100

# Little moves, but always: hints, no repeats.
PROMO = """{"duration": 5, "elements": [
  {"type": "shape", "fill": {"angle": 150, "stops": [{"color": "#182048"}, {"color": "#602878"}]}},
  {"type": "image", "source": "{{photo}}", "x": 220, "y": 80, "width": 160, "height": 120,
   "ken_burns": {"to": {"scale": 1.12}}},
  {"type": "text", "text": "Spring Garden", "font_size": 22, "x": 75, "y": 50, "width": 130,
   "animations": [{"type": "slide", "direction": "right", "distance": 60, "duration": 1}]},
  {"type": "text", "text": "Picked by hand", "font_size": 14, "y": 165, "time": 2, "duration": 2}]}"""
# Stills, faded into each other.
SLIDES = """{"duration": 2.3, "elements": [{"type": "image", "source": "{{photo}}"},
    {"type": "text", "text": "Slide 1", "font_size": 24, "y": "80%", "height": "20%"}]},
  {"duration": 2.5, "transition": {"type": "fade", "duration": 0.5}, "background_color": "#204060",
   "elements": [{"type": "text", "text": "Slide 2", "font_size": 24}]},
  {"duration": 1.5, "background_color": "#c04020", "elements": []}"""
# A clip that fills the frame under a lower third.
CLIP = """{"duration": 4.5, "elements": [{"type": "video", "source": "{{clip}}", "loop": true},
  {"type": "shape", "fill_color": "#121a40d0", "y": 150, "height": 40},
  {"type": "text", "text": "Dr. Jane Example", "font_size": 16, "y": 150}]}"""

TUNE = '{"type": "audio", "source": "{{tune}}", "loop": true, "duration": "end"}'
# Variable: its type and the file that stands for it.
FILES = {"photo": ("image", "photo.png"), "clip": ("video", "clip.mp4"), "tune": ("audio", "tune.m4a")}

# Name, scenes, frames a second, the output's video settings, whether repeats are elided.
VIDEOS = [
    ("promo30", PROMO, 30, {"crf": 23}, False),
    ("promo2997plain", PROMO, 29.97, {"elision": False}, False),
    ("slides24", SLIDES, 24, {}, True),
    ("slides2997bitrate", SLIDES, 29.97, {"bitrate": "300k"}, True),
    ("slides60", SLIDES, 60, {"crf": 23}, True),
    ("clip25", CLIP, 25, {"crf": 23}, False),
]


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise AssertionError(f"{command[0]}: {done.stderr.decode()}")
    return done.stdout


class Video:
    """One of VIDEOS, rendered into a folder, as FFmpeg sees it."""

    def __init__(self, folder, name, scenes, fps, settings, elided):
        self.name, self.elided = name, elided
        self.path = folder / f"{name}.mp4"
        files = [name for name in FILES if f"{{{{{name}}}}}" in scenes + TUNE]
        template = folder / f"{name}.json"
        template.write_text(json.dumps({
            "schema": "1", "name": name,
            "output": {"width": WIDTH, "height": HEIGHT, "fps": fps, "video": settings},
            "variables": {name: {"type": FILES[name][0], "required": True} for name in files},
            "scenes": json.loads(f"[{scenes}]"), "elements": [json.loads(TUNE)]}))
        sets = [part for name in files for part in ("--set", f"{name}={folder / FILES[name][1]}")]
        run(BIN / "rendernodectl", "render", "--templates", SOURCE / "templates", "--template", template, *sets,
            "-o", self.path)
        stream = json.loads(run("ffprobe", "-v", "error", "-of", "json", "-select_streams", "v", "-show_packets",
                                "-show_streams", self.path))
        self.rate = Fraction(stream["streams"][0]["avg_frame_rate"])
        self.packets = sorted(stream["packets"], key=lambda packet: int(packet["pts"]))
        decoded = run("ffmpeg", "-v", "error", "-i", self.path, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
        size = WIDTH * HEIGHT * 3 // 2
        self.frames = [decoded[at:at + size] for at in range(0, len(decoded), size)]

    def repeats(self):
        return [n for n, packet in enumerate(self.packets) if int(packet["size"]) < REPEAT_BYTES_MAX]

    def parameter_sets(self):
        """How many the file has, of sequences and of pictures (ISO/IEC 14496-15, 5.3.3.1)."""
        data = self.path.read_bytes()
        at = data.index(b"avcC") + 4 + 5
        counts = []
        for mask in (0x1F, 0xFF):
            counts.append(data[at] & mask)
            at += 1
            for _ in range(counts[-1]):
                at += 2 + int.from_bytes(data[at:at + 2], "big")
        return tuple(counts)

    def seeks(self):
        """Frames: every keyframe, the ones around it, and others, half of them inside of stills."""
        dice = random.Random(self.name)
        keyframes = {n for n, packet in enumerate(self.packets) if "K" in packet["flags"]}
        frames = keyframes | {n - 1 for n in keyframes if n > 0} | {len(self.packets) - 1}
        frames |= set(dice.sample(range(len(self.packets)), SEEKS // 2))
        frames |= set(dice.sample(self.repeats() if self.elided else range(len(self.packets)), SEEKS // 2))
        frames = sorted(frames)
        dice.shuffle(frames)
        return frames


def make_assets(folder):
    lavfi = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i"]
    run(*lavfi, f"mandelbrot=s={WIDTH}x{HEIGHT}:start_scale=0.5,eq=saturation=0.6", "-frames:v", 1, folder / "photo.png")
    run(*lavfi, f"mandelbrot=s={WIDTH}x{HEIGHT}:r=25,eq=saturation=0.6", "-t", 2, "-pix_fmt", "yuv420p", folder / "clip.mp4")
    run(*lavfi, "sine=220:d=2", folder / "tune.m4a")


def block_means(samples, width, height, block):
    """Of each square of so many samples."""
    for y, x in itertools.product(range(0, height, block), range(0, width, block)):
        rows = (samples[row * width + x:row * width + x + block] for row in range(y, y + block))
        yield sum(map(sum, rows)) / block ** 2


def rgb_of(frame):
    """Red, green and blue of each block of an I420 frame of BT.709, limited range."""
    luma, size = WIDTH * HEIGHT, (WIDTH // 2, HEIGHT // 2, BLOCK // 2)
    planes = (block_means(frame[:luma], WIDTH, HEIGHT, BLOCK), block_means(frame[luma:luma * 5 // 4], *size),
              block_means(frame[luma * 5 // 4:], *size))
    for y, u, v in zip(*planes):
        y, u, v = (y - 16) * 255 / 219, (u - 128) * 255 / 224, (v - 128) * 255 / 224
        yield y + 1.5748 * v, y - 0.1873 * u - 0.4681 * v, y + 1.8556 * u


class Server(http.server.ThreadingHTTPServer):
    """Gives the page, its tasks and the videos, with ranges; takes what the page saw."""

    def __init__(self, folder, tasks):
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder, self.tasks, self.seen = folder, tasks, queue.Queue()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # The player had enough of this range.

    def do_GET(self):
        if self.path == "/":
            return self.answer(200, PAGE.read_bytes(), Content_Type="text/html")
        if self.path == "/tasks":
            return self.answer(200, json.dumps(self.server.tasks).encode())
        if self.path.lstrip("/") not in {task["file"] for task in self.server.tasks}:
            return self.answer(404)
        data = (self.server.folder / self.path.lstrip("/")).read_bytes()
        asked = re.match(r"bytes=(\d+)-(\d*)$", self.headers.get("Range", ""))
        if not asked:
            return self.answer(200, data, Content_Type="video/mp4", Accept_Ranges="bytes")
        first, last = int(asked[1]), min(int(asked[2] or len(data) - 1), len(data) - 1)
        return self.answer(206, data[first:last + 1], Content_Type="video/mp4", Accept_Ranges="bytes",
                           Content_Range=f"bytes {first}-{last}/{len(data)}")

    def do_POST(self):
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(204)
        self.server.seen.put(said)


def watch(server, profile, count):
    """What Chromium says of each of the server's tasks."""
    browser = subprocess.Popen(
        ["chromium-headless-shell", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--no-first-run",
         "--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required", f"--user-data-dir={profile}",
         f"http://127.0.0.1:{server.server_port}/"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        said = [server.seen.get(timeout=DEADLINE_S) for _ in range(count)]
        return {one["file"]: one for one in said}
    finally:
        browser.terminate()
        browser.wait()


class BrowserTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        cls.addClassCleanup(cls.folder.cleanup)
        folder = pathlib.Path(cls.folder.name)
        make_assets(folder)
        cls.videos = [Video(folder, *of) for of in VIDEOS]
        tasks = [{"file": video.path.name, "frame_s": float(1 / video.rate), "speed": SPEED,
                  "seeks": [float((n + Fraction(1, 2)) / video.rate) for n in video.seeks()]} for video in cls.videos]
        server = Server(folder, tasks)
        cls.addClassCleanup(server.shutdown)
        cls.seen = watch(server, folder / "profile", len(tasks))

    def test_nothing_goes_wrong(self):
        for video in self.videos:
            self.assertNotIn("error", self.seen[video.path.name], video.name)

    def test_the_set_holds_elided_and_plain_streams(self):
        for video in self.videos:
            self.assertEqual(video.parameter_sets() == (1, 2), video.elided, video.name)
            if video.elided:
                self.assertGreater(len(video.repeats()), len(video.frames) / 2, video.name)

    def both(self):
        return [(video, self.seen[video.path.name]) for video in self.videos]

    def test_size_and_length_are_the_files(self):
        for video, seen in self.both():
            with self.subTest(video.name):
                self.assertEqual((seen["width"], seen["height"]), (WIDTH, HEIGHT))
                self.assertEqual(len(video.frames), len(video.packets))
                self.assertAlmostEqual(seen["duration"], len(video.frames) / video.rate, delta=1024 / 48000)

    def test_wherever_one_seeks_the_picture_is_the_one_of_that_time_to_the_bit(self):
        for video, seen in self.both():
            with self.subTest(video.name):
                for n, picture in zip(video.seeks(), seen["pictures"], strict=True):
                    self.assertEqual(picture["format"], "I420")
                    self.assertAlmostEqual(picture["time_us"], float(n / video.rate * 1000000), delta=1, msg=f"frame {n}")
                    self.assertEqual(picture["sha1"], hashlib.sha1(video.frames[n]).hexdigest(), f"frame {n}")

    def test_colors_are_those_of_bt_709(self):
        for video, seen in self.both():
            with self.subTest(video.name):
                rgba = base64.b64decode(seen["rgba"])
                shown = zip(*(block_means(rgba[channel::4], WIDTH, HEIGHT, BLOCK) for channel in range(3)))
                for a, b in zip(rgb_of(video.frames[video.seeks()[-1]]), shown, strict=True):
                    for wanted, got, error_max in zip(a, b, COLOR_ERRORS_MAX):
                        self.assertAlmostEqual(wanted, got, delta=error_max)

    def test_plays_to_the_end(self):
        for video, seen in self.both():
            with self.subTest(video.name):
                playback = seen["playback"]
                self.assertAlmostEqual(playback["played_to"], seen["duration"], delta=0.05)
                self.assertEqual(playback["corrupted"], 0)
                self.assertGreater(playback["frames"], len(video.frames) / SPEED / 4)
                self.assertLessEqual(playback["frames"], len(video.frames) + 1)
                self.assertLessEqual(playback["dropped"], playback["frames"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
