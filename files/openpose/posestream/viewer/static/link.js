// The line to the server: a WebSocket that comes back by itself. The messages are described in wire.py.

const FIRST_RETRY = 500; // milliseconds; doubles up to the last
const LAST_RETRY = 8000;
const SILENCE = 5000; // the server speaks once a second: after this long without a word it is gone
const TRY_AGAIN_LATER = 1013;

// Takes a binary message apart: {header, annotated, raw}; a picture is a Blob, or null for none in it.
function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let place = 4 + length;
  const next = (size) => {
    if (!size) return null;
    place += size;
    return new Blob([new Uint8Array(buffer, place - size, size)]);
  };
  return { header, annotated: next(header.annotated), raw: next(header.raw) };
}

export class Link {
  // `on` has open(), lost({full, retryAt}), status(object) and
  // pictures({header, annotated, raw}, shown), where shown(number) tells the server.
  constructor(address, on) {
    this.address = address;
    this.on = on;
    this.retry = FIRST_RETRY;
    this.socket = null;
    this.connect();
    setInterval(() => this.watch(), 1000);
    addEventListener("online", () => this.connect());
    document.addEventListener("visibilitychange", () => document.hidden || this.connect());
  }

  connect() {
    if (this.socket) return;
    clearTimeout(this.timer);
    const socket = new WebSocket(this.address);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.heard = performance.now();
    const current = (act) => (event) => {
      if (this.socket === socket) act(event);
    };
    socket.onopen = current(() => this.on.open());
    socket.onclose = current((event) => this.lose(event.code));
    socket.onmessage = current(({ data }) => {
      this.heard = performance.now();
      this.retry = FIRST_RETRY;
      if (typeof data === "string") this.on.status(JSON.parse(data));
      else this.on.pictures(unpack(data), current((number) => this.send({ shown: number })));
    });
  }

  watch() {
    if (this.socket && performance.now() - this.heard > SILENCE) this.lose(0);
  }

  lose(code) {
    const socket = this.socket;
    this.socket = null; // from here on, what the old one still says is not heard
    socket.close();
    const wait = this.retry * (0.75 + Math.random() / 2); // not all browsers at once
    this.retry = Math.min(2 * this.retry, LAST_RETRY);
    this.timer = setTimeout(() => this.connect(), wait);
    this.on.lost({ full: code === TRY_AGAIN_LATER, retryAt: performance.now() + wait });
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }
}
