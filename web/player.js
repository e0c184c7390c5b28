// An item in full: its video with captions, what it took, what went wrong, its files.
import { badge, bytes, fact, h, notice, setText, words } from "./dom.js";

// SubRip is WebVTT with other commas, but for what neither has in our files.
export function toWebVtt(text) {
  if (text.startsWith("WEBVTT")) return text;
  return "WEBVTT\n\n" + text.replaceAll(/(\d\d:\d\d:\d\d),(\d\d\d)/g, "$1.$2");
}

const find = (item, type, format) => item.artifacts.find((artifact) =>
  artifact.type === type && (!format || artifact.format === format));

// Read by us, so that it works from another origin as well (where that allows it) and for SubRip.
async function captionsUrl(api, item) {
  const artifact = find(item, "captions", "vtt") ?? find(item, "captions");
  if (!artifact) return null;
  const response = await fetch(api.local(artifact.url));
  if (!response.ok) throw new Error(`the store answered ${response.status}`);
  return URL.createObjectURL(new Blob([toWebVtt(await response.text())], { type: "text/vtt" }));
}

function video(api, item) {
  const artifact = find(item, "video");
  if (!artifact) return null;
  const poster = find(item, "poster");
  const player = h("video", { controls: true, playsinline: true, preload: "metadata", src: api.local(artifact.url),
                              poster: poster && api.local(poster.url), "aria-label": `Video of row ${item.row}` });
  const trouble = h("p", { class: "error", role: "alert" });
  player.addEventListener("error", () => setText(trouble, "The video cannot be played here. Download it below."));
  captionsUrl(api, item).then((url) => {
    if (!url) return;
    // Off until asked for: most templates paint them into the picture as well.
    player.append(h("track", { kind: "captions", label: "Captions", src: url }));
    player.dataset.captions = url;
  }, () => setText(trouble, "The captions cannot be shown here. Download them below."));
  return h("div", { class: "screen" }, player, trouble);
}

function facts(item) {
  const all = [["Length", item.usage && `${item.usage.media_s} s`],
               ["Rendered in", item.usage && `${item.usage.render_s} s`],
               ["Speed", item.usage && `${item.usage.x_realtime}× real time`],
               ["Encoder", item.usage?.encoder || null],
               ["Id", item.id]];
  return h("dl", { class: "facts" }, ...all.filter(([, text]) => text).map(([name, text]) => {
    const part = fact(name);
    part.update(text);
    return part.element;
  }));
}

function files(api, item) {
  if (item.artifacts.length === 0) return null;
  return h("section", {}, h("h3", {}, "Files"), h("ul", { class: "files" }, ...item.artifacts.map((artifact) =>
    h("li", {}, h("a", { href: api.local(artifact.url), download: "", target: "_blank" },
      `${words(artifact.type)} (${artifact.format.toUpperCase()}, ${bytes(artifact.bytes)})`)))));
}

function list(name, kind, entries) {
  if (entries.length === 0) return null;
  return h("section", {}, h("h3", {}, name), h("ol", { class: "troubles" }, ...entries.map(([title, text]) =>
    h("li", { class: kind }, title && h("strong", {}, title), title && h("br"), text))));
}

// `all` gives the items that one can go on to.
export function openPlayer(api, item, all) {
  const title = h("h2", { id: "player-title" }), state = badge(), body = h("div", { class: "body" });
  const close = () => dialog.close();
  const dialog = h("dialog", { class: "player", "aria-labelledby": "player-title" },
    h("header", {}, title, state.element,
      h("span", { class: "actions" },
        h("button", { type: "button", onclick: () => step(-1) }, "Previous"),
        h("button", { type: "button", onclick: () => step(1) }, "Next"),
        h("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: close }, "✕"))),
    body);
  const [previous, next] = dialog.querySelectorAll("header button");

  function stop() {
    const player = body.querySelector("video");
    if (player?.dataset.captions) URL.revokeObjectURL(player.dataset.captions);
    player?.pause();
  }
  function step(by) {
    const items = all();
    const at = items.findIndex((candidate) => candidate.id === item.id);
    show(items[at + by] ?? item);
  }
  function show(shown) {
    stop();
    item = shown;
    const items = all();
    const at = items.findIndex((candidate) => candidate.id === item.id);
    if (at <= 0) next.focus();
    if (at === items.length - 1) previous.focus();
    previous.disabled = at <= 0;
    next.disabled = at < 0 || at === items.length - 1;
    setText(title, `Row ${item.row}`);
    state.update(item.state);
    body.replaceChildren(...[
      video(api, item),
      list("What went wrong", "error", item.errors.map((error, i, { length }) =>
        [words(error.error_code) + (length > 1 ? `, attempt ${i + 1}` : ""), error.error_message])),
      list("Warnings", "warning", item.warnings.map((text) => [null, text])),
      item.artifacts.length || item.errors.length ? null : h("p", { class: "empty" }, "Nothing to show yet."),
      facts(item), files(api, item)].filter(Boolean));
  }
  dialog.addEventListener("close", () => {
    stop();
    dialog.remove();
  });
  // A click beside it.
  dialog.addEventListener("click", (event) => event.target === dialog && close());
  document.body.append(dialog);
  show(item);
  dialog.showModal();
}
