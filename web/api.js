// The coordinator's API: calls, whether it answers, polling with back-off, a job's WebSocket.

const BASE = "/api/v1";
const CALL_TIMEOUT_MS = 15000;
const BACKOFF_MIN_MS = 1000;
const BACKOFF_MAX_MS = 30000;
// A coordinator without WebSockets is asked again this often.
const FEED_RETRY_MAX_MS = 60000;

export class ApiError extends Error {
  constructor(status, body, retryAfterMs) {
    super(body?.error_message ?? `the coordinator answered ${status}`);
    this.status = status;
    this.code = body?.error_code ?? "";
    this.retryAfterMs = retryAfterMs;
  }
  // Nobody there, or nobody who can answer now.
  get away() {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

const jittered = (ms) => ms * (0.8 + 0.4 * Math.random());

export class Api extends EventTarget {
  // The key is held here and sent in a header: it never is part of a URL.
  #key;
  #pollers = new Set();
  #awaySince = null;
  #me = { scopes: [], public_url: "" };

  constructor(key) {
    super();
    this.#key = key;
  }

  // Throws an ApiError. Events: "contact" after each change of `awaySince`, "denied" for a key that
  // is refused.
  async call(method, path, { raw = false } = {}) {
    let response;
    try {
      response = await fetch(BASE + path, {
        method, headers: { Authorization: `Bearer ${this.#key}` }, cache: "no-store",
        signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      });
    } catch {
      this.#contact(false);
      throw new ApiError(0, { error_message: "the coordinator does not answer" });
    }
    if (response.ok) {
      this.#contact(true);
      return raw ? response.blob() : response.json();
    }
    const body = await response.json().catch(() => null);
    const retryAfter = Number(response.headers.get("Retry-After")) * 1000;
    const error = new ApiError(response.status, body, retryAfter || 0);
    this.#contact(!error.away);
    if (error.status === 401) this.dispatchEvent(new Event("denied"));
    throw error;
  }
  get(path) { return this.call("GET", path); }
  post(path) { return this.call("POST", path); }

  async signIn() {
    this.#me = { ...this.#me, ...(await this.get("/whoami")) };
  }
  get tenant() { return this.#me.tenant; }
  may(scope) { return this.#me.scopes.includes(scope); }

  // The coordinator's own files come from where the page did.
  local(url) {
    const base = this.#me.public_url;
    return base && url.startsWith(base + "/") ? url.slice(base.length) : url;
  }

  get awaySince() { return this.#awaySince; }
  #contact(there) {
    const away = this.#awaySince !== null;
    if (there !== away) return;
    this.#awaySince = there ? null : Date.now();
    if (there) this.retryNow();
    this.dispatchEvent(new Event("contact"));
  }

  // When the first poller tries again; Infinity without any.
  get nextTry() {
    return Math.min(...[...this.#pollers].map((poller) => poller.due));
  }
  retryNow() {
    for (const poller of this.#pollers) poller.now();
  }

  // Calls `work` again and again: after it ended well, as long after as it returned (ms); after an
  // error, with back-off. Rests while the page is hidden. An error is given to `failed` once.
  poll(work, failed = () => {}) {
    let timer, running = false, again = false, stopped = false, errors = 0;
    const poller = {
      due: 0,
      now() {
        if (running) again = true;
        else if (!stopped) run();
      },
      stop: () => {
        stopped = true;
        clearTimeout(timer);
        this.#pollers.delete(poller);
        document.removeEventListener("visibilitychange", poller.now);
      },
    };
    const run = async () => {
      clearTimeout(timer);
      if (document.hidden) return;  // The event brings us back.
      running = true;
      again = false;
      let wait;
      try {
        wait = await work();
        errors = 0;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        wait = Math.max(error.retryAfterMs, jittered(Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** errors++)));
        if (!stopped) failed(error);
      } finally {
        running = false;
      }
      if (stopped) return;
      if (again) wait = Math.min(wait, 100);
      poller.due = Date.now() + wait;
      timer = setTimeout(run, wait);
    };
    this.#pollers.add(poller);
    document.addEventListener("visibilitychange", poller.now);
    run();
    return poller;
  }

  // Tells of the job as it happens: onMessage(type, data); onLive(true or false). The key travels as
  // a subprotocol, which browsers can send and URLs do not show; one that is no token cannot.
  follow(jobId, onMessage, onLive) {
    let socket, timer, failures = 0, stopped = false;
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(this.#key)) return () => {};
    const open = () => {
      const url = new URL(`${BASE}/ws/bulk-jobs`, location.href);
      url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
      url.searchParams.set("job_id", jobId);
      socket = new WebSocket(url, ["bulk-jobs.v1", `bearer.${this.#key}`]);
      socket.onopen = () => {
        failures = 0;
        onLive(true);
      };
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        onMessage(message.type, message.data ?? {});
      };
      socket.onclose = () => {
        if (stopped) return;
        onLive(false);
        timer = setTimeout(open, jittered(Math.min(FEED_RETRY_MAX_MS, 2000 * 2 ** failures++)));
      };
    };
    open();
    return () => {
      stopped = true;
      clearTimeout(timer);
      socket.close();
    };
  }
}
