// Small plots: a line over the last minutes, drawn at the device's own pixels.

const SECONDS = 300;
const FIGURES = ["in", "out", "age", "people", "lag"];

// The last minutes of every camera, a sample a second: the server's, continued by what the status says.
export class History {
  constructor() {
    this.cameras = new Map(); // name: {time: [], in: [], …}, time in seconds of performance.now()
  }

  async load() {
    const answer = await fetch("api/history");
    if (!answer.ok) return;
    const { now, cameras } = await answer.json();
    const ours = performance.now() / 1000 - now;
    this.cameras = new Map(Object.entries(cameras).map(([name, kept]) => [name, { ...kept, time: kept.time.map((time) => time + ours) }]));
  }

  add({ cameras }) {
    const now = performance.now() / 1000;
    for (const { name, raw, annotated, people, lag } of cameras) {
      if (!this.cameras.has(name)) this.cameras.set(name, Object.fromEntries(["time", ...FIGURES].map((figure) => [figure, []])));
      const kept = this.cameras.get(name);
      const sample = { time: now, in: raw?.fps ?? 0, out: annotated?.fps ?? 0, age: (annotated ?? raw)?.age ?? null, people, lag };
      for (const [figure, value] of Object.entries(sample)) kept[figure].push(value);
    }
    for (const [name, kept] of this.cameras) {
      const old = kept.time.findIndex((time) => time > now - SECONDS);
      if (old < 0) this.cameras.delete(name);
      else if (old) for (const values of Object.values(kept)) values.splice(0, old);
    }
  }

  // The points of one figure of one camera: [[seconds from 0 (oldest) to SECONDS (now), value], …]
  points(name, figure) {
    const kept = this.cameras.get(name);
    const start = performance.now() / 1000 - SECONDS;
    return kept ? kept.time.map((time, place) => [time - start, kept[figure]?.[place] ?? null]) : [];
  }
}

// Makes a canvas as sharp as the device, and returns its context and size in CSS pixels; null if it is not shown.
export function prepare(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width || !height) return null;
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return { context, width, height };
}

// Runs a path through points; it is broken where a value is missing. `x`, `y` bring them onto the canvas.
export function trace(context, points, x, y) {
  context.beginPath();
  let first = null;
  let last = null;
  for (const [at, value] of points) {
    if (value === null) first = null;
    else {
      context[first === null ? "moveTo" : "lineTo"](x(at), y(value));
      first ??= x(at);
      last = x(at);
    }
  }
  return { first, last };
}

export function spark(canvas, points, least = 1) {
  const place = prepare(canvas);
  if (!place) return;
  const { context, width, height } = place;
  const most = points.reduce((top, [, value]) => Math.max(top, value ?? 0), least);
  const x = (at) => (at / SECONDS) * (width - 3);
  const y = (value) => height - 2 - (Math.max(0, value) / most) * (height - 5);
  const colour = getComputedStyle(canvas).color;
  context.lineWidth = 1.5;
  context.lineJoin = "round";
  context.strokeStyle = colour;
  const { first, last } = trace(context, points, x, y);
  context.stroke();
  if (first === null) return;
  context.lineTo(last, height);
  context.lineTo(first, height);
  context.globalAlpha = 0.14;
  context.fillStyle = colour;
  context.fill();
  context.globalAlpha = 1;
  context.beginPath();
  context.arc(last, y(points.at(-1)[1] ?? 0), 2, 0, 7);
  context.fill();
}
