#!/usr/bin/env python3
"""Every client in bulk-operations-api-examples.md against a real coordinator over TLS, a real node and
a worker that pretends to render. Usage: clients_test.py SOURCE BIN NODE_MODULES."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest

import document
import farm

SOURCE, BIN, NODE_MODULES = (pathlib.Path(arg).resolve() for arg in sys.argv[1:4])
PATIENCE_S = 120
JAVASCRIPT, PYTHON = "javascript", "python"

# A job as the clients make them, for those that leave theirs out.
CONFIG = """{
  "title": "A job of the test", "priority": "normal", "processing_deadline_ms": 3600000,
  "input_source": {"type": "sheet", "sheet_id": "%s", "range": "A1:Z10"},
  "output": {"format": "mp4", "video_codec": "h264", "audio_codec": "aac", "resolution": "1080p",
             "output_bucket": "test-videos"},
  "template": {"template_id": "tpl_promotional", "overrides": {"style": "modern"}}
}""" % document.SHEET_IN_DOCUMENT


class Program:
    """A running client and what it says."""

    def __init__(self, command, folder, environment):
        self.said = ""
        self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, env={**os.environ, **environment})
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.said += line
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def await_line(self, pattern, times=1):
        """Returns once it has said that so often; the last match."""
        end = time.monotonic() + PATIENCE_S
        with self.changed:
            while True:
                found = list(re.finditer(pattern, self.said, re.MULTILINE))
                if len(found) >= times:
                    return found[times - 1]
                if not self.reader.is_alive() or time.monotonic() > end:
                    raise AssertionError(f"has not said {pattern!r} {times} times:\n{self.said}")
                self.changed.wait(0.2)

    def end(self):
        """Returns once it has ended well; what it said."""
        try:
            status = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.stop()
            status = f"nothing in {PATIENCE_S} s"
        self.reader.join()
        if status != 0:
            raise AssertionError(f"ended with {status}:\n{self.said}")
        return self.said

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()


class ClientsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.farm = farm.Farm(SOURCE, BIN)
        cls.addClassCleanup(cls.farm.stop)
        # The third row is empty, the picture of the fifth does not exist.
        cls.farm.write_sheet(document.SHEET_IN_DOCUMENT, [
            ("Product Tutorial", "render:100 Learn how to use it", "speaker.jpg"),
            ("Customer Review", "render:100 It changed my life", "speaker.jpg"),
            ("", "", ""),
            ("Launch Video", "render:100 A big announcement", "speaker.jpg"),
            ("No Picture", "render:100 It is not there", "missing.jpg")])
        cls.farm.start()
        cls.make_documents_job()
        cls.clients = document.Clients(cls.farm.base_url, cls.farm.KEY)

    @classmethod
    def make_documents_job(cls):
        """The job whose id the document has: over, and one of its videos failed."""
        job = cls.farm.ask("POST", "/bulk-jobs", json.loads(CONFIG))
        cls.wait_for_job(job["id"])
        cls.farm.stop_coordinator()
        cls.farm.rename_job(job["id"], document.JOB_IN_DOCUMENT)
        cls.farm.start_coordinator()

    @classmethod
    def wait_for_job(cls, job_id):
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            job = cls.farm.ask("GET", f"/bulk-jobs/{job_id}")
            if job["state"] in ("completed", "failed", "canceled"):
                return job
            time.sleep(0.3)
        raise AssertionError(f"{job_id} is not over: {job}\n{cls.farm.log()}")

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{self._testMethodName[:40]}-", dir=self.farm.folder))

    # ------------------------------------------------------------ programs of blocks

    def javascript(self, heading, helpers="", then="", library=(), whole=None):
        """Runs a block as it stands: `helpers` before it define what it uses and does not define,
        `then` after it calls what it only defines."""
        os.symlink(NODE_MODULES, self.folder / "node_modules")
        (self.folder / "package.json").write_text('{"type": "module"}')
        block = self.clients.block(heading, JAVASCRIPT)
        text = block.text if whole is None else whole
        imports = [f"import {name} from '{module}';" for name, module in (("axios", "axios"), ("WebSocket", "ws"))
                   if f"import {name} " not in text]
        if library:
            names = re.findall(r"^(?:export )?class (\w+)", self.clients.library(JAVASCRIPT, *library), re.MULTILINE)
            text_of_library = re.sub(r"^import .*\n|^export ", "", self.clients.library(JAVASCRIPT, *library),
                                     flags=re.MULTILINE)
            (self.folder / "library.js").write_text(
                f"import axios from 'axios';\nimport WebSocket from 'ws';\n{text_of_library}\n"
                f"export {{ {', '.join(names)} }};\n")
            imports.append(f"import {{ {', '.join(names)} }} from './library.js';")
        base_url = "" if "const BASE_URL" in text else f"const BASE_URL = '{self.farm.base_url}';\n"
        (self.folder / "main.js").write_text("\n".join(imports) + f"""
