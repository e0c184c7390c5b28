#!/usr/bin/env python3
"""Every answer of the API against its own document: of a running coordinator here, and of the C++
tests, which see what no client can bring about. Usage: api_contract_test.py SOURCE BIN."""
import collections
import hashlib
import http.client
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import jsonschema

SOURCE, BIN = (pathlib.Path(arg).resolve() for arg in sys.argv[1:3])
DOCUMENT = json.loads((SOURCE / "api" / "openapi.json").read_text())
METHODS = ("get", "put", "post", "patch", "delete")
PATIENCE_S = 60
BODY_MAX = 1 << 20
BURST = 400  # Requests of one tenant in this test; none comes back within it.
ADMIN = "admin"  # The scope that no tenant's key has.
SCOPES = sorted({scope for path in DOCUMENT["paths"].values() for method in METHODS if method in path
                 for scheme in path[method]["security"] for scope in scheme["apiKey"]} - {ADMIN})
KEYS = {"acme": ("acme", SCOPES), "zeta": ("zeta", SCOPES), "flood": ("flood", SCOPES),
        "hasty": ("hasty", SCOPES)}
# For each scope, a key of acme's that has all the others.
KEYS |= {f"acme-without-{scope}": ("acme", [other for other in SCOPES if other != scope])
         for scope in SCOPES}
