// The line to the server: a WebSocket that comes back by itself. The messages are described in wire.py.

const FIRST_RETRY = 500; // milliseconds; doubles up to the last
const LAST_RETRY = 8000;
const SILENCE = 5000; // the server speaks once a second: after this long without a word it is gone
const WHY = { 1013: "full", 4401: "login" }; // close codes; any other is a line that broke

// Takes a binary message apart: its header with a picture (bytes, null for none) in place of each size, and
// 0 where the picture is the one before.
function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let place = 4 + length;
  for (const layer of ["annotated", "raw"]) {
    const size = header[layer];
    if (size) header[layer] = new Uint8Array(buffer, place, size);
    place += size || 0;
  }
  return header;
}

export class Link {
  // `on` has open(), lost({why, retryAt}), status(object) and frame(header). `why` is "full", "login" or "away".
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
    socket.onclose = current((event) => this.lose(WHY[event.code] ?? "away"));
    socket.onmessage = current(({ data }) => {
      this.heard = performance.now();
      this.retry = FIRST_RETRY;
      if (typeof data === "string") this.on.status(JSON.parse(data));
      else this.on.frame(unpack(data));
    });
  }

  watch() {
    if (this.socket && performance.now() - this.heard > SILENCE) this.lose("away");
  }

  lose(why) {
    const socket = this.socket;
    this.socket = null; // from here on, what the old one still says is not heard
    socket.close();
    const wait = this.retry * (0.75 + Math.random() / 2); // not all browsers at once
    this.retry = Math.min(2 * this.retry, LAST_RETRY);
    this.timer = setTimeout(() => this.connect(), wait);
    this.on.lost({ why, retryAt: performance.now() + wait });
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }
}
