// The machines: what they can do, what they are doing, and whether they should.
import { ago, badge, bar, count, h, keyed, notice, plural, say, setAttribute, setText, single, words } from "./dom.js";

const LOOK_MS = 2000;
const PAGE = 100;

const fps = (n) => `${n >= 100 ? Math.round(n) : n.toFixed(1)} fps`;

function health(node) {
  if (node.state === "silent") return node.last_seen_at ? `Not heard of since ${ago(node.last_seen_at)}.` : "Not heard of since the coordinator started.";
  if (node.state === "not_ready") return node.reason || "It takes no items now.";
  if (node.state === "draining") {
    if (node.desired !== "drain") return "Drained on the machine itself: undrain it there.";
    return node.items.length ? `Ends ${plural(node.items.length, "item")}, then takes none.` : "Drained: nothing runs on it.";
  }
  return node.desired === "drain" ? "Told to drain." : "";
}

function work() {
  const name = h("span", { class: "name" }), phase = h("span"), progress = bar("Progress");
  const element = h("li", {}, h("div", { class: "line" }, name, phase), progress.element);
  let shown;
  return {
    element,
    update(item) {
      const own = item.job_id !== null;
      if (shown !== item.item_id) {
        shown = item.item_id;
        name.replaceChildren(own ? h("a", { href: `#/jobs/${item.job_id}` }, `Row ${item.row} · ${item.job_title || item.job_id}`)
          : "Another tenant’s item");
      }
      setText(phase, `${words(item.phase)}${item.phase === "rendering" ? ` · ${fps(item.frames_per_second)}` : ""}`);
      progress.only(item.percent_complete, own ? `Progress of row ${item.row}` : undefined);
    },
  };
}

function device() {
  const element = h("li");
  return {
    element,
    update({ name, backend, sessions_in_use, sessions_max, quarantined }) {
      setText(element, `${name} · ${backend.toUpperCase()}` + (sessions_max ? ` · ${sessions_in_use} of ${sessions_max} sessions` : "") +
        (quarantined ? " · quarantined" : ""));
      element.classList.toggle("bad", quarantined);
    },
  };
}

function card(api, after) {
  const name = h("h2"), state = badge(), about = h("p", { class: "hint" }), trouble = h("p", { class: "trouble" });
  const slots = h("span", { class: "slots", "aria-hidden": "true" }), slotText = h("span"), speed = h("span", { class: "speed" });
  const devices = h("ul", { class: "devices", "aria-label": "Encoders" }), items = h("ul", { class: "work", "aria-label": "Items under way" });
  let current;
  const drain = h("button", { type: "button", onclick: single(async () => {
    const order = current.desired === "drain" ? "undrain" : "drain";
    try {
      const { desired } = await api.post(`/nodes/${encodeURIComponent(current.id)}/${order}`);
      current = { ...current, desired };
      say(desired === "drain" ? `${current.id} drains.` : `${current.id} takes items again.`);
      after();
    } catch (error) {
      notice(`${current.id} was not told: ${error.message}.`);
    }
  }) });
  const element = h("li", { class: "node panel" },
    h("div", { class: "head" }, h("div", { class: "titled" }, name, state.element), api.may("nodes:write") ? drain : null),
    trouble, h("p", { class: "load" }, slots, slotText, speed), devices, items, about);
  return {
    element,
    update(node) {
      current = node;
      setText(name, node.id);
      state.update(node.state === "draining" && node.items.length === 0 ? "drained" : node.state);
      setText(trouble, health(node));
      trouble.hidden = !trouble.textContent;
      keyed(slots, [...Array(node.slots).keys()], (i) => i, (i) => {
        const slot = h("i");
        return { element: slot, update: () => setAttribute(slot, "data-busy", i < current.slots_busy ? "" : null) };
      });
      setText(slotText, `${node.slots_busy} of ${plural(node.slots, "slot")} busy`);
      setText(speed, node.frames_per_second ? fps(node.frames_per_second) : "");
      keyed(devices, node.devices, ({ id }) => id, device);
      keyed(items, node.items.map((item, i) => ({ ...item, key: item.item_id ?? `other-${i}` })), ({ key }) => key, work);
      setText(about, [node.version && `Version ${node.version}`, node.last_seen_at && `seen ${ago(node.last_seen_at)}`].filter(Boolean).join(", "));
      setText(drain, node.desired === "drain" ? "Undrain" : "Drain");
      setAttribute(drain, "aria-label", `${node.desired === "drain" ? "Undrain" : "Drain"} ${node.id}`);
    },
  };
}

export function nodesView({ api, main, title, link }) {
  title("Nodes");
  link(`Updates every ${LOOK_MS / 1000} s`);
  const totals = h("p", { class: "totals" }), list = h("ul", { class: "nodes" }), empty = h("p", { class: "empty", hidden: true });
  const more = h("button", { type: "button", hidden: true, onclick: () => {
    ++pages;
    poller.now();
  } }, "Show more nodes");
  main.append(h("div", { class: "head" }, h("h1", { tabindex: -1 }, "Nodes"), totals), list, empty, more);
  let pages = 1;
  const poller = api.poll(async () => {
    const nodes = [];
    let token = "", sums;
    for (let i = 0; i < pages && token !== null; ++i) {
      const page = await api.get(`/nodes?page_size=${PAGE}&page_token=${encodeURIComponent(token)}`);
      nodes.push(...page.data);
      token = page.next_page_token;
      sums = page.totals;
    }
    keyed(list, nodes, ({ id }) => id, () => card(api, () => poller.now()));
    setText(totals, `${plural(sums.nodes, "node")}, ${count(sums.ready)} ready · ${count(sums.slots_busy)} of ${plural(sums.slots, "slot")} busy` +
      (sums.frames_per_second ? ` · ${fps(sums.frames_per_second)}` : ""));
    empty.hidden = nodes.length > 0;
    setText(empty, "No node has a session. Start rendernoded on a machine and point it here.");
    more.hidden = token === null;
    return LOOK_MS;
  }, (error) => {
    if (error.status === 403) {
      empty.hidden = false;
      setText(empty, `Nodes cannot be shown: ${error.message}.`);
    }
  });
  return poller.stop;
}
