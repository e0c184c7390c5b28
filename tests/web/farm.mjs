// A coordinator, a node and its workers on loopback, in a folder of their own.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const START_MS = 60000;
const STOP_MS = 60000;
export const KEYS = { operator: "operator-key", client: "client-key" };
const CLIENT_SCOPES = "jobs:read jobs:write sheets:connect";

// Small and quick, yet long enough to be seen at work.
const TEMPLATE = {
  schema: "1", name: "short",
  output: { width: 640, height: 360, fps: 30, video: { hardware: "off" }, sidecar: ["srt", "vtt"] },
  variables: { title: { type: "string", required: true }, script: { type: "string", required: true },
               image_url: { type: "image", required: true } },
  scenes: [{ id: "all", duration: "auto", tail: 0.3, elements: [
    { type: "image", source: "{{image_url}}" },
    { type: "text", text: "{{title}}", font_family: "Inter", y: "20%", height: "20%", fill_color: "#ffffff" },
    { type: "voice", name: "narration", text: "{{script}}", voice: "professional" },
    { type: "captions", source: "@narration", font_family: "Inter", y: "85%", height: "20%", fill_color: "#ffffff" }] }],
};

export class Farm {
  // templates: a folder instead of TEMPLATE.
  constructor(source, bin, { templates = null, node = "box-1", slots = 1 } = {}) {
    this.source = source;
    this.bin = bin;
    this.node = node;
    this.slots = slots;
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), "dashboard-"));
    this.images = path.join(source, "templates/samples/images");
    this.templates = templates ?? path.join(this.folder, "templates");
    this.ports = { http: 0, nodes: 0 };
    for (const name of ["sheets/acme", "node", "artifacts", "state"]) this.#make(name);
    if (!templates) {
      this.#make("templates");
      fs.copyFileSync(path.join(source, "templates/voices.json"), path.join(this.templates, "voices.json"));
      fs.writeFileSync(path.join(this.templates, "tpl_short.json"), JSON.stringify(TEMPLATE));
    }
  }
  #make(name) { fs.mkdirSync(path.join(this.folder, name), { recursive: true }); }

  get url() { return `http://127.0.0.1:${this.ports.http}`; }
  log(name) { return fs.readFileSync(path.join(this.folder, `${name}.log`), "utf8").split("\n").slice(-40).join("\n"); }

  async start() {
    await this.startCoordinator();
    await this.startNode();
  }

  // Again on its old ports, if it had any.
  async startCoordinator() {
    const portsFile = path.join(this.folder, "ports.json");
    fs.rmSync(portsFile, { force: true });
    const key = (name) => createHash("sha256").update(name).digest("hex");
    fs.writeFileSync(path.join(this.folder, "coordinator.toml"), `
[folders]
state = "${this.folder}/state"
artifacts = "${this.folder}/artifacts"
sheets = "${this.folder}/sheets"
templates = "${this.templates}"
[http]
port = ${this.ports.http}
[nodes]
address = "127.0.0.1:${this.ports.nodes}"
sync_interval = "1s"
[retry]
backoff_min = "100ms"
backoff_max = "1s"
[rate_limit]
per_second = 1000.0
burst = 1000
[keys]
"${key(KEYS.operator)}" = "acme ${CLIENT_SCOPES} nodes:read nodes:write"
"${key(KEYS.client)}" = "acme ${CLIENT_SCOPES}"
`);
    this.coordinator = this.#run("coordinator", "rendernode-coordinator",
      ["--config", `${this.folder}/coordinator.toml`, "--ports-file", portsFile]);
    await this.#until("the coordinator", () => fs.existsSync(portsFile));
    this.ports = JSON.parse(fs.readFileSync(portsFile, "utf8"));
  }

  async startNode() {
    const own = path.join(this.folder, "node");
    fs.writeFileSync(path.join(own, "node.toml"), `
node_id = "${this.node}"
[folders]
state = "${own}/state"
work = "${own}/work"
cache = "${own}/cache"
disk_free_min = "1MiB"
[admin]
socket = "${own}/admin.sock"
[coordinator]
address = "127.0.0.1:${this.ports.nodes}"
retry_min = "50ms"
retry_max = "500ms"
[node]
slots = ${this.slots}
[worker]
command = ["${this.bin}/rendernode-worker"]
[fetch]
allow_private = ["127.0.0.0/8"]
allow_files = ["${this.images}"]
[store]
root = "${this.folder}/artifacts"
`);
    this.daemon = this.#run("node", "rendernoded", ["--config", `${own}/node.toml`]);
    await this.#until("the node", () => fs.existsSync(path.join(own, "admin.sock")));
  }

  #run(log, program, args) {
    const out = fs.openSync(path.join(this.folder, `${log}.log`), "a");
    const child = spawn(path.join(this.bin, program), args, { stdio: ["ignore", out, out] });
    fs.closeSync(out);
    return child;
  }

  async #until(what, met) {
    for (const end = Date.now() + START_MS; Date.now() < end; await sleep(50)) if (met()) return;
    throw new Error(`${what} did not start\n${this.log("coordinator")}`);
  }

  async stopCoordinator() { await this.#stop(this.coordinator); }
  async stop() {
    await this.#stop(this.daemon);
    await this.#stop(this.coordinator);
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
  async #stop(child) {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    const killer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await ended;
    clearTimeout(killer);
  }

  async api(method, target, body) {
    const response = await fetch(`${this.url}/api/v1${target}`, {
      method, headers: { Authorization: `Bearer ${KEYS.operator}`, "Content-Type": "application/json" },
      body: body && JSON.stringify(body) });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method} ${target}: ${JSON.stringify(answer)}`);
    return answer;
  }

  // Rows of [title, script, image]; the job's id.
  async submit(title, rows, job = {}) {
    const sheet = `sheet-${title.replaceAll(/\W+/g, "-")}`;
    const cell = (text) => `"${text.replaceAll('"', '""')}"`;
    const image = (name) => (name.includes("://") ? name : `file://${this.images}/${name}`);
    this.writeSheet(sheet, ["title,script,image_url",
      ...rows.map(([name, script, picture]) => [name, script, image(picture)].map(cell).join(","))].join("\n") + "\n");
    return this.submitSheet(title, sheet, job);
  }
  writeSheet(sheet, text) { fs.writeFileSync(path.join(this.folder, "sheets/acme", `${sheet}.csv`), text); }
  async submitSheet(title, sheet, job = {}) {
    const made = await this.api("POST", "/bulk-jobs", {
      title, input_source: { type: "sheet", sheet_id: sheet, range: "A1:Z10000" },
      output: { format: "mp4", output_bucket: "videos" }, template: { template_id: "tpl_short" }, ...job });
    return made.id;
  }
}