const KEY = '{self.farm.KEY}';
const CONFIG = {CONFIG};
{base_url}{textwrap.dedent(helpers)}
{text}
{textwrap.dedent(then)}
""")
        return self.program(["node", "main.js"])

    def python(self, heading, helpers="", then="", library=()):
        block = self.clients.block(heading, PYTHON)
        (self.folder / "library.py").write_text(self.clients.library(PYTHON, *library))
        imports = "from library import *\n" if library else ""
        base_url = "" if "BASE_URL =" in block.text else f"BASE_URL = '{self.farm.base_url}'\n"
        (self.folder / "main.py").write_text(f"""{imports}
KEY = '{self.farm.KEY}'
CONFIG = {CONFIG}
{base_url}{textwrap.dedent(helpers)}
{block.text}
{textwrap.dedent(then)}
""")
        return self.program([sys.executable, "-u", "main.py"])

    def program(self, command):
        program = Program(command, self.folder, {
            "CONTENTCREATOR_API_KEY": self.farm.KEY, "NODE_EXTRA_CA_CERTS": str(self.farm.ca),
            "REQUESTS_CA_BUNDLE": str(self.farm.ca), "WEBSOCKET_CLIENT_CA_BUNDLE": str(self.farm.ca),
            "NO_PROXY": "*", "no_proxy": "*"})
        self.addCleanup(program.stop)
        return program

    def assert_said(self, said, *patterns):
        for pattern in patterns:
            self.assertRegex(said, re.compile(pattern, re.MULTILINE))

    # ------------------------------------------------------------ the first steps

    def test_authentication_setup_javascript(self):
        said = self.javascript("Authentication Setup", then="""
            const answer = await client.get('/bulk-jobs');
            console.log(answer.status, Array.isArray(answer.data.data));
            """).end()
        self.assert_said(said, r"^200 true$")

    def test_authentication_setup_python(self):
        said = self.python("Authentication Setup", then="""
            answer = client.get(f'{BASE_URL}/bulk-jobs')
            print(answer.status_code, type(answer.json()['data']).__name__)
            """).end()
        self.assert_said(said, r"^200 list$")

    CREATED = (r"^Job created successfully: job_\w{26}$", "^Initial state: pending$", "^Items to process: 4$")

    def test_first_job_javascript(self):
        self.assert_said(self.javascript("JavaScript/TypeScript").end(), *self.CREATED)

    def test_first_job_python(self):
        self.assert_said(self.python("Python").end(), *self.CREATED)

    def test_batch_of_templates(self):
        said = self.javascript(
            "Batch Job with Multiple Templates", library=["JavaScript/TypeScript"],
            helpers="const client = new BulkOperationsClient(KEY, BASE_URL);",
            then="console.log('jobs:', (await createBatchJob()).length);").end()
        self.assert_said(said, "^jobs: 3$", *(f"^Created job: job_.* for template: tpl_{name}$"
                                              for name in ("promotional", "tutorial", "testimonial")))

    # ------------------------------------------------------------ progress

    def test_polling_javascript(self):
        said = self.javascript(
            "Polling-Based Monitoring", library=["JavaScript/TypeScript"],
            helpers="const client = new BulkOperationsClient(KEY, BASE_URL);",
            then="""
            const created = await client.createJob(CONFIG);
            const final = await monitor.monitorJobWithRetries(created.jobId, job => console.log('at', job.percent_complete));
            console.log('final:', final.state, final.items_completed, final.items_failed);
            """).end()
        self.assert_said(said, r"^Progress: 100\.0%$", "^Completed: 3/4$", "^Failed: 1$",
                         "^Job completed with state: completed$", "^at 100$", "^final: completed 3 1$")

    def test_polling_python(self):
        said = self.python(
            "Python Progress Monitor", library=["Python"],
            helpers="""
            import requests
            client = BulkOperationsClient(KEY, BASE_URL)
            """,
            then="""
            created = client.create_job(CONFIG)
            final = monitor.monitor_job(created['job_id'], progress_callback)
            print('final:', final['state'], final['items_completed'], final['items_failed'])
            """).end()
        self.assert_said(said, r"^Progress: 100\.0% \| Completed: 3/4 \| Failed: 1 \| ETA: N/A minutes$",
                         "^Job completed with state: completed$", "^final: completed 3 1$")

    # ------------------------------------------------------------ sheets

    SHEET = ("^Sheet connected successfully$", r"^Job created: job_\w{26}$", "^state: pending$")

    def test_sheet_javascript(self):
        said = self.javascript(
            "Sheet Connection and Validation", library=["JavaScript/TypeScript"],
            helpers="const client = new BulkOperationsClient(KEY, BASE_URL);",
            then="console.log('state:', (await setupCampaignFromSheet()).state);").end()
        self.assert_said(said, *self.SHEET)

    def test_sheet_python(self):
        said = self.python(
            "Python Sheet Management", library=["Python"],
            helpers="client = BulkOperationsClient(KEY, BASE_URL)",
            then="print('state:', setup_campaign_from_sheet()['state'])").end()
        self.assert_said(said, *self.SHEET)

    # ------------------------------------------------------------ errors and retries

    def test_robust_client_javascript(self):
        said = self.javascript(
            "Comprehensive Error Handler", library=["JavaScript/TypeScript", "Polling-Based Monitoring"],
            helpers="const handleJobFailure = async error => console.log('handled:', error.message);",
            then="""
            await robustJobExample();  // Its job has a title and nothing else.
            const robust = new RobustBulkOperationsClient(KEY, BASE_URL);
            let retries = 0;
            const warn = console.warn;
            console.warn = (...words) => { ++retries; warn(...words); };
            // More than a tenant may ask at once, until it shows: the client must come through all the same.
            let created;
            while (retries === 0) {
              await Promise.all(Array.from({ length: 60 }, () => robust.client.get('/bulk-jobs').catch(() => {})));
              created = await robust.createJobWithRetry(CONFIG);
            }
            const final = await robust.monitorJobWithErrorHandling(created.jobId, () => {});
            console.log('final:', final.state);
            """).end()
        self.assert_said(said, "^handled: Non-retryable error: .*mistakes", "^Job creation attempt 1 failed, retrying",
                         "code: 'rate_limited'", "^final: completed$")

    def test_robust_client_python(self):
        said = self.python(
            "Python Error Handling", library=["Python", "Python Progress Monitor"],
            then="""
            from concurrent.futures import ThreadPoolExecutor
            client = RobustBulkOperationsClient(KEY, BASE_URL)
            try:
                client.create_job_with_retry({'title': 'Robust Job Example'})
            except Exception as error:
                print('handled:', error)
            retried = RobustBulkOperationsClient.is_retryable_error
            retries = []
            client.is_retryable_error = lambda error: retries.append(error) or retried(client, error)
            while not retries:
                with ThreadPoolExecutor(30) as pool:
                    list(pool.map(lambda _: client.session.get(f'{BASE_URL}/bulk-jobs').status_code, range(60)))
                created = client.create_job_with_retry(CONFIG)
            print('final:', client.monitor_job_with_error_handling(created['job_id'])['state'])
            """).end()
        self.assert_said(said, "^handled: Non-retryable error: .*mistakes", "^Job creation attempt 1 failed, retrying",
                         "'code': 'rate_limited'", "^final: completed$")

    # ------------------------------------------------------------ WebSockets

    EVENTS = (r"Job state changed: \w+ .* (running|completed)$", r"^Progress: 100\.0%", "^Video completed: job_.*-2$",
              "Job completed successfully!$")

    def test_websocket_javascript(self):
        program = self.javascript(
            "WebSocket Client Implementation", library=["JavaScript/TypeScript"],
            then="""
            main();  // Of a job that is over.
            const created = await new BulkOperationsClient(KEY, BASE_URL).createJob(CONFIG);
            monitorJobWithWebSocket(created.jobId);
            """)
        program.await_line("Job completed successfully!$", times=2)
        for pattern in self.EVENTS + ("^Video URL: https://", "^Video failed: job_", "asset_download_failed",
                                      "^Summary: 3/4 videos created$", "^report: https://"):
            program.await_line(pattern)
        self.assertNotIn("WebSocket error", program.said)
        self.assertNotIn("Unknown message type", program.said)

    def test_websocket_python(self):
        program = self.python(
            "Python WebSocket Client", library=["Python"],
            then="""
            monitor_job_websocket('%s')
            created = BulkOperationsClient(KEY, BASE_URL).create_job(CONFIG)
            monitor_job_websocket(created['job_id'])
            threading.Event().wait()
            """ % document.JOB_IN_DOCUMENT)
        program.await_line("Job completed successfully!$", times=2)
        for pattern in self.EVENTS + ("^Unknown message type: video.failed$",):  # It has no handler for that one.
            program.await_line(pattern)
        self.assertNotIn("WebSocket error", program.said)

    def test_websocket_clients_come_back_to_a_coordinator_that_was_restarted(self):
        program = self.javascript(
            "WebSocket Client Implementation",
            then=f"monitorJobWithWebSocket('{document.JOB_IN_DOCUMENT}');")
        program.await_line("Job completed successfully!$")
        self.farm.stop_coordinator()
        self.farm.start_coordinator()
        program.await_line("^WebSocket connected$", times=2)
        program.await_line("Job completed successfully!$", times=2)

    # ------------------------------------------------------------ workflows

    def test_multi_stage_campaign(self):
        said = self.javascript(
            "Multi-Stage Campaign Workflow",
            library=["JavaScript/TypeScript", "Polling-Based Monitoring", "Comprehensive Error Handler"],
            helpers="const client = new RobustBulkOperationsClient(KEY, BASE_URL);",
            then="console.log('report:', JSON.stringify((await runMultiStageCampaign()).summary));").end()
        self.assert_said(said, *(f"^{stage} stage completed: completed$"
                                 for stage in ("concept", "promotion", "testimonial")),
                         r"^\[concept\] 100\.0% complete$",
                         '^report: {"totalJobs":3,"completedJobs":3,"failedJobs":0}$')

    def test_adaptive_job(self):
        said = self.javascript(
            "Bulk Operations with Conditional Logic", library=["JavaScript/TypeScript"],
            then="""
            const job = await createIntelligentCampaign();
            console.log('priority:', job.priority);
            """).end()
        self.assert_said(said, r"^Created adaptive job: job_\w{26}$", "^priority: high$")

    # ------------------------------------------------------------ the two SDKs

    def test_sdk_javascript(self):
        block = self.clients.block("JavaScript SDK", JAVASCRIPT)
        (self.folder / "content-creator-sdk.js").write_text(block.library())  # As its first line calls it.
        program = self.javascript("JavaScript SDK", whole=block.usage(), then=f"""
            await exampleWithMonitoring();
            const sheet = await sdk.connectSheet('{document.SHEET_IN_DOCUMENT}', 'A1:Z100');
            console.log('rows:', sheet.sample.row_count, sheet.sample.columns.join());
            const jobs = await sdk.listJobs({{ state: 'completed', page_size: 1 }});
            console.log('listed:', jobs.data.length, jobs.data[0].state);
            const videos = await sdk.getJobVideos('{document.JOB_IN_DOCUMENT}', {{ state: 'failed' }});
            console.log('failed:', videos.data.map(video => video.errors[0].error_code).join());
            await exampleWithSheet().catch(error => console.log('refused:', error.response.data.error_code,
              error.response.data.detail.map(one => one.pointer).join()));
            """)
        for pattern in (r"^Monitoring job: job_\w{26}$", r"^Progress: [\d.]+%$", "^Job completed: {", "^rows: 4 A,B,C",
                        "^listed: 1 completed$", "^failed: asset_download_failed$", "^Sheet connected: connected$",
                        "^refused: validation_error .*/output"):
            program.await_line(pattern)

    def test_sdk_python(self):
        program = self.python("Python SDK", then=f"""
            job = example_simple_job()
            sdk = ContentCreatorBulkSDK('{self.farm.KEY}', BASE_URL)
            ended = threading.Event()
            monitor = sdk.monitor_job(job['id'], {{
                'on_connect': lambda: print('connected'),
                'job.progress': lambda data: print('at', data['percent_complete']),
                'job.completed': lambda data: (print('summary', data['summary']), ended.set())}})
            ended.wait({PATIENCE_S})
            monitor['disconnect']()
            print('sheet', sdk.connect_sheet('{document.SHEET_IN_DOCUMENT}', 'A1:Z100')['sample']['row_count'])
            print('listed', len(sdk.list_jobs({{'state': 'completed', 'page_size': 1}})['data']))
            print('failed', sdk.get_job_videos('{document.JOB_IN_DOCUMENT}', {{'state': 'failed'}})['data'][0]['errors'])
            try:
                example_with_monitoring()
            except requests.exceptions.HTTPError as error:
                print('refused', error.response.json()['error_code'])
            # Last: it prints from a thread of its own, and Python's print is not one write.
            sdk.create_and_monitor_job(CONFIG, lambda progress: print(f"Progress: {{progress['percent_complete']:.1f}}%"))
            threading.Event().wait()
            """)
        for pattern in (r"^Job created: job_\w{26}$", "^connected$", r"^at 100\.0$", "^summary {'items_completed': 3",
                        r"^Progress: [\d.]+%$", "^Job completed: {'items_completed': 3", "^sheet 4$", "^listed 1$",
                        r"^failed \[{'error_code': 'asset_download_failed'", "^refused validation_error$"):
            program.await_line(pattern)

    # ------------------------------------------------------------ best practices

    def test_job_creation_best_practices(self):
        said = self.javascript(
            "Job Creation Best Practices", library=["JavaScript/TypeScript"],
            then="""
            const result = await new BestPracticesClient(KEY, BASE_URL).createJobOptimized(CONFIG);
            console.log('success:', result.success);
            """).end()
        self.assert_said(said, "^Job created successfully: job_", "itemsTotal: 4", "^success: true$")

    # The document gives BulkOperationsClient these where it uses them, and its SDK has them.
    WITH_SDK = """
        class BulkOperationsClient extends ContentCreatorBulkSDK {
          constructor(apiKey, baseUrl) { super({ apiKey, baseUrl }); }
        }
        """

    def test_progress_monitoring_best_practices(self):
        said = self.javascript(
            "Progress Monitoring Best Practices", library=["JavaScript SDK"], helpers=self.WITH_SDK,
            then="""
            const over = await monitorWithBestPractices();
            const sdk = new BulkOperationsClient(KEY, BASE_URL);
            const job = await sdk.createJob(CONFIG);
            let videos = 0;
            let end;
            const ended = new Promise(resolve => { end = resolve; });
            const session = await new OptimizedJobMonitor(sdk).monitorJobOptimized(job.id, {
              onVideoComplete: () => { ++videos; },
              onStateChange: data => { if (data.data) end(data.data.summary); },
              onError: error => console.log('error:', error)
            });
            const summary = await ended;
            console.log('videos:', videos, JSON.stringify(summary));
            session.disconnect();
            over.disconnect();
            const batch = await new OptimizedJobMonitor(sdk).monitorMultipleJobs([job.id], () => {});
            batch.disconnectAll();
            """).end()
        self.assert_said(said, '^videos: 3 {"items_completed":3,"items_failed":1,"items_total":4}$')
        self.assertNotIn("error:", said)

    # ------------------------------------------------------------ troubleshooting

    def test_troubleshooting_javascript(self):
        said = self.javascript(
            "Common Issues and Solutions", library=["JavaScript SDK"], helpers=self.WITH_SDK,
            then=f"""
            await handleJobIssues();
            const client = new BulkOperationsClient(KEY, BASE_URL);
            const codeOf = async (config, key) => {{
              try {{
                await client.client.post('/bulk-jobs', config, {{ headers: {{ 'Idempotency-Key': key }} }});
                return 'none';
              }} catch (error) {{
                return error.response.data.error_code;
              }}
            }};
            await codeOf(CONFIG, 'same');
            for (const code of [await codeOf({{ ...CONFIG, template: {{ template_id: 'tpl_none' }} }}, 'other'),
                                await codeOf({{ ...CONFIG, title: 'Another' }}, 'same')]) {{
              const diagnosis = TroubleshootingGuide.diagnoseJobCreationError({{ code }});
              console.log('diagnosed:', code, diagnosis.solutions.length, diagnosis.escalation);
            }}
            """).end()
        self.assert_said(said, "^Current state: completed$", "^1 failed videos found$",
                         "issue: 'Common video errors: asset_download_failed'", "action: 'fix_and_retry'",
                         "^diagnosed: validation_error 4 false$", "^diagnosed: idempotency_conflict 4 false$")

    def test_troubleshooting_python(self):
        said = self.python(
            "Python Troubleshooting", library=["Python SDK"],
            helpers="from datetime import timezone\n",
            then=f"""
            client = ContentCreatorBulkSDK(KEY, BASE_URL)
            print(TroubleshootingGuide.troubleshoot_job_stuck('{document.JOB_IN_DOCUMENT}', client))
            answer = client.session.post(f'{{BASE_URL}}/bulk-jobs', json={{'title': 'x'}}).json()
            print('diagnosed:', len(TroubleshootingGuide.diagnose_job_creation_error({{'code': answer['error_code']}})['solutions']))
            """).end()
        self.assert_said(said, "^Current state: completed$", "^1 failed videos found$",
                         "'issue': 'Common video errors: asset_download_failed'", "^diagnosed: 4$")

    # ------------------------------------------------------------

    def test_no_client_of_the_document_is_left_out(self):
        test = pathlib.Path(__file__).read_text()
        for block in self.clients.blocks:
            if block.language:
                runs = re.findall(rf'self\.{block.language}\(\s*"{re.escape(block.heading)}"', test)
                self.assertGreaterEqual(len(runs), 1, f"{block.heading} ({block.language})")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[4:], verbosity=2)
