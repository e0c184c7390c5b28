#!/usr/bin/env python3
"""Clients that mean ill, and a running coordinator: what they send comes from the API's own document, so that a new
route is tried by itself. Usage: api_abuse_test.py SOURCE BIN."""
import copy
import http.server
import json
import signal
import socket
import threading
import time
import unittest
import urllib.parse

from api_contract_test import (BODY_MAX, CONNECT, NEW_JOB, NOBODYS_JOB, PATIENCE_S, TEMPLATE, Coordinator, operations,
                               resolve, sheet)

CONNECTIONS_MAX = 8
ROWS = 2000        # Of a report that is asked for many times at once: no socket's buffers hold all the answers.
REPORTS = 20
BUFFERS_MAX = 8 << 20
# In a path, a query, a header or a field: of SQL, of HTTP, of file systems, of pages, of loggers, of formats.
NASTY = ("' OR '1'='1", "'; DROP TABLE jobs; --", "\" UNION SELECT secret FROM webhook_secrets --", "1); DELETE FROM items; --",
         "%' ESCAPE '", "x\r\nX-Injected: yes", "x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "x\nX-Injected: yes", "../../../../etc/passwd",
         "..\\..\\secret", "/etc/passwd", "%2e%2e%2f", "file:///etc/passwd", "<script>alert(1)</script>", "${jndi:ldap://x}",
         "%s%n%p", "{}{0}", "\u0000", "\u202e\ufeff", "💥" * 300,
         "A" * 5000, "-1", "9" * 40, "1e999", "NaN", "null", "[]", "\x7f\x1b[31m")
HEADERS = ("Authorization", "Idempotency-Key", "X-Correlation-Id", "Range", "If-None-Match", "Content-Type", "Accept", "Origin",
           "Sec-WebSocket-Protocol", "Host", "Cookie", "X-Forwarded-For")
BODIES = {"/api/v1/bulk-jobs": {**NEW_JOB, "callback_url": "https://example.com/hook"}, "/api/v1/sheets/connect": CONNECT,
          "/api/v1/templates/{id}": TEMPLATE, "/api/v1/admin/tenants": {"id": "abuse", "title": "x"},
          "/api/v1/admin/keys": {"tenant": "zeta", "title": "x", "scopes": ["jobs:read"]}}


