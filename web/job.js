// One job: how far it is, its items, and what can be done about it.
import { badge, bar, confirm, count, date, fact, h, keyed, notice, say, setAttribute, setText, single, words } from "./dom.js";
import { isOpen, left, shares, took } from "./jobs.js";
import { openPlayer } from "./player.js";

const PAGE = 60;
const PAGES_PER_LOOK = 3;
const BUSY_MS = 2000;
const NUDGE_MS = 400;
const QUIET_MS = 15000;
const FILTERS = ["", "running", "pending", "completed", "failed", "canceled"];

const isOpenItem = (item) => item.state === "pending" || item.state === "running";

// What of a job's items is shown, page by page; the pages that may have changed are asked for again.
class ItemPages {
  #api; #path; #state; #pages = []; #turn = 0;
  constructor(api, jobId, state) {
    this.#api = api;
    this.#path = `/bulk-jobs/${jobId}/videos?page_size=${PAGE}&state=${state}`;
    this.#state = state;
  }
  get next() { return this.#pages.at(-1)?.next ?? null; }
  get all() {
    const byId = new Map(this.#pages.flatMap((page) => page.items).map((item) => [item.id, item]));
    return [...byId.values()].sort((a, b) => a.row - b.row);
  }
  async #load(page) {
    const answer = await this.#api.get(this.#path + (page.token ? `&page_token=${encodeURIComponent(page.token)}` : ""));
    Object.assign(page, { items: answer.data, next: answer.next_page_token, dirty: false });
  }
  async more() {
    const page = { token: this.next, items: [], next: null };
    await this.#load(page);
    this.#pages.push(page);
  }
  // Whether that was news.
  soil(id, state) {
    const pages = this.#pages.filter((page) => page.items.some((item) => item.id === id && item.state !== state));
    for (const page of pages) page.dirty = true;
    return pages.length > 0;
  }
  // Everything, when the job itself changed (retried, canceled).
  soilAll() {
    for (const page of this.#pages) page.dirty = true;
  }
  async refresh() {
    if (this.#pages.length === 0) return this.more();
    const stale = this.#pages.filter((page, i) => page.dirty || page.items.some(isOpenItem) ||
      (this.#state && i === this.#pages.length - 1));
    const urgent = (page) => page.dirty || page.items.some((item) => item.state === "running");
    const turned = stale.map((_, i) => stale[(i + this.#turn) % stale.length]);
    ++this.#turn;
    turned.sort((a, b) => urgent(b) - urgent(a));
    for (const page of turned.slice(0, PAGES_PER_LOOK)) await this.#load(page);
  }
}

const shortened = (text) => (text.length > 90 ? `${text.slice(0, 88)} …` : text);

function card(open) {
  const picture = h("img", { alt: "", loading: "lazy" });
  const blank = h("span", { class: "blank" });
  const name = h("span", { class: "name" }), state = badge(), note = h("span", { class: "note" });
  const progress = bar("Progress");
  const button = h("button", { type: "button", class: "card" },
    h("span", { class: "frame" }, picture, blank),
    h("span", { class: "line" }, name, state.element), note);
  let current;
  button.addEventListener("click", () => open(current));
  const element = h("li", {}, button, progress.element);
  return {
    element,
    update(item) {
      current = item;
      const poster = item.artifacts.find((artifact) => artifact.type === "poster");
      if (poster && picture.dataset.of !== poster.sha256 + item.id) {
        picture.dataset.of = poster.sha256 + item.id;
        picture.src = item.poster;
      }
      picture.hidden = !poster;
      blank.hidden = !!poster;
      setAttribute(blank, "data-state", item.state);
      setText(name, `Row ${item.row}`);
      state.update(item.state);
      progress.element.hidden = item.state !== "running";
      progress.only(item.progress.percent_complete, `Progress of row ${item.row}`);
      const last = item.errors.at(-1);
      setText(blank, item.state === "running" ? `${Math.round(item.progress.percent_complete)}%`
        : item.state === "failed" && last ? shortened(last.error_message) : "");
      setText(note, item.state === "running" ? words(item.progress.phase ?? "queued")
        : item.state === "failed" && last ? words(last.error_code)
        : item.state === "completed" && item.usage ? `${Math.round(item.usage.media_s)} s · ${item.usage.x_realtime}× real time`
        : item.errors.length ? `Tried ${item.errors.length}×` : "");
      setAttribute(note, "data-state", item.state);
    },
  };
}

async function download(api, artifact, jobId) {
  try {
    // With the key in a header, so through us rather than by a plain link.
    const blob = await api.call("GET", `/bulk-jobs/${jobId}/report.${artifact.format}`, { raw: true });
    const url = URL.createObjectURL(blob);
    h("a", { href: url, download: `${jobId}.${artifact.format}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  } catch (error) {
    notice(`No report: ${error.message}.`);
  }
}

export function jobView({ api, main, title, link }, id) {
  title("Job");
  let job = null, pages = new ItemPages(api, id, ""), live = false;
  const heading = h("h1", { tabindex: -1 }, "Job"), state = badge(), progress = bar("Progress of the job");
  const percent = h("span", { class: "percent" });
  const facts = Object.fromEntries(["Done", "Failed", "Time left", "Took", "Created", "Deadline", "Priority", "Id"].map((name) => [name, fact(name)]));
  const troubles = h("ul", { class: "troubles" });
  const actions = h("div", { class: "actions" });
  const list = h("ul", { class: "cards", "aria-label": "Items" });
  const empty = h("p", { class: "empty", hidden: true });
  const more = h("button", { type: "button", hidden: true, onclick: single(async () => {
    try {
      await pages.more();
      showItems();
    } catch (error) {
      notice(`No more items: ${error.message}.`);
    }
  }) }, "Show more items");
  let filter = "";
  const chips = h("div", { class: "chips", role: "group", "aria-label": "Show items" }, ...FILTERS.map((name) =>
    h("button", { type: "button", "aria-pressed": String(name === ""), onclick: ({ currentTarget }) => {
      for (const chip of chips.children) setAttribute(chip, "aria-pressed", String(chip === currentTarget));
      filter = name;
      pages = new ItemPages(api, id, name);
      keyed(list, [], (item) => item.id, card);
      empty.hidden = more.hidden = true;
      poller.now();
    } }, name ? words(name) : "All")));
  main.append(
    h("nav", { class: "crumb", "aria-label": "Breadcrumb" }, h("a", { href: "#/jobs" }, "← All jobs")),
    h("section", { class: "panel" },
      h("div", { class: "head" }, h("div", { class: "titled" }, heading, state.element), actions),
      h("div", { class: "big" }, progress.element, percent),
      h("dl", { class: "facts" }, ...Object.values(facts).map((part) => part.element)), troubles),
    h("div", { class: "head" }, h("h2", {}, "Items"), chips), list, empty, more);

  const act = async (what, done) => {
    try {
      job = await api.post(`/bulk-jobs/${id}/${what}`);
      say(done);
      pages.soilAll();
      showJob();
      if (document.activeElement === document.body) heading.focus();  // Its button is gone.
      poller.now();
    } catch (error) {
      notice(`Not done: ${error.message}.`);
    }
  };
  const button = (text, run, kind = "") => ({ text, run, kind });
  const offered = () => {
    const list = [];
    for (const artifact of job.artifacts) {
      list.push(button(`Report (${artifact.format.toUpperCase()})`, () => download(api, artifact, id)));
    }
    if (!api.may("jobs:write")) return list;
    if (job.items_failed > 0 && job.state !== "canceled") list.push(button("Retry failed", () => act("retry-failed", "Failed items wait again."), isOpen(job) ? "" : "primary"));
    if (job.state === "paused") list.push(button("Resume", () => act("resume", "The job runs again."), "primary"));
    else if (isOpen(job)) list.push(button("Pause", () => act("pause", "The job is paused.")));
    if (isOpen(job)) list.push(button("Cancel", async () => {
      const sure = await confirm("Cancel this job?", "Items under way are stopped. Videos that are done stay.", "Cancel the job", "Keep it");
      if (sure) await act("cancel", "The job is canceled.");
    }, "danger"));
    return list;
  };

  function showJob() {
    title(`${isOpen(job) ? `${Math.floor(job.percent_complete)}% ` : ""}${job.title || id}`);
    setText(heading, job.title || id);
    state.update(job.state);
    progress.update(...shares(job));
    setText(percent, `${job.percent_complete}%`);
    facts.Done.update(`${count(job.items_completed)} of ${count(job.items_total)}`);
    facts.Failed.update(job.items_failed ? count(job.items_failed) : null);
    facts["Time left"].update(left(job));
    facts.Took.update(took(job));
    facts.Created.update(date(job.created_at));
    facts.Deadline.update(job.deadline_at && [date(job.deadline_at), job.deadline_risk?.message].filter(Boolean).join(" · "));
    facts.Priority.update(words(job.priority));
    facts.Id.update(job.id);
    const told = job.warnings.map((text) => ({ text, kind: "warning" }));
    if (job.rate_limited) told.push({ text: "Requests of this tenant are being slowed down.", kind: "warning" });
    if (job.last_error && job.state !== "canceled") told.unshift({ text: `${words(job.last_error.code)}: ${job.last_error.message}`, kind: "error" });
    keyed(troubles, told, ({ text }) => text, ({ text, kind }) => ({ element: h("li", { class: kind }, text), update() {} }));
    keyed(actions, offered(), ({ text }) => text, ({ text, kind, run }) => (
      { element: h("button", { type: "button", class: kind, onclick: run }, text), update() {} }));
  }

  function showItems() {
    const items = pages.all.map((item) => {
      const poster = item.artifacts.find((artifact) => artifact.type === "poster");
      return { ...item, poster: poster && api.local(poster.url) };
    });
    keyed(list, items, (item) => item.id, () => card((item) => openPlayer(api, item, () => pages.all)));
    empty.hidden = items.length > 0;
    setText(empty, filter ? `No item is ${filter}.` : "This job has no items.");
    more.hidden = !pages.next;
  }

  const poller = api.poll(async () => {
    const before = job?.state;
    const shown = pages;
    const [now] = await Promise.all([api.get(`/bulk-jobs/${id}`), shown.refresh()]);
    if (shown !== pages) return 0;  // Another filter meanwhile.
    job = now;
    if (before && before !== job.state) say(`${job.title}: ${job.state}.`);
    if (before && isOpen({ state: before }) && !isOpen(job)) {
      pages.soilAll();
      await pages.refresh();
    }
    showJob();
    showItems();
    if (!live) link(isOpen(job) ? `Updates every ${BUSY_MS / 1000} s` : null);
    return isOpen(job) || pages.all.some(isOpenItem) ? BUSY_MS : QUIET_MS;
  }, (error) => {
    if (error.status === 404) {
      title("No such job");
      setText(heading, "There is no such job");
      poller.stop();
      unfollow();
    } else if (!error.away && error.status !== 429) {
      notice(`The job cannot be shown: ${error.message}.`);
    }
  });

  // News come in bursts.
  let nudge;
  const lookSoon = () => (nudge ??= setTimeout(() => {
    nudge = null;
    poller.now();
  }, NUDGE_MS));
  const unfollow = api.follow(id, (type, data) => {
    if (type === "job.progress" && job) {
      Object.assign(job, data);
      showJob();
    } else if (type.startsWith("video.")) {
      if (pages.soil(data.id, type.slice(6))) lookSoon();
    } else if (data.new_state !== job?.state) {
      lookSoon();
    }
  }, (isLive) => {
    live = isLive;
    link(live ? "Live" : `Updates every ${BUSY_MS / 1000} s`, live);
  });
  return () => {
    clearTimeout(nudge);
    poller.stop();
    unfollow();
  };
}
