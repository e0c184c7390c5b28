#!/usr/bin/env python3
"""The benches from end to end, on work too small to say anything. Usage: render_bench_test.py BIN."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

BIN = pathlib.Path(sys.argv[1]).resolve()
KEYS = {"scenario", "metric", "value", "low", "high", "unit", "ratio_to", "target", "runs", "note"}


def bench(folder, program, *arguments):
    out = pathlib.Path(folder) / "rows.json"
    subprocess.run([BIN / program, f"--out={out}", *arguments], check=True, stdout=subprocess.DEVNULL)
    return json.loads(out.read_text())


class RenderBenchTest(unittest.TestCase):
    def test_every_scenario_has_its_ratios_to_the_floor(self):
        with tempfile.TemporaryDirectory() as folder:
            rows = bench(folder, "render_bench", "--pairs=1", "--seconds=1", "--height=360", "--scenarios=S1,S2,S3",
                         f"--folder={folder}")
        for row in rows:
            self.assertEqual(set(row), KEYS)
            # A figure, or the reason why there is none.
            self.assertEqual((row["value"] is None, row["runs"]), (row["note"] != "", 1 if row["note"] == "" else 0))
        self.assertTrue(any(row["scenario"] == "machine" for row in rows))
        for scenario in ("S1", "S2", "S3"):
            values = {(row["metric"], row["ratio_to"]): row["value"] for row in rows if row["scenario"] == scenario}
            self.assertGreater(values["encode floor", ""], 0)
            self.assertGreater(values["rendernode: CPU", "encode floor"], 0)
            self.assertGreater(values["rendernode: video bytes", "encode floor"], 0)
            self.assertGreater(values["composite a moving frame", ""], 0)
            # What is compared is the same video: a frame that is off by one would be far below.
            self.assertGreater(values["rendernode: SSIM to the source", ""], 0.9)
            self.assertGreater(values["plain x264: SSIM to the source", ""], 0.9)

    def test_scaling_is_measured_over_items_length_and_pixels(self):
        with tempfile.TemporaryDirectory() as folder:
            rows = bench(folder, "scaling_bench", "--quick", "--runs=1")
        for scenario, smallest in (("items", "1 item"), ("length", "1 s"), ("pixels", "0.10 Mpx (240p)")):
            values = {row["metric"]: row["value"] for row in rows if row["scenario"] == scenario}
            self.assertGreater(values[f"{smallest}: CPU"], 0)
            self.assertGreaterEqual(values["largest departure from a line"], 0)

    def test_requests_are_measured_in_the_clear_and_over_tls(self):
        with tempfile.TemporaryDirectory() as folder:
            rows = bench(folder, "rest_bench", "--jobs=3", "--rows=50", "--nodes=2", "--rate=20", "--time=1s")
        for scenario in ("REST", "REST, TLS"):
            values = {row["metric"]: row["value"] for row in rows if row["scenario"] == scenario}
            self.assertGreater(values["job of 50 rows"], 0)
            self.assertGreater(values["uploaded .xlsx of 50 rows connected"], 0)
            self.assertGreater(values["job of an uploaded .xlsx of 50 rows"], 0)
            self.assertGreaterEqual(values["GET, 20 a second p99"], values["GET, 20 a second p50"])

    def test_the_memory_of_idle_web_sockets_is_measured(self):
        with tempfile.TemporaryDirectory() as folder:
            rows = bench(folder, "web_socket_bench", "--sockets=20", "--jobs=2", "--idle=100ms")
        for scenario in ("WebSockets", "WebSockets, TLS"):
            values = {row["metric"]: row["value"] for row in rows if row["scenario"] == scenario}
            self.assertGreaterEqual(values["coordinator RSS for 20 idle"], 0)
            self.assertGreater(values["2 jobs canceled: all 20 have heard"], 0)

    def test_every_kernel_has_its_share_of_the_memory_bound(self):
        with tempfile.TemporaryDirectory() as folder:
            rows = bench(folder, "kernel_bench", "--repetitions=1", "--min_time=0.001")
        kernels = {row["metric"] for row in rows} - {"memcpy"}
        bounded = {row["metric"] for row in rows if row["ratio_to"] == "memory bound" and row["value"] > 0}
        self.assertTrue(kernels)
        self.assertEqual(bounded, kernels)

    def test_an_unknown_contender_is_refused_with_the_valid_names(self):
        with tempfile.TemporaryDirectory() as folder:
            result = subprocess.run([BIN / "render_bench", "--contenders=nobody", "--pairs=1", "--seconds=1",
                                     "--height=360", "--scenarios=S1", f"--folder={folder}"], capture_output=True, text=True)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn('unknown contender "nobody"; valid: editly, ffmpeg, ffmpeg-tuned, melt, remotion', result.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
