#!/usr/bin/env python3
"""Operators at work with rendernodectl, against a running coordinator. Usage: admin_test.py SOURCE BIN."""
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE, BIN = (pathlib.Path(arg).resolve() for arg in sys.argv[1:3])
PATIENCE_S = 120
CONFIG = """
[folders]
state = "{folder}/state"
artifacts = "{folder}/artifacts"
sheets = "{folder}/sheets"
templates = "{source}/templates"
[http]
port = 0
[nodes]
address = "127.0.0.1:0"
[rate_limit]
per_second = 1000.0
burst = {burst}
"""
KEY = re.compile(r"rn_live_[0-9A-Za-z]{61}")


class AdminTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rn_admin"))
        self.config = self.folder / "coordinator.toml"
        self.config.write_text(CONFIG.format(folder=self.folder, source=SOURCE, burst=1000))
        self.start()
        self.addCleanup(self.kill)

    def start(self):
        ports = self.folder / "ports.json"
        ports.unlink(missing_ok=True)
        self.log = self.folder / "log"
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen([BIN / "rendernode-coordinator", "--config", self.config,
                                             "--ports-file", ports], stderr=log)
        self.await_that(lambda: ports.exists() or self.process.poll() is not None)
        self.assertTrue(ports.exists(), self.log.read_text())
        self.port = json.loads(ports.read_text())["http"]

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def stop(self):
        self.process.terminate()
        self.assertEqual(self.process.wait(PATIENCE_S), 0)

    def await_that(self, done):
        end = time.monotonic() + PATIENCE_S
        while not done():
            self.assertLess(time.monotonic(), end, self.log.read_text())
            time.sleep(0.05)

    def ctl(self, *args, ok=True, **environment):
        environment = {**os.environ, "RENDERNODE_SERVER": f"http://127.0.0.1:{self.port}",
                       "RENDERNODE_ADMIN_KEY_FILE": str(self.folder / "state" / "admin.key"), **environment}
        done = subprocess.run([BIN / "rendernodectl", "admin", *args], capture_output=True, text=True,
                              env=environment, timeout=PATIENCE_S)
        self.assertEqual(done.returncode == 0, ok, f"{args}: {done.stdout}{done.stderr}")
        return done

    def lines(self, *args):
        return [json.loads(line) for line in self.ctl(*args, "--json").stdout.splitlines()]

    def status(self, key, path="/api/v1/bulk-jobs"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
        status = connection.getresponse().status
        connection.close()
        return status

    def make_key(self, *args):
        made = self.ctl("key", "create", *args)
        self.assertRegex(made.stdout, re.compile(f"^{KEY.pattern}\n$"), "the key alone, to be piped")
        self.assertIn("only time", made.stderr)
        self.assertNotIn(made.stdout.strip(), made.stderr)
        return made.stdout.strip()

    def test_a_tenant_from_its_first_day_to_its_last(self):
        self.ctl("tenant", "create", "acme", "--title", "Acme Ltd", "--items-open-max", "500", "--weight", "2.5")
        again = self.ctl("tenant", "create", "acme", ok=False)
        self.assertIn("acme already", again.stderr)
        key = self.make_key("--scope", "jobs:write", "--scope", "jobs:read", "acme", "--title", "CI",
                            "--expires-days", "30")
        self.assertEqual(self.status(key), 200)
        self.assertEqual(self.status(key, "/api/v1/admin/tenants"), 403)

        table = self.ctl("tenant", "list").stdout.splitlines()
        self.assertRegex(table[0], r"^tenant +state +open max +per day max +running max +weight +created +title$")
        self.assertRegex(table[1], r"^acme +active +500 +default +default +2\.5 +\S+ \S+Z +Acme Ltd$")
        self.ctl("tenant", "set", "acme", "--items-open-max", "default", "--items-per-day-max", "9",
                 "--items-running-max", "7", "--weight", "default")
        self.assertEqual(self.lines("tenant", "show", "acme")[0]["limits"],
                         {"items_open_max": None, "items_per_day_max": 9, "items_running_max": 7, "weight": None})

        self.ctl("tenant", "suspend", "acme")
        self.assertEqual(self.status(key), 403)
        self.ctl("tenant", "resume", "acme")
        self.assertEqual(self.status(key), 200)

        shown = self.lines("key", "list", "--tenant", "acme")
        self.assertEqual([one["name"] for one in shown], [key[:20]])
        self.assertIsNotNone(shown[0]["last_used_at"])
        self.assertNotIn(key, self.ctl("key", "list").stdout)
        self.ctl("key", "revoke", key[:20])
        self.assertEqual(self.status(key), 401)
        self.assertEqual([one["state"] for one in self.lines("key", "list")], ["revoked"])

        log = self.lines("audit", "--since", "1h")
        self.assertEqual([entry["what"] for entry in log][::-1],
                         ["tenant.create", "key.create", "tenant.update", "tenant.suspend", "tenant.resume",
                          "key.revoke"])
        self.assertEqual({entry["who"] for entry in log}, {"operator admin key"})
        self.assertTrue(all(entry["correlation_id"] for entry in log))
        self.assertIn("tenant.suspend", self.ctl("audit").stdout)
        self.assertEqual(len(self.lines("audit", "--limit", "2")), 2)

    def test_keys_outlive_a_restart_a_kill_and_a_reload(self):
        self.ctl("tenant", "create", "acme")
        key, gone = self.make_key("acme"), self.make_key("acme")
        self.ctl("key", "revoke", gone)  # The whole key will do, too.
        self.assertEqual((self.status(key), self.status(gone)), (200, 401))
        self.stop()
        self.start()
        self.assertEqual((self.status(key), self.status(gone)), (200, 401))
        self.kill()
        self.start()
        self.assertEqual((self.status(key), self.status(gone)), (200, 401))
        self.config.write_text(CONFIG.format(folder=self.folder, source=SOURCE, burst=900))
        self.process.send_signal(signal.SIGHUP)
        self.await_that(lambda: "configuration reloaded" in self.log.read_text())
        self.assertEqual((self.status(key), self.status(gone)), (200, 401))
        self.ctl("tenant", "list")
        self.stop()

    def test_operators_have_keys_of_their_own(self):
        alice = self.make_key("--operator", "--title", "alice")
        self.assertEqual(self.status(alice, "/api/v1/admin/tenants"), 200)
        self.assertEqual(self.status(alice, "/api/v1/nodes"), 200)
        self.assertEqual(self.status(alice), 403, "what tenants do is theirs")
        self.ctl("tenant", "create", "zeta", RENDERNODE_ADMIN_KEY=alice, RENDERNODE_ADMIN_KEY_FILE="/nowhere")
        latest = self.lines("audit", "--limit", "1")[0]
        self.assertEqual(latest["who"], f"operator {alice[:20]} (alice)")
        self.ctl("key", "revoke", alice[:20])
        refused = self.ctl("tenant", "list", ok=False, RENDERNODE_ADMIN_KEY=alice)
        self.assertIn("unknown, revoked or expired", refused.stderr)

    def test_mistakes_are_named(self):
        for args, message in (
                (["tenant", "create", "../x"], "letters, digits"),
                (["tenant", "show", "nobody"], "no tenant nobody"),
                (["tenant", "set", "nobody"], "nothing to set"),
                (["tenant", "create", "x", "--items-open-max", "many"], "give a number"),
                (["key", "create"], "--operator"),
                (["key", "create", "nobody"], "no tenant nobody"),
                (["key", "revoke", "rn_live_nobodysKey12"], "no key nobodysKey12"),
                (["audit", "--since", "yesterday"], "24h")):
            refused = self.ctl(*args, ok=False)
            self.assertIn(message, refused.stderr, args)
            self.assertEqual(refused.stdout, "")
        self.ctl("tenant", "create", "acme")
        refused = self.ctl("key", "create", "acme", "--scope", "admin", ok=False)
        self.assertIn("operators", refused.stderr)
        refused = self.ctl("tenant", "list", ok=False, RENDERNODE_ADMIN_KEY_FILE="/nowhere/admin.key")
        self.assertIn("/nowhere/admin.key", refused.stderr)
        self.assertIn("RENDERNODE_ADMIN_KEY", refused.stderr)

    def test_the_admin_key_is_its_owners_alone_and_a_new_one_ends_the_old(self):
        path = self.folder / "state" / "admin.key"
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        old = path.read_text().strip()
        path.write_text("k" * 40)
        self.process.send_signal(signal.SIGHUP)
        self.await_that(lambda: "configuration reloaded" in self.log.read_text())
        self.assertEqual(self.status(old, "/api/v1/admin/tenants"), 401)
        self.ctl("tenant", "list")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
