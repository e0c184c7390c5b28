"""The units as they are shipped: how much they leave open, and whether their times fit ours."""

import re
import subprocess
import sys
import tomllib
import unittest
from pathlib import Path

SOURCE = Path(sys.argv.pop(1))
EXPOSURE_MAX = 1.5
UNITS = {
    "rendernoded": ("daemon/node.example.toml", "node", "drain_timeout"),
    "rendernode-coordinator": ("coordinator/coordinator.example.toml", "http", "drain_timeout"),
}


def unit_path(name):
    return SOURCE / "systemd" / f"{name}.service"


def setting(name, key):
    return re.search(rf"^{key}=(.*)$", unit_path(name).read_text(), re.MULTILINE).group(1)


class UnitsTest(unittest.TestCase):
    def test_little_is_left_open(self):
        for name in UNITS:
            report = subprocess.run(
                ["systemd-analyze", "security", "--offline=true", "--no-pager", unit_path(name)],
                capture_output=True, text=True, check=True).stdout
            exposure = float(re.search(r"Overall exposure level for .*: ([\d.]+)", report).group(1))
            self.assertLessEqual(exposure, EXPOSURE_MAX, report)

    def test_a_drain_ends_before_the_service_manager_kills(self):
        for name, (config, table, key) in UNITS.items():
            drain = tomllib.loads((SOURCE / config).read_text())[table][key]
            self.assertLess(int(drain.removesuffix("s")), int(setting(name, "TimeoutStopSec")), name)

    def test_nothing_is_open_without_a_reason(self):
        for name in UNITS:
            text = unit_path(name).read_text()
            self.assertIn("What stays open, and why:", text)
            for line in text.splitlines():
                if re.match(r"(Private|Protect|MemoryDeny)\w+=no$", line):
                    before = text[:text.index(f"\n{line}")].splitlines()[-1]
                    self.assertRegex(before, r"^(#|\w+=)", f"{name}: {line}")


if __name__ == "__main__":
    unittest.main()
