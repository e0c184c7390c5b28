// START HERE: signing in, the frame around the views, and which of them is shown.
import { Api } from "./api.js";
import { duration, h, say, setAttribute, setText } from "./dom.js";
import { jobView } from "./job.js";
import { jobsView } from "./jobs.js";
import { nodesView } from "./nodes.js";

const KEY = "rendernode.key";  // In sessionStorage: gone with the tab.
const SCHEME = "rendernode.scheme";
const NOT_NOW = "Not signed in";

const $ = (id) => document.getElementById(id);
const main = $("main");
let api = null;
let leave = () => {};

// A view is given {api, main, title(text), link(text)} and gives what ends it.
const ROUTES = [
  [/^#\/jobs\/(\w+)$/, jobView, "#/jobs"],
  [/^#\/jobs$/, jobsView, "#/jobs"],
  [/^#\/nodes$/, nodesView, "#/nodes"],
];

function title(text) {
  document.title = text ? `${text} · rendernode` : "rendernode";
}

// How news come in.
function link(text, live) {
  $("link").hidden = !text;
  setText($("link"), text ?? "");
  setAttribute($("link"), "data-live", live ? "" : null);
}

function show() {
  if (!api) return;
  const route = ROUTES.map(([pattern, view, tab]) => ({ view, tab, match: pattern.exec(location.hash) }))
    .find((candidate) => candidate.match);
  if (!route) return location.replace("#/jobs");
  leave();
  main.replaceChildren();
  link(null);
  for (const tab of $("nav").children) {
    setAttribute(tab, "aria-current", tab.getAttribute("href") === route.tab ? "page" : null);
  }
  let shown = true;  // What a view that was left still hears must not change the frame.
  const end = route.view({ api, main, title: (text) => shown && title(text), link: (...state) => shown && link(...state) },
                         ...route.match.slice(1));
  leave = () => {
    shown = false;
    end();
  };
  // From the keyboard and by ear a new view begins at its heading.
  if (show.before) {
    main.querySelector("h1")?.focus();
    scrollTo(0, 0);
  }
  show.before = true;
}

let awayTimer;
function showAway() {
  clearInterval(awayTimer);
  const away = $("away");
  document.body.classList.toggle("is-away", api?.awaySince != null);
  if (api?.awaySince == null) {
    if (away.firstChild) say("The coordinator answers again.");
    return away.replaceChildren();
  }
  const since = h("span", { "aria-hidden": "true" });
  const tick = () => {
    const next = (api.nextTry - Date.now()) / 1000;
    setText(since, `For ${duration(Date.now() - api.awaySince)}. ${next > 1 && next < 1e6 ? `Trying again in ${Math.ceil(next)} s.` : "Trying again …"}`);
  };
  away.replaceChildren(h("p", {}, h("strong", {}, "The coordinator does not answer."), " What you see is as it was last. ", since),
    h("button", { type: "button", onclick: () => api.retryNow() }, "Try now"));
  tick();
  awayTimer = setInterval(tick, 1000);
}

function signInView(message) {
  title("Sign in");
  const error = h("p", { id: "key-error", class: "error", role: "alert" }, message ?? "");
  const key = h("input", { id: "key", type: "password", autocomplete: "current-password", spellcheck: "false",
                           required: true, "aria-describedby": "key-error key-hint" });
  const button = h("button", { class: "primary" }, "Sign in");
  const form = h("form", { class: "sign-in", method: "post", onsubmit: async (event) => {
    event.preventDefault();
    const value = key.value.trim();
    if (!/^[\x21-\x7e]+$/.test(value)) {
      setText(error, "This is no API key: keys are of ASCII letters, digits and signs, without blanks.");
      return key.focus();
    }
    button.disabled = true;
    const refused = await enter(value);
    button.disabled = false;
    if (refused) {
      setText(error, refused);
      key.select();
    } else {
      main.querySelector("h1")?.focus();
    }
  } },
    h("h1", { tabindex: -1 }, "Sign in"),
    h("label", { for: "key" }, "API key"), key, error,
    h("p", { id: "key-hint", class: "hint" }, "It stays in this tab and is forgotten when you close it. ",
      "The Nodes view needs the scope nodes:read, draining nodes:write."),
    button);
  main.replaceChildren(form);
  key.focus();
}

// Why not, if not.
async function enter(key) {
  const candidate = new Api(key);
  try {
    await candidate.signIn();
  } catch (error) {
    return error.status === 401 ? "The coordinator does not know this key." : `${NOT_NOW}: ${error.message}.`;
  }
  sessionStorage.setItem(KEY, key);
  api = candidate;
  api.addEventListener("contact", showAway);
  api.addEventListener("denied", () => signOut("The coordinator does not know the key any more."));
  $("nav").hidden = $("sign-out").hidden = false;
  $("sign-out").title = `Signed in for ${api.tenant}`;
  $("nav").lastElementChild.hidden = !api.may("nodes:read");
  show();
}

function signOut(message) {
  sessionStorage.removeItem(KEY);
  leave();
  leave = () => {};
  api = null;
  showAway();
  link(null);
  $("nav").hidden = $("sign-out").hidden = true;
  signInView(message);
}

$("scheme").value = localStorage.getItem(SCHEME) ?? "";
$("scheme").addEventListener("change", ({ target }) => {
  if (target.value) localStorage.setItem(SCHEME, target.value);
  else localStorage.removeItem(SCHEME);
  setAttribute(document.documentElement, "data-scheme", target.value || null);
});
$("sign-out").addEventListener("click", () => signOut());
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();  // The hash is the route.
  main.focus();
});
addEventListener("hashchange", show);

const key = sessionStorage.getItem(KEY);
let refused = "";
while (key && (refused = await enter(key))?.startsWith(NOT_NOW)) {
  main.replaceChildren(h("p", { class: "empty", role: "status" }, `${refused} Trying again …`));
  await new Promise((resolve) => setTimeout(resolve, 3000));
}
if (refused != null) signInView(refused);
