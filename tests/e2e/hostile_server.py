#!/usr/bin/env python3
"""An origin of images that misbehaves by path. Usage: hostile_server.py GOOD_IMAGE; prints its port, then serves."""
import http.server
import pathlib
import struct
import sys
import threading
import time
import zlib

SILENT_S = 600  # Longer than any limit of a node.


def bomb(side):
    """A PNG of side x side black pixels in a few kilobytes."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    row = bytes(1 + side // 8)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    good = b""
    bomb = b""

    def answer(self, status, kind="text/plain", body=b"", headers=()):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/good.jpg":
            self.answer(200, "image/jpeg", self.good)
        elif path == "/page.jpg":
            self.answer(200, "image/jpeg", b"<!DOCTYPE html><html><body>Please log in</body></html>")
        elif path == "/loop.jpg":
            self.answer(302, headers=[("Location", "/loop.jpg")])
        elif path == "/truncated.jpg":
            self.answer(200, "image/jpeg", self.good[: len(self.good) // 2])
        elif path == "/bomb.png":
            self.answer(200, "image/png", self.bomb)
        elif path == "/broken.jpg":
            self.answer(500)
        elif path == "/silent.jpg":
            time.sleep(SILENT_S)
        else:
            self.answer(404)

    def log_message(self, *args):
        pass


def main():
    Handler.good = pathlib.Path(sys.argv[1]).read_bytes()
    Handler.bomb = bomb(32768)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()  # Until whoever started us is gone.


if __name__ == "__main__":
    main()
