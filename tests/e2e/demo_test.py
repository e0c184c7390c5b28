#!/usr/bin/env python3
"""The demo as a user runs it, and its videos as a player sees them. Usage: demo_test.py SOURCE BIN OUT."""
import json
import pathlib
import re
import subprocess
import sys
import unittest

SOURCE, BIN, OUT = (pathlib.Path(arg).resolve() for arg in sys.argv[1:4])
AAC_FRAME_S = 1024 / 48000


def probe(path, *what):
    command = ["ffprobe", "-v", "error", "-of", "json", *what, str(path)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


class DemoTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        subprocess.run([SOURCE / "scripts" / "demo.sh", BIN, OUT], check=True, stdin=subprocess.DEVNULL)
        cls.items = json.loads((OUT / "summary.json").read_text())["items"]
        cls.files = [pathlib.Path(item["file"]) for item in cls.items if item["file"]]

    def test_five_rows_are_videos_and_the_sixth_says_why_not(self):
        states = [(item["row"], item["state"], item["error_code"]) for item in self.items]
        self.assertEqual(states, [(row, "completed", None) for row in range(2, 7)]
                         + [(7, "failed", "asset_download_failed")])
        for item in self.items[:5]:
            self.assertGreater(item["duration_s"], 5)
            self.assertGreater(item["render_s"], 0)
            self.assertEqual(item["encoder"], "libx264")

    def test_every_video_is_what_players_expect(self):
        for path in self.files:
            with self.subTest(path.name):
                streams = probe(path, "-show_streams")["streams"]
                video, audio = streams
                wanted = {"codec_name": "h264", "profile": "High", "pix_fmt": "yuv420p", "width": 1920,
                          "height": 1080, "r_frame_rate": "30/1", "avg_frame_rate": "30/1",
                          "color_range": "tv", "color_space": "bt709", "color_transfer": "bt709",
                          "color_primaries": "bt709"}
                self.assertEqual({key: video.get(key) for key in wanted}, wanted)
                wanted = {"codec_name": "aac", "profile": "LC", "sample_rate": "48000", "channels": 2}
                self.assertEqual({key: audio.get(key) for key in wanted}, wanted)
                self.assertAlmostEqual(float(video["duration"]), float(audio["duration"]), delta=AAC_FRAME_S)
                data = path.read_bytes()
                self.assertLess(data.index(b"moov"), data.index(b"mdat"), "not faststart")

    def test_a_keyframe_every_two_seconds(self):
        for path in self.files:
            with self.subTest(path.name):
                packets = probe(path, "-select_streams", "v", "-show_entries", "packet=pts_time,flags")["packets"]
                keys = sorted(float(p["pts_time"]) for p in packets if "K" in p["flags"])
                self.assertLess(max(b - a for a, b in zip(keys, keys[1:])), 2.001)

    def test_loudness_on_target_under_the_true_peak(self):
        for path in self.files:
            with self.subTest(path.name):
                command = ["ffmpeg", "-nostats", "-i", path, "-af", "ebur128=peak=true", "-f", "null", "-"]
                said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
                summary = said[said.rindex("Summary:"):]
                self.assertAlmostEqual(float(re.search(r"I:\s+(-?[\d.]+) LUFS", summary)[1]), -14, delta=0.5)
                self.assertLessEqual(float(re.search(r"Peak:\s+(-?[\d.]+) dBFS", summary)[1]), -1)

    def test_poster_and_captions_lie_beside_the_video(self):
        for path in self.files:
            with self.subTest(path.name):
                self.assertEqual(probe(path.with_suffix(".jpg"), "-show_streams")["streams"][0]["width"], 1920)
                self.assertIn("-->", path.with_suffix(".srt").read_text())
                self.assertTrue(path.with_suffix(".vtt").read_text().startswith("WEBVTT"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
