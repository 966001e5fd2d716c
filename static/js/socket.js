// One WebSocket that is there when it is needed: it comes back by itself, and notices when the line is dead but not closed.

const PING_EVERY = 20_000;
const PONG_WITHIN = 8_000;
const FIRST_WAIT = 500;
const LONGEST_WAIT = 20_000;

// Codes with which the server says that trying again is pointless.
const FINAL_CODES = new Set([4401, 4403, 4404]);

export function backoff(attempt, random = Math.random) {
  const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt);
  return wait * (0.75 + random() / 2);
}

export class Connection {
  /** Callbacks: onOpen(), onFrame(frame), onState("open" | "lost"), onState("refused", the server's last word or null). */
  constructor({ url, onOpen, onFrame, onState, Socket = WebSocket, random = Math.random }) {
    Object.assign(this, { url, onOpen, onFrame, onState, Socket, random });
    this.socket = null;
    this.attempt = 0;
    this.refused = false;
    this.lastWord = null; // an error frame that spoke of no answer, and after which nothing came
    this.timers = { retry: 0, ping: 0, pong: 0 };
  }

  get isOpen() {
    return this.socket?.readyState === 1;
  }

  open() {
    if (this.socket || this.refused) return;
    clearTimeout(this.timers.retry);
    const socket = new this.Socket(this.url, "vena.v1");
    this.socket = socket;
    // Events of a socket we have given up on must not reach the one that took its place.
    const current = (handle) => (event) => this.socket === socket && handle(event);
    socket.addEventListener("open", current(() => this.opened()));
    socket.addEventListener("message", current((event) => this.heard(event.data)));
    socket.addEventListener("close", current((event) => this.lost(event.code)));
  }

  send(frame) {
    if (!this.isOpen) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  /** The network or the tab is back: try at once, or test the line that seems to be there. */
  wake() {
    if (this.isOpen) return this.ping();
    this.attempt = 0;
    if (!this.socket) this.open();
  }

  opened() {
    this.attempt = 0;
    this.onState("open");
    this.timers.ping = setInterval(() => this.ping(), PING_EVERY);
    this.onOpen();
  }

  heard(data) {
    this.awaitNothing();
    const frame = JSON.parse(data);
    this.lastWord = frame.type === "error" && !frame.answer ? frame : null;
    if (frame.type !== "pong") this.onFrame(frame);
  }

  ping() {
    if (!this.send({ type: "ping" }) || this.timers.pong) return;
    this.timers.pong = setTimeout(() => this.dead(), PONG_WITHIN);
  }

  // Any frame proves that the line is alive, so a busy answer never trips the timer.
  awaitNothing() {
    clearTimeout(this.timers.pong);
    this.timers.pong = 0;
  }

  dead() {
    const socket = this.socket;
    this.lost(4000);
    socket?.close();
  }

  lost(code) {
    this.socket = null;
    clearInterval(this.timers.ping);
    this.awaitNothing();
    if (FINAL_CODES.has(code)) {
      this.refused = true;
      return this.onState("refused", this.lastWord);
    }
    this.onState("lost");
    this.timers.retry = setTimeout(() => this.open(), backoff(this.attempt, this.random));
    this.attempt += 1;
  }
}

/** Wakes the connection whenever the browser gives a reason to hope. */
export function wakeOnReturn(connection) {
  addEventListener("online", () => connection.wake());
  addEventListener("pageshow", (event) => event.persisted && connection.wake());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") connection.wake();
  });
}