def leaves(value, path=()):
    """The paths of everything that is text."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, (dict, list)):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(part, (*path, key))


def changed(value, path, text):
    value = copy.deepcopy(value)
    place = value
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = text
    return value


def query_parameters(operation):
    return [resolve(parameter)["name"] for parameter in operation.get("parameters", [])
            if resolve(parameter)["in"] == "query"]


class Raw:
    """A connection that says what it likes."""

    def __init__(self, port, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(("127.0.0.1", port))

    def send(self, data):
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def answer(self):
        """All of it, until the server closes."""
        received = b""
        try:
            while chunk := self.socket.recv(65536):
                received += chunk
        except ConnectionResetError:
            pass
        return received

    def close(self):
        self.socket.close()


class ApiAbuseTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.coordinator = Coordinator(
            http=f'connections_max = {CONNECTIONS_MAX}\nrequest_timeout = "1s"\nwrite_timeout = "1s"\nidle_timeout = "5s"',
            tables='[webhooks]\nallow_private = ["127.0.0.0/8"]\npoll_interval = "50ms"\n')
        # This test asks as often as it likes.
        config = cls.coordinator.folder / "coordinator.toml"
        config.write_text(config.read_text().replace("per_second = 0.1", "per_second = 100000.0"))
        cls.coordinator.process.send_signal(signal.SIGHUP)
        cls.job = cls.coordinator.make()["id"]
        cls.coordinator.write_sheet("acme", "large", "No script,,https://x/2.png\n" * ROWS)
        cls.large = cls.coordinator.make(
            input_source={"type": "sheet", "sheet_id": "large", "range": "A1:Z10000"})["id"]

    @classmethod
    def tearDownClass(cls):
        cls.coordinator.stop()

    def key_for(self, pattern):
        return self.coordinator.admin_key if "/admin/" in pattern else "acme"

    def exchange(self, request):
        """What a new connection is answered, as status, headers and body."""
        connection = Raw(self.coordinator.port)
        connection.send(request)
        answer = connection.answer()
        connection.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]) if head else 0, head, body

    def check_refusal(self, what, request, *, may_pass=False):
        """A clear answer that is our own, or none from a server that hung up on what is no HTTP; never a failure."""
        status, head, body = self.exchange(request)
        self.assertNotIn(b"x-injected", head.lower(), what)
        self.assertEqual(head.lower().count(b"http/1.1"), 1, what)
        self.assertTrue(400 <= status < 500 or may_pass and 200 <= status < 300, f"{what}: {status} {body[:300]}")
        if b"application/json" in head and body:
            answer = json.loads(body.decode("utf-8"))
            if status >= 400:
                self.assertTrue(answer["error_message"], what)
        return status, body

    def request(self, method, target, *, body=None, headers=(), key="acme"):
        lines = [f"{method} {target} HTTP/1.1".encode(), b"Host: h", b"Connection: close",
                 f"Authorization: Bearer {key}".encode(), *headers]
        if body is not None:
            lines.append(b"Content-Length: %d" % len(body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + (body or b"")

    def unharmed(self):
        """Everything is as it was, and nobody was given what is others'."""
        self.assertTrue(self.served_within_patience())
        job = json.loads(self.coordinator.ask("GET", f"/api/v1/bulk-jobs/{self.job}", key="acme").text)
        self.assertEqual((job["state"], job["items_total"]), ("pending", 2))
        listed = json.loads(self.coordinator.ask("GET", "/api/v1/bulk-jobs", key="zeta").text)
        self.assertEqual(listed["data"], [])
        self.assertEqual(self.coordinator.ask("GET", "/healthz").status, 200)
        self.assertIsNone(self.coordinator.process.poll())

    def served_within_patience(self):
        """Others are served, if not at once."""
        end = time.monotonic() + PATIENCE_S
        status = 0
        while status != 200 and time.monotonic() < end:
            try:
                status = self.exchange(self.request("GET", "/healthz"))[0]
            except OSError:
                pass
            time.sleep(0.05)
        return status == 200

    # ------------------------------------------------------------ what is sent

    def test_paths_and_queries_hold_nothing_but_text(self):
        for method, pattern, operation in operations():
            key = self.key_for(pattern)
            for text in (*NASTY, b"\xff\xfe", b"\xc0\xaf"):
                quoted = urllib.parse.quote(text, safe="")
                body = json.dumps(BODIES[pattern]).encode() if pattern in BODIES else None
                if "{id}" in pattern:
                    target = pattern.replace("{id}", quoted)
                    self.check_refusal(f"{method} {target}", self.request(method, target, body=body, key=key))
                for name in query_parameters(operation):
                    target = f"{pattern.replace('{id}', self.job)}?{name}={quoted}"
                    with self.subTest(f"{method} {target}"):
                        # A tenant of that name there may be.
                        self.check_refusal(target, self.request(method, target, body=body, key=key),
                                           may_pass=name == "tenant")
        self.unharmed()

    def test_headers_hold_nothing_but_text(self):
        for name in HEADERS:
            for text in NASTY:
                for target in ("/api/v1/bulk-jobs", "/api/v1/whoami"):
                    what = f"{name}: {text!r} of {target}"
                    line = f"{name}: ".encode() + text.encode("utf-8")
                    # One that ends a line is another request's beginning: what follows is refused, or it is another header.
                    request = (b"GET " + target.encode() + b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" +
                               (b"" if name == "Authorization" else b"Authorization: Bearer acme\r\n") + line + b"\r\n\r\n")
                    status, head, body = self.exchange(request)
                    self.assertNotIn(b"x-injected", head.lower(), what)
                    self.assertTrue(200 <= status < 500, f"{what}: {status} {body[:200]}")
        self.unharmed()

    def test_text_fields_hold_text_and_come_back_as_they_went(self):
        for pattern, good in BODIES.items():
            method = "PUT" if "{id}" in pattern else "POST"
            target = pattern.replace("{id}", "tpl_abuse")
            for path in leaves(good):
                for text in NASTY:
                    what = f"{target} {path} = {text!r}"
                    body = json.dumps(changed(good, path, text)).encode()
                    status, answer = self.check_refusal(
                        what, self.request(method, target, body=body, key=self.key_for(pattern)), may_pass=True)
                    if pattern == "/api/v1/bulk-jobs" and path == ("title",) and status == 201:
                        job = json.loads(self.coordinator.ask(
                            "GET", f"/api/v1/bulk-jobs/{json.loads(answer)['id']}", key="acme").text)
                        self.assertEqual(job["title"], text.strip(" \t\n\v\f\r"), what)
        self.unharmed()

    def test_what_is_no_utf8_is_refused_in_every_text_field(self):
        for pattern, good in BODIES.items():
            method = "PUT" if "{id}" in pattern else "POST"
            for path in leaves(good):
                for bad in (b"\xff", b"a\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf"):
                    body = json.dumps(changed(good, path, "MARK")).encode().replace(b"MARK", bad)
                    status, _ = self.check_refusal(f"{pattern} {path} {bad}", self.request(
                        method, pattern.replace("{id}", "tpl_abuse"), body=body, key=self.key_for(pattern)))
                    self.assertEqual(status, 400, f"{pattern} {path} {bad}")
        self.unharmed()

    def test_no_path_of_a_file_leads_out_of_its_folder(self):
        secret = self.coordinator.folder / "coordinator.toml"
        for prefix in ("/artifacts/", "/artifacts/b/j/i/1/", "/assets/", "/", "//", "/api/v1/../"):
            for path in ("../coordinator.toml", "..%2fcoordinator.toml", "%2e%2e/coordinator.toml", "..%5ccoordinator.toml",
                         "../../../../coordinator.toml", "..%2f..%2f..%2f..%2f..%2fcoordinator.toml", "....//coordinator.toml",
                         "%252e%252e%252fcoordinator.toml", str(secret), urllib.parse.quote(str(secret), safe=""),
                         "coordinator.toml%00.mp4", "state/coordinator.db", "../state/coordinator.db"):
                status, head, body = self.exchange(self.request("GET", prefix + path))
                self.assertIn(status, (400, 404), prefix + path)
                self.assertNotIn(b"[folders]", body)
        for sheet_id in ("../acme/rows", "/etc/passwd", "..", ".", "rows/../rows", "rows\0", "acme/rows", "%2e%2e/acme/rows"):
            for key in ("acme", "zeta"):
                for body in ({**CONNECT, "sheet_id": sheet_id}, {**CONNECT, "range": f"{sheet_id}!A1:B2"}):
                    status, _ = self.check_refusal(f"{body}", self.request(
                        "POST", "/api/v1/sheets/connect", key=key, body=json.dumps(body).encode()))
                    self.assertIn(status, (400, 404), body)

    def test_a_webhook_says_nothing_that_a_client_smuggled_in(self):
        heard, arrived = [], threading.Event()

        class Receiver(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                heard.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()
                arrived.set()

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        title = "x\r\nX-Injected: yes\r\n\r\n{}"
        self.coordinator.ask("POST", "/api/v1/bulk-jobs", key="acme", headers={"X-Correlation-Id": "mine%0d%0aX-Injected"}, body={
            **NEW_JOB, "title": title, "input_source": sheet("bad"),
            "callback_url": f"http://127.0.0.1:{server.server_port}/hook"})
        self.assertTrue(arrived.wait(PATIENCE_S))
        server.shutdown()
        server.server_close()
        headers, body = heard[0]
        self.assertNotIn("X-Injected", headers)
        self.assertEqual(json.loads(body)["title"], title)

    # ------------------------------------------------------------ how much, and how slowly

    def test_what_is_too_long_is_cut_off_without_being_read(self):
        for method, pattern, operation in operations():
            target = pattern.replace("{id}", NOBODYS_JOB)
            head = self.request(method, target, headers=[b"X: " + b"x" * 40000])
            self.assertEqual(self.exchange(head)[0], 431, f"{method} {target}")
            many = self.request(method, target, headers=[b"X%d: y" % i for i in range(6000)])
            self.assertEqual(self.exchange(many)[0], 431, f"{method} {target}")
            # It claims to be long; nobody waits for it.
            connection = Raw(self.coordinator.port)
            connection.send(self.request(method, target, headers=[b"Content-Length: %d" % (1 << 40)]))
            self.assertTrue(connection.answer().startswith(b"HTTP/1.1 413 "), f"{method} {target}")
            connection.close()
            # It does not say how long it is.
            connection = Raw(self.coordinator.port)
            connection.send(self.request(method, target, headers=[b"Transfer-Encoding: chunked"]))
            sent = 0
            while sent <= 4 * BODY_MAX and connection.send(b"10000\r\n" + b"x" * 0x10000 + b"\r\n"):
                sent += 0x10000
            self.assertTrue(connection.answer()[:13] in (b"HTTP/1.1 413 ", b""), f"{method} {target}")
            connection.close()
        self.unharmed()

    def test_who_sends_slowly_keeps_nobody_out(self):
        beginnings = (b"GET / HTTP/1.1\r\nHost: h\r\nX: ",
                      b"POST /api/v1/bulk-jobs HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n")
        for beginning in beginnings:
            slow = [Raw(self.coordinator.port) for _ in range(2 * CONNECTIONS_MAX)]
            over = threading.Event()

            def drip():
                while not over.wait(0.1):
                    for connection in slow:
                        connection.send(b"x")

            for connection in slow:
                connection.send(beginning)
            dripping = threading.Thread(target=drip)
            dripping.start()
            self.assertTrue(self.served_within_patience(), beginning)
            over.set()
            dripping.join()
            answers = [connection.answer()[:13] for connection in slow]
            self.assertIn(b"HTTP/1.1 408 ", answers)
            self.assertLessEqual(set(answers), {b"HTTP/1.1 408 ", b"HTTP/1.1 503 ", b""})
            for connection in slow:
                connection.close()

    def test_who_reads_slowly_keeps_nobody_out(self):
        whole = len(self.coordinator.raw("GET", f"/api/v1/bulk-jobs/{self.large}/report.json", key="acme").text)
        self.assertGreater(whole * REPORTS, BUFFERS_MAX)
        request = self.request("GET", f"/api/v1/bulk-jobs/{self.large}/report.json").replace(b": close", b": keep-alive")
        slow = []
        for _ in range(CONNECTIONS_MAX):
            slow.append(Raw(self.coordinator.port, receive_buffer=2048))
            slow[-1].send(request * REPORTS)
        self.assertTrue(self.served_within_patience())
        for connection in slow:
            connection.close()
        self.unharmed()


if __name__ == "__main__":
    unittest.main(argv=["api_abuse_test.py"])
