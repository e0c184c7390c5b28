// Elements, lists that keep theirs, and how numbers and times are written.

// h("a", {href: "#", onclick: f, class: "x", hidden: true}, "text", element, …)
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

// What did not change is left alone: neither selections nor screen readers notice.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
  if (value == null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

// Makes `parent` hold one element for each of `items`, in order; those that stay keep theirs.
// make(item) gives {element, update(item)}.
export function keyed(parent, items, keyOf, make) {
  const old = parent.keyedParts ?? new Map();
  const parts = new Map();
  const wanted = new Set(items.map(keyOf));
  for (const [key, part] of old) if (!wanted.has(key)) part.element.remove();
  let at = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const part = old.get(key) ?? make(item);
    part.update(item);
    parts.set(key, part);
    if (part.element === at) at = at.nextElementSibling;
    else parent.insertBefore(part.element, at);
  }
  parent.keyedParts = parts;
}

export function duration(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
export function ago(time) {
  const s = (Date.parse(time) - Date.now()) / 1000;
  for (const [unit, length] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(s) >= length) return relative.format(Math.round(s / length), unit);
  }
  return s > -5 ? "just now" : relative.format(Math.round(s), "second");
}

const moment = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
export const date = (time) => moment.format(new Date(time));

export const count = (n) => n.toLocaleString("en");
export const plural = (n, one, many = one + "s") => `${count(n)} ${n === 1 ? one : many}`;

export function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let i = 0;
  for (; n >= 1024 && i < units.length - 1; ++i) n /= 1024;
  return `${i === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[i]}`;
}

// "asset_download_failed" → "Asset download failed"
export function words(code) {
  const text = code.replaceAll("_", " ");
  return text[0].toUpperCase() + text.slice(1);
}

// A state as text with a mark of its own: never by color alone.
export function badge() {
  const element = h("span", { class: "badge" });
  return {
    element,
    update(state) {
      setAttribute(element, "data-state", state);
      setText(element, words(state));
    },
  };
}

// The shares that are done, failed, canceled and under way, in percent.
export function bar(label) {
  const parts = ["done", "failed", "canceled", "partly"].map((name) => h("span", { class: name }));
  const element = h("div", { class: "bar", role: "progressbar", "aria-label": label }, ...parts);
  return {
    element,
    update(shares, text, label) {
      shares.forEach((share, i) => (parts[i].style.width = `${share}%`));
      setAttribute(element, "aria-valuenow", Math.round(shares.reduce((sum, share) => sum + share)));
      setAttribute(element, "aria-valuetext", text);
      if (label) setAttribute(element, "aria-label", label);
    },
    only(percent, label) {
      this.update([0, 0, 0, percent], `${percent}%`, label);
    },
  };
}

export function fact(name) {
  const value = h("dd");
  const element = h("div", {}, h("dt", {}, name), value);
  return {
    element,
    update(text) {
      element.hidden = text == null;
      setText(value, text ?? "");
    },
  };
}

// For buttons: one click at a time. To disable them would take the focus from whoever uses a keyboard.
export function single(work) {
  let busy = false;
  return async () => {
    if (busy) return;
    busy = true;
    try {
      await work();
    } finally {
      busy = false;
    }
  };
}

// Said by screen readers, once.
export function say(text) {
  document.getElementById("said").textContent = text;
}

let noticeTimer;
export function notice(text) {
  const element = document.getElementById("notice");
  element.replaceChildren(text, h("button", { type: "button", class: "quiet", "aria-label": "Dismiss",
                                              onclick: () => element.replaceChildren() }, "✕"));
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => element.replaceChildren(), 12000);
}

// Whether the user goes on.
export function confirm(question, detail, yes, no) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { class: "ask", "aria-labelledby": "ask-title" },
      h("form", { method: "dialog" },
        h("h2", { id: "ask-title" }, question), h("p", {}, detail),
        h("div", { class: "actions" },
          h("button", { value: "no", autofocus: true }, no), h("button", { value: "yes", class: "danger" }, yes))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