NOBODYS_JOB = "job_01ABCDEFGHJKMNPQRSTVWXYZ01"
NOBODYS_TEMPLATE = "tpl_nobodys"
NOBODYS_TENANT = "nobody"
NOBODYS_NODE = "nobodys-box"
NOBODYS_KEY = "AbCdEf012345"
NOBODYS_SHEET = "file_nobodys"
SHEET = "Title,Script,Image\nOne,Say it,https://x/1.png\n"
CSV = {"Content-Type": "text/csv"}
XLSX = {"Content-Type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
NEW_JOB = {
    "title": "Campaign", "priority": "normal", "processing_deadline_ms": 3600000,
    "input_source": {"type": "sheet", "sheet_id": "rows", "range": "A1:Z100"},
    "output": {"format": "mp4", "video_codec": "h264", "audio_codec": "aac", "resolution": "1080p",
               "output_bucket": "videos"},
    "template": {"template_id": "tpl_promotional", "overrides": {"style": "modern"}}}
TEMPLATE = {"schema": "1", "name": "mine", "output": {"width": 1280, "height": 720},
            "variables": {"title": {"type": "string", "required": True}},
            "scenes": [{"duration": 2, "elements": [{"type": "text", "text": "{{title}}"}]}]}
NEW_TENANT = {"id": "made", "title": "Made here"}
NEW_KEY = {"tenant": "acme", "scopes": ["jobs:read"]}
CONNECT = {"sheet_id": "rows", "range": "A1:Z100", "share_permissions": "read"}

Answer = collections.namedtuple("Answer", "status headers text")


def resolve(node):
    while "$ref" in node:
        target = DOCUMENT
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def strict(schema):
    """Clients must put up with fields that they do not know; the server must have documented them."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: strict(part) for key, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and "type" in schema:
        schema.setdefault("additionalProperties", False)
    return schema


COMPONENTS = strict(DOCUMENT["components"])


def validate(schema, value, what):
    validator = jsonschema.Draft202012Validator({**strict(schema), "components": COMPONENTS})
    errors = [f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
              for error in validator.iter_errors(value)]
    if errors:
        raise AssertionError(f"{what}: {errors}")


def operations():
    for pattern, path in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in path:
                yield method.upper(), pattern, path[method]


def operation_of(method, path):
    method = "get" if method == "HEAD" else method.lower()
    for pattern, operation in ((p, DOCUMENT["paths"][p]) for p in DOCUMENT["paths"]):
        form = "/".join("[^/]+" if part.startswith("{") else re.escape(part) for part in pattern.split("/"))
        if re.fullmatch(form, path) and method in operation:
            return pattern, operation[method]
    return None, None


def check_answer(method, path, answer, *, over_http):
    """Raises unless the document allows this answer; what of the document it was an example of."""
    what = f"{method} {path} → {answer.status}"
    pattern, operation = operation_of(method, path)
    if operation is None:  # Nothing there, or not for this method: still our envelope.
        assert answer.status in (404, 405), what
        response, covered = DOCUMENT["components"]["responses"]["Error"], None
    else:
        known = operation["responses"]
        key = str(answer.status) if str(answer.status) in known else "default"
        assert answer.status >= 400 or key != "default", f"{what} is not documented"
        response, covered = resolve(known[key]), (method, pattern, key)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    for name, header in response.get("headers", {}).items():
        if name == "X-Correlation-Id" and not over_http:
            continue  # The HTTP server's.
        header = resolve(header)
        assert name.lower() in headers or not header.get("required"), f"{what}: no header {name}"
        value = headers.get(name.lower())
        schema = header["schema"]
        validate(schema, int(value) if schema.get("type") == "integer" else value, f"{what}, {name}")
    if "content" not in response:
        return covered
    content_type = headers.get("content-type")
    assert content_type in response["content"], f"{what}: content type {content_type}"
    if method != "HEAD":
        schema = response["content"][content_type]["schema"]
        is_json = content_type == "application/json"
        validate(schema, json.loads(answer.text) if is_json else answer.text, f"{what} {answer.text[:300]}")
    return covered


class Coordinator:
    def __init__(self, http="", tables=""):
        """`http`: more keys of [http]; `tables`: whole tables."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rn_contract"))
        for tenant in ("acme", "zeta", "flood", "hasty"):
            (self.folder / "sheets" / tenant).mkdir(parents=True)
            self.write_sheet(tenant, "rows", "Good,Say it,https://x/1.png\nNo script,,https://x/2.png\n")
            self.write_sheet(tenant, "bad", "No script,,https://x/2.png\n")
        keys = "\n".join(f'"{hashlib.sha256(key.encode()).hexdigest()}" = "{tenant} {" ".join(scopes)}"'
                         for key, (tenant, scopes) in KEYS.items())
        (self.folder / "coordinator.toml").write_text(f"""
[folders]
state = "{self.folder}/state"
artifacts = "{self.folder}/artifacts"
sheets = "{self.folder}/sheets"
templates = "{SOURCE}/templates"
[http]
port = 0
body_max = "1MiB"
{http}
[sheets]
file_max = "1MiB"
[nodes]
address = "127.0.0.1:0"
[rate_limit]
per_second = 0.1
burst = {BURST}
[keys]
{keys}
{tables}
""")
        ports = self.folder / "ports.json"
        with open(self.folder / "log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [BIN / "rendernode-coordinator", "--config", self.folder / "coordinator.toml",
                 "--ports-file", ports], stderr=log)
        end = time.monotonic() + PATIENCE_S
        while not ports.exists() and self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        if not ports.exists():
            raise RuntimeError((self.folder / "log").read_text())
        self.port = json.loads(ports.read_text())["http"]
        self.admin_key = (self.folder / "state" / "admin.key").read_text().strip()
        self.covered = set()

    def write_sheet(self, tenant, name, rows):
        (self.folder / "sheets" / tenant / f"{name}.csv").write_text(f"Title,Script,Image\n{rows}")

    def raw(self, method, path, *, key=None, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        headers = dict(headers or {})
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        if body is not None:
            body = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        answer = Answer(response.status, dict(response.getheaders()), response.read().decode())
        connection.close()
        return answer

    def ask(self, method, path, **kwargs):
        answer = self.raw(method, path, **kwargs)
        covered = check_answer(method, path.split("?")[0], answer, over_http=True)
        self.covered.add(covered)
        return answer

    def make(self, key="acme", **changes):
        answer = self.ask("POST", "/api/v1/bulk-jobs", key=key, body={**NEW_JOB, **changes})
        assert answer.status == 201, answer
        return json.loads(answer.text)

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE_S)


