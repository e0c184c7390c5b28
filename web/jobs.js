// All jobs, the newest first.
import { ago, badge, bar, count, duration, h, keyed, notice, setText, single, words } from "./dom.js";

const PAGE = 50;
const BUSY_MS = 2000;
const IDLE_MS = 6000;
const STATES = ["pending", "running", "paused", "completed", "failed", "canceled"];

export const isOpen = (job) => ["pending", "running", "paused"].includes(job.state);

// As a bar has them, and in words.
export function shares(job) {
  const ended = [job.items_completed, job.items_failed, job.items_canceled ?? 0]
    .map((n) => (job.items_total ? (100 * n) / job.items_total : 0));
  const sum = ended[0] + ended[1] + ended[2];
  const partly = isOpen(job) ? Math.max(0, Math.min(100, job.percent_complete) - sum) : 0;
  const text = `${job.percent_complete}%: ${count(job.items_completed)} of ${count(job.items_total)} done` +
    (job.items_failed ? `, ${count(job.items_failed)} failed` : "");
  return [[...ended, partly], text];
}

export function took(job) {
  return job.ended_at && job.started_at ? duration(Date.parse(job.ended_at) - Date.parse(job.started_at)) : null;
}

export function left(job) {
  return job.state !== "running" ? null : job.eta_ms == null ? "estimating …" : duration(job.eta_ms);
}

function time(job) {
  if (job.state === "running") return job.eta_ms == null ? "estimating …" : `${left(job)} left`;
  return took(job) ? `took ${took(job)}` : "";
}

function row() {
  const anchor = h("a", {}), when = h("span"), state = badge();
  const progress = bar("Progress"), percent = h("strong"), items = h("span"), failed = h("span", { class: "bad" }), rest = h("span");
  const element = h("li", { class: "job" },
    h("div", { class: "what" }, h("h2", {}, anchor), when),
    h("div", { class: "how" }, progress.element, h("p", {}, percent, items, failed)),
    h("div", { class: "left" }, rest), state.element);
  return {
    element,
    update(job) {
      anchor.href = `#/jobs/${job.id}`;
      setText(anchor, job.title || job.id);
      setText(when, [ago(job.created_at), job.priority !== "normal" && `${job.priority} priority`,
                     job.state === "failed" && job.last_error && words(job.last_error.code)].filter(Boolean).join(" · "));
      state.update(job.state);
      progress.update(...shares(job), `Progress of ${job.title || job.id}`);
      setText(percent, `${job.percent_complete}%`);
      setText(items, `${count(job.items_completed)} of ${count(job.items_total)}`);
      setText(failed, job.items_failed ? `${count(job.items_failed)} failed` : "");
      setText(rest, time(job));
    },
  };
}

export function jobsView({ api, main, title, link }) {
  title("Jobs");
  link(`Updates every ${BUSY_MS / 1000} s`);
  let older = [];        // Pages that were asked for; they are not looked at again.
  let next = null;
  const list = h("ul", { class: "jobs" });
  const empty = h("p", { class: "empty", hidden: true });
  const filter = h("select", { id: "state", onchange: () => {
    older = [];
    poller.now();
  } }, h("option", { value: "" }, "All states"), ...STATES.map((state) => h("option", { value: state }, state)));
  const more = h("button", { type: "button", hidden: true, onclick: single(async () => {
    try {
      const page = await fetchPage(next);
      older.push(...page.data);
      next = page.next_page_token;
      poller.now();
    } catch (error) {
      notice(`No older jobs: ${error.message}.`);
    }
  }) }, "Show older jobs");
  main.append(
    h("div", { class: "head" }, h("h1", { tabindex: -1 }, "Jobs"),
      h("label", {}, h("span", { class: "sr" }, "State"), filter)),
    list, empty, more);

  const fetchPage = (token) => api.get(`/bulk-jobs?page_size=${PAGE}&state=${filter.value}` +
    (token ? `&page_token=${encodeURIComponent(token)}` : ""));

  const poller = api.poll(async () => {
    const wanted = filter.value;
    const page = await fetchPage(null);
    if (wanted !== filter.value) return 0;
    if (older.length === 0) next = page.next_page_token;
    const seen = new Set(page.data.map((job) => job.id));
    keyed(list, [...page.data, ...older.filter((job) => !seen.has(job.id))], (job) => job.id, row);
    empty.hidden = list.childElementCount > 0;
    setText(empty, wanted ? `No job is ${wanted}.` : "No jobs yet. They appear here as soon as a client submits one.");
    more.hidden = !next;
    return page.data.some(isOpen) ? BUSY_MS : IDLE_MS;
  }, (error) => {
    if (error.status === 403) {
      empty.hidden = false;
      setText(empty, `Jobs cannot be shown: ${error.message}.`);
    }
  });
  return poller.stop;
}
