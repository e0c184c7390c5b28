#!/usr/bin/env python3
"""Sheets sent with rendernodectl to a running coordinator. Usage: sheet_upload_test.py SOURCE BIN."""
import hashlib
import http.client
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE, BIN = (pathlib.Path(arg).resolve() for arg in sys.argv[1:3])
PATIENCE_S = 120
KEY, READER = "all-of-it", "may-not-write-sheets"
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
[keys]
"{key}" = "acme jobs:read jobs:write sheets:connect sheets:write"
"{reader}" = "acme jobs:read jobs:write sheets:connect"
"""
ROWS = "title,script,image_url\nOne,First.,https://example.com/1.jpg\nTwo,Second.,https://example.com/2.jpg\n"


def digest(key):
    return hashlib.sha256(key.encode()).hexdigest()


class SheetUploadTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="rn_upload"))
        (cls.folder / "sheets").mkdir()
        (cls.folder / "artifacts").mkdir()
        config = cls.folder / "coordinator.toml"
        config.write_text(CONFIG.format(folder=cls.folder, source=SOURCE, key=digest(KEY), reader=digest(READER)))
        ports = cls.folder / "ports.json"
        with open(cls.folder / "log", "w", encoding="utf-8") as log:
            cls.process = subprocess.Popen([BIN / "rendernode-coordinator", "--config", config,
                                            "--ports-file", ports], stderr=log)
        end = time.monotonic() + PATIENCE_S
        while not ports.exists() and cls.process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        if not ports.exists():
            cls.tearDownClass()
            raise AssertionError((cls.folder / "log").read_text())
        cls.port = json.loads(ports.read_text())["http"]

    @classmethod
    def tearDownClass(cls):
        cls.process.kill()
        cls.process.wait(PATIENCE_S)

    def ctl(self, *args, key=KEY):
        return subprocess.run([BIN / "rendernodectl", "job", *args], capture_output=True, encoding="utf-8",
                              timeout=PATIENCE_S, check=False,
                              env={**os.environ, "RENDERNODE_SERVER": f"http://127.0.0.1:{self.port}",
                                   "RENDERNODE_API_KEY": key})

    def sheet(self, name, text=ROWS):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        connection.request("GET", f"/api/v1{path}", headers={"Authorization": f"Bearer {KEY}"})
        answer = connection.getresponse()
        body = json.loads(answer.read())
        connection.close()
        self.assertEqual(answer.status, 200, body)
        return body

    def test_a_sheet_that_was_sent_is_what_a_job_is_made_of(self):
        sent = self.ctl("upload", self.sheet("rows.csv"))
        self.assertEqual(sent.returncode, 0, sent.stderr)
        sheet = sent.stdout.strip()
        self.assertEqual(self.get(f"/sheets/{sheet}")["format"], "csv")
        made = self.ctl("submit", "--sheet", sheet, "--template", "tpl_promotional")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertEqual(self.get(f"/bulk-jobs/{made.stdout.strip()}")["items_total"], 2)

    def test_every_sheet_has_an_id_of_its_own_unless_one_is_named(self):
        first, second = (self.ctl("upload", self.sheet("rows.csv")).stdout for _ in range(2))
        self.assertNotEqual(first, second)
        for text in (ROWS, ROWS.replace("Two", "Another")):
            sent = self.ctl("upload", self.sheet("rows.csv", text), "--id", "file_named")
            self.assertEqual((sent.returncode, sent.stdout.strip()), (0, "file_named"), sent.stderr)
        self.assertEqual(self.get("/sheets/file_named")["bytes"], len(text))

    def test_a_workbook_is_taken_as_one(self):
        sent = self.ctl("upload", SOURCE / "tests" / "catalog" / "hello.xlsx")
        self.assertEqual(sent.returncode, 0, sent.stderr)
        self.assertEqual(self.get(f"/sheets/{sent.stdout.strip()}")["format"], "xlsx")

    def test_what_is_no_sheet_is_refused_with_a_reason(self):
        for args, said in (((self.sheet("rows.ods"),), "rows.ods: a sheet is a .csv or an .xlsx file"),
                           ((self.sheet("rows.xlsx"),), "the file is damaged"),
                           ((self.folder / "absent.csv",), "absent.csv"),
                           ((self.sheet("rows.csv"), "--id", "a/b"), "--id a/b: an id is letters, digits")):
            sent = self.ctl("upload", *args)
            self.assertNotEqual(sent.returncode, 0, sent.stdout)
            self.assertIn(said, sent.stderr)
            self.assertEqual(sent.stdout, "")

    def test_a_key_that_may_not_send_sheets_hears_which_scope_it_lacks(self):
        sent = self.ctl("upload", self.sheet("rows.csv"), key=READER)
        self.assertEqual(sent.returncode, 1)
        self.assertIn("sheets:write", sent.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
