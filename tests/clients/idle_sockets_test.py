#!/usr/bin/env python3
"""What a thousand WebSockets that nothing is said to cost, TLS included. Usage: idle_sockets_test.py SOURCE BIN."""
import asyncio
import json
import pathlib
import resource
import sys
import unittest

import farm

SOURCE, BIN = (pathlib.Path(arg).resolve() for arg in sys.argv[1:3])
SOCKETS = 1000
AT_ONCE = 20
COST_MAX_KIB = 40 << 10
CONFIG = """
[rate_limit]
per_second = 100000.0
burst = 100000
[websockets]
idle_timeout = "10m"
"""


async def watch(farm_, job_id, gate):
    """Returns when the socket has been told the present state of the job."""
    async with gate:
        reader, writer = await asyncio.open_connection("localhost", farm_.port, ssl=farm_.tls())
        writer.write((f"GET /api/v1/ws/bulk-jobs?job_id={job_id} HTTP/1.1\r\nHost: localhost\r\n"
                      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                      f"Authorization: Bearer {farm_.KEY}\r\n\r\n").encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101"), answer
        await reader.readuntil(b'"job.progress"')
        return writer


class IdleSocketsTest(unittest.TestCase):
    def test_a_thousand_idle_sockets_fit(self):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit[1], 4 * SOCKETS), limit[1]))
        farm_ = farm.Farm(SOURCE, BIN, CONFIG)
        self.addCleanup(farm_.stop)
        farm_.write_sheet("rows", [("Title", "Script", "speaker.jpg")])
        farm_.start(node=False)
        job = farm_.ask("POST", "/bulk-jobs", {
            "title": "Idle", "input_source": {"type": "sheet", "sheet_id": "rows", "range": "A1:Z10"},
            "output": {"output_bucket": "videos"}, "template": {"template_id": "tpl_promotional"}})

        async def measure():
            gate = asyncio.Semaphore(AT_ONCE)
            first = await watch(farm_, job["id"], gate)  # What the first one costs stays the only one.
            before = farm_.rss_kib()
            writers = await asyncio.gather(*(watch(farm_, job["id"], gate) for _ in range(SOCKETS)))
            cost = farm_.rss_kib() - before
            for writer in [first, *writers]:
                writer.transport.abort()
            return cost

        cost = asyncio.run(measure())
        print(f"{SOCKETS} idle WebSockets over TLS: {cost / 1024:.1f} MiB")
        self.assertLess(cost, COST_MAX_KIB, farm_.log())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
