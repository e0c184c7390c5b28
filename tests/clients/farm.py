"""A farm for clients: a coordinator that speaks TLS, one node, a worker that pretends to render."""
import contextlib
import functools
import hashlib
import http.server
import json
import os
import pathlib
import signal
import sqlite3
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.request

START_S = 60
SCOPES = "jobs:read jobs:write sheets:connect"


class Images(http.server.ThreadingHTTPServer):
    """Serves a folder of pictures on loopback."""

    def __init__(self, folder):
        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, name):
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Farm:
    TENANT, KEY = "acme", "clients-key"

    def __init__(self, source, binaries, coordinator_config=""):
        self.bin = binaries
        self.more_config = coordinator_config
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rn-clients-"))
        self.templates = source / "templates"
        self.images = Images(source / "templates" / "samples" / "images")
        self.coordinator = self.node = None
        self.port = 0
        self.node_port = 0
        self._make_certificate()

    # ------------------------------------------------------------ where clients find it

    @property
    def base_url(self):
        return f"https://localhost:{self.port}/api/v1"

    @property
    def ca(self):
        return self.folder / "https.crt"

    def tls(self):
        return ssl.create_default_context(cafile=self.ca)

    def ask(self, method, path, body=None, key=None):
        request = urllib.request.Request(
            self.base_url + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {key or self.KEY}", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, context=self.tls(), timeout=60) as response:
            return json.load(response)

    # ------------------------------------------------------------ its programs

    def start(self, node=True):
        self.start_coordinator()
        if node:
            self.start_node()

    def start_coordinator(self):
        ports = self.folder / "ports.json"
        ports.unlink(missing_ok=True)
        (self.folder / "coordinator.toml").write_text(f"""
[folders]
state = "{self.folder}/state"
artifacts = "{self.folder}/artifacts"
sheets = "{self.folder}/sheets"
templates = "{self.templates}"
[http]
port = {self.port}
public_url = "{f'https://localhost:{self.port}' if self.port else ''}"
[http.tls]
cert_file = "{self.ca}"
key_file = "{self.folder}/https.key"
[nodes]
address = "127.0.0.1:{self.node_port}"
sync_interval = "500ms"
[keys]
"{hashlib.sha256(self.KEY.encode()).hexdigest()}" = "{self.TENANT} {SCOPES}"
{self.more_config}""")
        self.coordinator = self._run("rendernode-coordinator", "--config", self.folder / "coordinator.toml",
                                     "--ports-file", ports)
        self._await(ports.exists, self.coordinator)
        said = json.loads(ports.read_text())
        self.port, self.node_port = said["http"], said["nodes"]

    def start_node(self):
        own = self.folder / "node"
        own.mkdir(exist_ok=True)
        socket = self.folder / "admin.sock"
        socket.unlink(missing_ok=True)
        (own / "node.toml").write_text(f"""
node_id = "clients-node"
[folders]
state = "{own}/state"
work = "{own}/work"
cache = "{own}/cache"
disk_free_min = "1MiB"
[admin]
socket = "{socket}"
[coordinator]
address = "127.0.0.1:{self.node_port}"
retry_min = "50ms"
retry_max = "500ms"
[node]
slots = 2
[worker]
command = ["{self.bin}/worker-script"]
[fetch]
allow_private = ["127.0.0.0/8", "::1/128"]
ca_file = "{self.ca}"
[store]
root = "{self.folder}/artifacts"
""")
        self.node = self._run("rendernoded", "--config", own / "node.toml")
        self._await(socket.exists, self.node)

    def stop_coordinator(self):
        self._stop(self.coordinator)

    def stop(self):
        self.images.shutdown()
        self.images.server_close()
        for process in (self.node, self.coordinator):
            if process is not None and process.poll() is None:
                self._stop(process)

    def rss_kib(self):
        status = pathlib.Path(f"/proc/{self.coordinator.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def log(self):
        return "".join(f"== {path.name}\n{path.read_text()[-4000:]}" for path in sorted(self.folder.glob("*.log")))

    # ------------------------------------------------------------ what it holds

    def write_sheet(self, sheet_id, rows):
        """Rows of title, script and the name of a picture."""
        lines = ["Title,Script,Image"]
        for title, script, image in rows:
            lines.append(f"{title},{script},{image and self.images.url(image)}")
        for folder in (self.folder / "sheets", self.folder / "sheets" / self.TENANT):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{sheet_id}.csv").write_text("\n".join(lines) + "\n")

    def rename_job(self, job_id, name):
        """As if the coordinator had called it so. It must not run, and the job must be over."""
        with contextlib.closing(sqlite3.connect(self.folder / "state" / "coordinator.db")) as store, store:
            for (table,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                columns = {column[1] for column in store.execute(f"PRAGMA table_info({table})")}
                if "job_id" in columns:
                    store.execute(f"UPDATE {table} SET job_id = ? WHERE job_id = ?", (name, job_id))
            store.execute("UPDATE jobs SET id = ? WHERE id = ?", (name, job_id))

    # ------------------------------------------------------------

    def _make_certificate(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", self.folder / "https.key", "-out", self.ca], check=True, capture_output=True)
        os.chmod(self.folder / "https.key", 0o600)

    def _run(self, program, *arguments):
        with open(self.folder / f"{program}.log", "a") as log:
            return subprocess.Popen([self.bin / program, *map(str, arguments)], stdin=subprocess.DEVNULL,
                                    stdout=log, stderr=log)

    def _await(self, met, process):
        end = time.monotonic() + START_S
        while not met():
            if process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"{process.args[0]} does not start\n{self.log()}")
            time.sleep(0.05)

    def _stop(self, process):
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