class Watcher:
    """A WebSocket that tells of a job."""

    def __init__(self, port, job, key):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.stream = self.socket.makefile("rwb")
        self.stream.write(f"GET /api/v1/ws/bulk-jobs?job_id={job} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
                          f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                          f"dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
        self.stream.flush()
        assert b" 101 " in self.stream.readline()
        while self.stream.readline() != b"\r\n":
            pass

    def close(self):
        self.stream.close()
        self.socket.close()

    def next(self):
        """The next message; those of a job that nobody renders are all shorter than 64 KiB."""
        opcode, length = self.stream.read(2)
        if length == 126:
            length = int.from_bytes(self.stream.read(2), "big")
        payload = self.stream.read(length)
        return json.loads(payload) if opcode & 15 == 1 else self.next()


def sheet(name):
    return {"type": "sheet", "sheet_id": name, "range": "A1:Z100"}


def mistyped(key):
    return key[:-1] + ("x" if key[-1] != "x" else "y")


class ApiContractTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.coordinator = Coordinator(tables='[websockets]\npoll_interval = "200ms"\n')

    @classmethod
    def tearDownClass(cls):
        cls.coordinator.stop()

    def expect(self, status, method, path, **kwargs):
        answer = self.coordinator.ask(method, path, **kwargs)
        self.assertEqual(answer.status, status, f"{method} {path}: {answer.text[:500]}")
        return answer

    # What there is to ask for, by operation: a job of acme's that is not over, and one that is.
    def body_of(self, pattern):
        return {"/api/v1/bulk-jobs": NEW_JOB, "/api/v1/sheets/connect": CONNECT,
                "/api/v1/templates/{id}": TEMPLATE, "/api/v1/admin/tenants": NEW_TENANT,
                "/api/v1/admin/tenants/{id}": {}, "/api/v1/admin/keys": NEW_KEY,
                "/api/v1/sheets": SHEET, "/api/v1/sheets/{id}": SHEET}.get(pattern)

    def nobodys_id(self, pattern):
        return {"templates": NOBODYS_TEMPLATE, "tenants": NOBODYS_TENANT, "keys": NOBODYS_KEY,
                "bulk-jobs": NOBODYS_JOB, "nodes": NOBODYS_NODE,
                "sheets": NOBODYS_SHEET}.get(pattern.split("/{id}")[0].split("/")[-1])

    def nobodys(self, pattern):
        return pattern.replace("{id}", str(self.nobodys_id(pattern)))

    def test_the_document_is_well_formed(self):
        self.assertTrue(DOCUMENT["openapi"].startswith("3.1."))
        names = [operation["operationId"] for _, _, operation in operations()]
        self.assertEqual(len(names), len(set(names)))
        for schema in DOCUMENT["components"]["schemas"].values():
            jsonschema.Draft202012Validator.check_schema(schema)
        for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(DOCUMENT)):
            resolve({"$ref": reference})
        for method, pattern, operation in operations():
            scopes = operation["security"][0]["apiKey"] if operation["security"] else None
            self.assertEqual("401" in operation["responses"], scopes is not None, pattern)
            declared = {resolve(parameter)["name"]
                        for parameter in DOCUMENT["paths"][pattern].get("parameters", [])}
            self.assertEqual(declared, set(re.findall(r"{(\w+)}", pattern)), (method, pattern))

    def test_every_path_in_the_sources_is_documented(self):
        """The C++ tests compare tables of routes; whoever adds a route without one is caught here."""
        for source in sorted((SOURCE / "coordinator").glob("*.cc")):
            for path in re.findall(r'"(/api/v1[^"?]*|/healthz)', source.read_text()):
                self.assertTrue(any(known.startswith(path) for known in DOCUMENT["paths"]),
                                f"{source.name}: {path} is not in api/openapi.json")

    def test_what_clients_do(self):
        ask, expect = self.coordinator, self.expect
        key = {"Idempotency-Key": "k1"}
        made = expect(201, "POST", "/api/v1/bulk-jobs", key="acme", body=NEW_JOB, headers=key)
        job = "/api/v1/bulk-jobs/" + json.loads(made.text)["id"]
        expect(200, "POST", "/api/v1/bulk-jobs", key="acme", body=NEW_JOB, headers=key)
        expect(409, "POST", "/api/v1/bulk-jobs", key="acme", body={**NEW_JOB, "title": "x"}, headers=key)
        over = "/api/v1/bulk-jobs/" + ask.make(input_source=sheet("bad"))["id"]
        state = json.loads(expect(200, "GET", over, key="acme").text)
        self.assertEqual(state["state"], "failed")
        self.assertEqual([a["format"] for a in state["artifacts"]], ["csv", "json"])
        for name in ("report.csv", "report.json", "videos", "videos?state=failed&page_size=1"):
            expect(200, "GET", f"{over}/{name}", key="acme")
        for action in ("pause", "resume", "cancel"):
            expect(200, "POST", f"{job}/{action}", key="acme")
            expect(409, "POST", f"{over}/{action}", key="acme")
        expect(200, "POST", f"{over}/retry-failed", key="acme")
        expect(409, "POST", f"{job}/retry-failed", key="acme")  # It was canceled.
        listed = expect(200, "GET", "/api/v1/bulk-jobs?page_size=1", key="acme")
        token = json.loads(listed.text)["next_page_token"]
        expect(200, "GET", f"/api/v1/bulk-jobs?page_size=1&page_token={token}", key="acme")
        expect(200, "HEAD", "/api/v1/bulk-jobs", key="acme")
        expect(200, "POST", "/api/v1/sheets/connect", key="acme", body=CONNECT)
        for number, (path, method, status) in enumerate((("/mine", "PUT", 201), ("/mine", "PUT", 200), ("", "POST", 201))):
            put = expect(status, method, f"/api/v1/sheets{path}", key="acme", body=SHEET + f"{number},Say it,\n", headers=CSV)
        posted = json.loads(put.text)["sheet_id"]
        book = (SOURCE / "tests/catalog/hello.xlsx").read_bytes()
        expect(201, "PUT", "/api/v1/sheets/book", key="acme", body=book, headers=XLSX)
        for name in ("mine", "book", posted):
            expect(200, "GET", f"/api/v1/sheets/{name}", key="acme")
            expect(200, "POST", "/api/v1/sheets/connect", key="acme", body={**CONNECT, "sheet_id": name})
            ask.make(input_source=sheet(name))
        names = [entry["sheet_id"] for entry in json.loads(expect(200, "GET", "/api/v1/sheets", key="acme").text)["data"]]
        self.assertTrue({"rows", "bad", "mine", "book", posted} <= set(names), names)
        expect(204, "DELETE", "/api/v1/sheets/mine", key="acme")
        expect(404, "GET", "/api/v1/sheets/mine", key="acme")
        expect(201, "PUT", "/api/v1/templates/tpl_mine", key="acme", body=TEMPLATE)
        expect(200, "PUT", "/api/v1/templates/tpl_mine", key="acme", body=TEMPLATE)
        expect(200, "GET", "/api/v1/templates/tpl_mine?version=1", key="acme")
        expect(200, "GET", "/api/v1/templates", key="acme")
        for shipped in (SOURCE / "templates").glob("tpl_*.json"):
            found = expect(200, "GET", f"/api/v1/templates/{shipped.stem}", key="acme")
            self.assertEqual(json.loads(found.text)["template"], json.loads(shipped.read_text()))
            expect(409, "PUT", f"/api/v1/templates/{shipped.stem}", key="acme", body=TEMPLATE)
            expect(201, "PUT", f"/api/v1/templates/{shipped.stem}_copy", key="acme",
                   body=shipped.read_text())
        ask.make(template={"template_id": "tpl_mine"}, input_source=sheet("bad"))
        secret = expect(200, "GET", "/api/v1/webhook-secret", key="acme").text
        self.assertEqual(expect(200, "GET", "/api/v1/webhook-secret", key="acme").text, secret)
        self.assertNotEqual(expect(200, "GET", "/api/v1/webhook-secret", key="zeta").text, secret)
        self.assertNotEqual(expect(200, "POST", "/api/v1/webhook-secret", key="acme").text, secret)
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                   "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        watch = "/api/v1/ws/bulk-jobs?job_id=" + json.loads(made.text)["id"]
        expect(101, "GET", watch, key="acme", headers=upgrade)
        expect(426, "GET", watch, key="acme")
        expect(404, "GET", watch, key="zeta", headers=upgrade)
        expect(400, "GET", "/api/v1/ws/bulk-jobs", key="acme", headers=upgrade)
        me = json.loads(expect(200, "GET", "/api/v1/whoami", key="acme").text)
        self.assertEqual((me["tenant"], sorted(me["scopes"])), ("acme", SCOPES))
        expect(200, "GET", "/api/v1/nodes", key="acme")
        expect(200, "GET", "/healthz")
        self.assertEqual(json.loads(expect(200, "GET", "/api/v1/openapi.json").text), DOCUMENT)

    def test_what_clients_get_wrong(self):
        expect = self.expect
        for body in ("", "{", "[]", "\u0000", json.dumps({}), json.dumps({**NEW_JOB, "titel": 1}),
                     json.dumps({**NEW_JOB, "template": {"template_id": "tpl_promo"}}),
                     json.dumps({**NEW_JOB, "input_source": sheet("../secret")}),
                     json.dumps({**NEW_JOB, "input_source": sheet("none")}), '{"title": "' + "[" * 9000):
            expect(400, "POST", "/api/v1/bulk-jobs", key="acme", body=body)
        expect(400, "POST", "/api/v1/bulk-jobs", key="acme", body=NEW_JOB,
               headers={"Idempotency-Key": "k" * 256})
        expect(400, "POST", "/api/v1/sheets/connect", key="acme", body={**CONNECT, "range": "B1:A"})
        expect(404, "POST", "/api/v1/sheets/connect", key="acme", body={**CONNECT, "sheet_id": "none"})
        expect(400, "POST", "/api/v1/sheets", key="acme", body='a,"b', headers=CSV)
        expect(400, "PUT", "/api/v1/sheets/connect", key="acme", body=SHEET, headers=CSV)
        expect(415, "POST", "/api/v1/sheets", key="acme", body=SHEET)
        expect(415, "PUT", "/api/v1/sheets/rows", key="acme", body=SHEET, headers={"Content-Type": "text/html"})
        expect(409, "PUT", "/api/v1/sheets/rows", key="acme", headers=XLSX,
               body=(SOURCE / "tests/catalog/hello.xlsx").read_bytes())
        expect(400, "PUT", "/api/v1/templates/tpl_bad", key="acme", body={**TEMPLATE, "scenes": []})
        expect(400, "GET", "/api/v1/templates/tpl_bad?version=x", key="acme")
        expect(404, "GET", "/api/v1/templates/tpl_bad", key="acme")
        job = "/api/v1/bulk-jobs/" + self.coordinator.make()["id"]
        for query in ("state=nope", "page_size=0", "page_size=x", "page_token=x", "nope=1"):
            expect(400, "GET", f"/api/v1/bulk-jobs?{query}", key="acme")
            expect(400, "GET", f"{job}/videos?{query}", key="acme")
        for query in ("page_size=0", "page_token=x", "nope=1"):
            expect(400, "GET", f"/api/v1/nodes?{query}", key="acme")
        for path in ("/nothing", "/api/v1", "/api/v1/nothing", "/api/v1/bulk-jobs/", "/api/v1/bulk-jobs/%2e%2e",
                     "/api/v1/bulk-jobs/a%2Fb", "/api/v1/bulk-jobs/%00", "//api/v1/bulk-jobs"):
            answer = self.coordinator.raw("GET", path, key="acme")
            self.assertIn(answer.status, (400, 404), path)
            self.assertIn("error_code", json.loads(answer.text))
        self.assertEqual(self.coordinator.ask("DELETE", "/api/v1/bulk-jobs", key="acme").status, 405)

    def test_what_operators_do(self):
        expect, admin = self.expect, self.coordinator.admin_key
        tenants, keys = "/api/v1/admin/tenants", "/api/v1/admin/keys"
        expect(201, "POST", tenants, key=admin, body={"id": "umbrella", "limits": {"items_open_max": 3}})
        expect(409, "POST", tenants, key=admin, body={"id": "umbrella"})
        for body in ("{", {}, {"id": "../x"}, {"id": "x", "titel": "y"}, {"id": "x", "title": "a\u001bb"},
                     {"id": "x", "limits": {"items_open_max": -1}}, {"id": "x", "limits": {"weight": 0}},
                     {"id": "x", "limits": {"weight": "2"}}):
            expect(400, "POST", tenants, key=admin, body=body)
        changed = expect(200, "PATCH", f"{tenants}/umbrella", key=admin, body={"title": "The umbrella"})
        self.assertEqual(json.loads(changed.text)["limits"],
                         {"items_open_max": 3, "items_per_day_max": None, "items_running_max": None, "weight": None})
        shares = {"limits": {"items_running_max": 7, "weight": 2.5}}
        expect(200, "PATCH", f"{tenants}/umbrella", key=admin, body=shares)
        changed = expect(200, "PATCH", f"{tenants}/umbrella", key=admin, body={"limits": {"items_running_max": None}})
        self.assertEqual(json.loads(changed.text)["limits"]["weight"], 2.5)
        expect(400, "PATCH", f"{tenants}/umbrella", key=admin, body={"state": "gone"})
        expect(404, "PATCH", f"{tenants}/nobody", key=admin, body={"state": "active"})
        expect(200, "GET", f"{tenants}/umbrella", key=admin)
        expect(404, "GET", f"{tenants}/nobody", key=admin)
        listed = expect(200, "GET", f"{tenants}?page_size=1", key=admin)
        self.assertEqual(len(json.loads(listed.text)["data"]), 1)
        made = json.loads(expect(201, "POST", keys, key=admin, body={
            "tenant": "umbrella", "title": "CI", "scopes": ["jobs:read", "jobs:write"], "expires_in_s": 3600}).text)
        for body in ({}, {"scopes": []}, {"scopes": ["jobs:read"]}, {"tenant": "nobody", "scopes": ["jobs:read"]},
                     {"tenant": "umbrella", "scopes": ["admin"]}, {"tenant": "umbrella", "scopes": ["jobs:reed"]},
                     {"scopes": ["admin", "jobs:read"]}):
            expect(400, "POST", keys, key=admin, body=body)
        shown = json.loads(expect(200, "GET", f"{keys}?tenant=umbrella", key=admin).text)["data"]
        self.assertEqual([(key["id"], "key" in key) for key in shown], [(made["id"], False)])
        expect(400, "GET", f"{keys}?page_size=0", key=admin)
        expect(400, "GET", f"{tenants}?page_size=0", key=admin)

        self.coordinator.write_sheet("umbrella", "rows", "Good,Say it,https://x/1.png\nB,Say it,https://x/2.png\n")
        expect(403, "GET", tenants, key=made["key"])
        self.coordinator.make(key=made["key"])
        beyond = expect(403, "POST", "/api/v1/bulk-jobs", key=made["key"], body=NEW_JOB)
        self.assertEqual(json.loads(beyond.text)["error_code"], "quota_exceeded")
        expect(200, "PATCH", f"{tenants}/umbrella", key=admin, body={"limits": {"items_open_max": None}})
        self.coordinator.make(key=made["key"])
        expect(200, "PATCH", f"{tenants}/umbrella", key=admin, body={"state": "suspended"})
        refused = expect(403, "GET", "/api/v1/bulk-jobs", key=made["key"])
        self.assertEqual(json.loads(refused.text)["error_code"], "tenant_suspended")
        expect(200, "PATCH", f"{tenants}/umbrella", key=admin, body={"state": "active"})
        expect(200, "GET", "/api/v1/bulk-jobs", key=made["key"])
        expect(401, "GET", "/api/v1/bulk-jobs", key=mistyped(made["key"]))
        expect(200, "POST", f"{keys}/{made['id']}/revoke", key=admin)
        expect(200, "POST", f"{keys}/{made['id']}/revoke", key=admin)
        expect(404, "POST", f"{keys}/{NOBODYS_KEY}/revoke", key=admin)
        expect(401, "GET", "/api/v1/bulk-jobs", key=made["key"])

        own = json.loads(expect(201, "POST", keys, key=admin, body={"title": "alice", "scopes": ["admin"]}).text)
        expect(403, "GET", "/api/v1/bulk-jobs", key=own["key"])
        log = json.loads(expect(200, "GET", "/api/v1/admin/audit?page_size=500", key=own["key"]).text)["data"]
        of_umbrella = [entry["what"] for entry in log if entry["target"] in ("umbrella", made["name"])]
        self.assertEqual(of_umbrella[::-1],
                         ["tenant.create"] + ["tenant.update"] * 3 + ["key.create", "tenant.update", "tenant.suspend",
                          "tenant.resume", "key.revoke"])
        self.assertNotIn(made["key"], json.dumps(log))
        expect(400, "GET", "/api/v1/admin/audit?since=yesterday", key=admin)
        later = expect(200, "GET", "/api/v1/admin/audit?since=2999-01-01T00:00:00Z", key=admin)
        self.assertEqual(json.loads(later.text)["data"], [])
        page = json.loads(expect(200, "GET", "/api/v1/admin/audit?page_size=2", key=admin).text)
        rest = json.loads(expect(200, "GET", "/api/v1/admin/audit?page_size=2&page_token=" + page["next_page_token"],
                                 key=admin).text)
        self.assertLess(rest["data"][0]["id"], page["data"][-1]["id"])
        self.assertEqual(self.coordinator.ask("DELETE", tenants, key=admin).status, 405)
        self.assertEqual(self.coordinator.raw("GET", "/api/v1/admin/nothing", key=admin).status, 404)

    def test_a_correlation_id_comes_back_and_a_bad_one_is_replaced(self):
        for sent, same in (("order-7:a.b_c", True), ("x" * 129, False), ("a b", False), ("", False)):
            answer = self.expect(200, "GET", "/healthz", headers={"X-Correlation-Id": sent})
            self.assertEqual(answer.headers["X-Correlation-Id"] == sent, same)
        refused = self.expect(401, "GET", "/api/v1/bulk-jobs", headers={"X-Correlation-Id": "mine"})
        self.assertEqual(refused.headers["X-Correlation-Id"], "mine")

    def test_bodies_are_bounded(self):
        for method, pattern, operation in operations():
            if "413" in operation["responses"]:
                self.expect(413, method, self.nobodys(pattern), key="acme", body="x" * (BODY_MAX + 1))

    def test_nobody_learns_or_does_what_is_not_theirs(self):
        """Every operation × {no key, a wrong key, another tenant's key, a key without the scope}."""
        job, template, sheet_id = self.coordinator.make()["id"], "tpl_matrix", "file_matrix"
        admin = self.coordinator.admin_key
        self.expect(201, "POST", "/api/v1/admin/tenants", key=admin, body={"id": "acme"})
        made = json.loads(self.expect(201, "POST", "/api/v1/admin/keys", key=admin, body=NEW_KEY).text)
        revoked = json.loads(self.expect(201, "POST", "/api/v1/admin/keys", key=admin, body=NEW_KEY).text)
        self.expect(200, "POST", f"/api/v1/admin/keys/{revoked['id']}/revoke", key=admin)
        ids = {NOBODYS_TEMPLATE: template, NOBODYS_JOB: job, NOBODYS_TENANT: "acme", NOBODYS_KEY: made["id"],
               NOBODYS_SHEET: sheet_id, NOBODYS_NODE: "box"}
        self.expect(201, "PUT", f"/api/v1/sheets/{sheet_id}", key="acme", body=SHEET, headers=CSV)
        self.expect(201, "PUT", f"/api/v1/templates/{template}", key="acme", body=TEMPLATE)
        for method, pattern, operation in operations():
            if not operation["security"]:
                continue
            scope = next(iter(operation["security"][0]["apiKey"]), None)  # None: any key will do.
            nobody = self.nobodys_id(pattern)
            mine = ids.get(nobody, "")
            path, nobodys = pattern.replace("{id}", mine), self.nobodys(pattern)
            body = self.body_of(pattern)
            lacks = "acme" if scope == ADMIN else f"acme-without-{scope}"
            with self.subTest(f"{method} {pattern}"):
                for key in (None, "", "wrong", hashlib.sha256(b"acme").hexdigest(), "ACME", revoked["key"],
                            mistyped(made["key"])):
                    refused = self.expect(401, method, path, key=key, body=body)
                    self.assertEqual(refused.text, self.expect(401, method, nobodys, key=key, body=body).text)
                    self.assertFalse(key and len(key) > 4 and key in refused.text, "a key is never echoed")
                if scope is None:
                    continue
                lacking = self.expect(403, method, path, key=lacks, body=body)
                self.assertEqual(lacking.text, self.expect(403, method, nobodys, key=lacks, body=body).text)
                if scope != "jobs:read":
                    self.expect(403, method, path, key=made["key"], body=body)
                if scope != ADMIN and not scope.startswith("nodes:"):  # Nodes are the operators', too.
                    self.expect(403, method, path, key=admin, body=body)
                elif "{id}" in pattern:
                    self.expect(404, method, nobodys, key=admin, body=body)
                if "{id}" in pattern and scope != ADMIN and method != "PUT":  # Which makes one of its own.
                    theirs = self.expect(404, method, path, key="zeta", body=body)
                    none = self.expect(404, method, nobodys, key="zeta", body=body)
                    self.assertEqual(theirs.text.replace(mine, nobody), none.text)
        listed = json.loads(self.expect(200, "GET", "/api/v1/bulk-jobs?page_size=500", key="zeta").text)
        self.assertNotIn(job, [entry["id"] for entry in listed["data"]])
        token = json.loads(self.expect(200, "GET", "/api/v1/bulk-jobs?page_size=1", key="acme").text)["next_page_token"]
        if token is not None:
            theirs = json.loads(self.expect(200, "GET", f"/api/v1/bulk-jobs?page_token={token}", key="zeta").text)
            self.assertEqual([entry for entry in theirs["data"] if entry not in listed["data"]], [])
        sheets = json.loads(self.expect(200, "GET", "/api/v1/sheets", key="zeta").text)["data"]
        self.assertNotIn(sheet_id, [entry["sheet_id"] for entry in sheets])
        self.expect(200, "GET", f"/api/v1/sheets/{sheet_id}", key="acme")  # Nobody else deleted it.
        still = json.loads(self.expect(200, "GET", f"/api/v1/bulk-jobs/{job}", key="acme").text)
        self.assertEqual(still["state"], "pending", "nobody else paused or canceled it")

    def test_a_watcher_sees_that_its_tenant_asks_too_often(self):
        job = self.coordinator.make(key="hasty")["id"]
        watcher = Watcher(self.coordinator.port, job, "hasty")
        self.addCleanup(watcher.close)
        while (told := watcher.next())["type"] != "job.progress":
            pass
        self.assertFalse(told["data"]["rate_limited"])
        while self.coordinator.raw("GET", "/api/v1/bulk-jobs", key="hasty").status != 429:
            pass
        while (told := watcher.next())["type"] != "job.progress":
            pass
        self.assertTrue(told["data"]["rate_limited"])

    def test_too_many_requests_are_refused_everywhere(self):
        while self.coordinator.raw("GET", "/api/v1/bulk-jobs", key="flood").status != 429:
            pass
        for method, pattern, operation in operations():
            if operation["security"]:
                refused = self.expect(429, method, self.nobodys(pattern), key="flood", body=self.body_of(pattern))
                self.assertEqual(json.loads(refused.text)["error_code"], "rate_limited")
        self.expect(200, "GET", "/api/v1/bulk-jobs", key="zeta")

    def test_zz_every_status_in_the_document_was_seen(self):
        """Named so as to come last: with the answers that the C++ tests got."""
        record = self.coordinator.folder / "answers"
        subprocess.run([BIN / "coordinator_test", "--gtest_filter=NodeApi*:BulkApi*", "--gtest_brief=1"], check=True,
                       env={**os.environ, "RN_API_ANSWERS": str(record)})
        answers = [json.loads(line) for line in record.read_text().splitlines()]
        self.assertGreater(len(answers), 100)
        for answer in answers:
            covered = check_answer(answer["method"], answer["path"],
                                   Answer(answer["status"], answer["headers"], answer["text"]), over_http=False)
            self.coordinator.covered.add(covered)
        documented = {(method, pattern, status) for method, pattern, operation in operations()
                      for status in operation["responses"] if status != "default"}
        self.assertEqual(documented - self.coordinator.covered, set())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
