// Puts on the page what the server sends.

import { Link } from "./link.js";

const SILENT_AFTER = 5; // seconds without a new frame until the page says so
const OLD_AFTER = 2; // seconds of age from which the figure is shown as a warning
const PEOPLE_KEPT = 2000; // milliseconds for which a number of people stands in for one not known yet
const FIGURES_EVERY = 500; // milliseconds between two changes of a figure: faster cannot be read

const $ = (id) => document.getElementById(id);

const state = {
  lost: null, // {full, retryAt} while there is no connection
  status: null, // the newest status, and when it came
  statusAt: 0,
  camera: null, // the camera on the screen
  age: null, // of the frame on the screen when its message came, seconds
  ageAt: 0,
  people: null, // the newest number known, and when it came
  peopleAt: 0,
  matched: false,
};

// ---- pictures

class Pane {
  constructor(id) {
    this.figure = $(id);
    this.canvas = this.figure.querySelector("canvas");
    this.note = this.figure.querySelector(".note");
    this.size = "";
  }

  draw(bitmap) {
    const { canvas } = this;
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
    }
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    this.size = `${canvas.width} × ${canvas.height}`;
  }

  clear() {
    this.canvas.width = 4; // any resizing empties it; the shape of most cameras keeps the place
    this.canvas.height = 3;
    this.size = "";
  }
}

const panes = { annotated: new Pane("annotated"), raw: new Pane("raw") };

const decode = (blob) => (blob ? createImageBitmap(blob).catch(() => null) : null);
const repaint = () => new Promise((done) => requestAnimationFrame(done));

let painting = Promise.resolve(); // messages are shown one after the other

function pictures(message, shown) {
  const came = performance.now();
  painting = painting.then(() => show(message, came)).then(shown).catch((error) => console.error(error));
}

async function show({ header, annotated, raw }, came) {
  const [first, second] = await Promise.all([decode(annotated), decode(raw)]);
  await repaint(); // a page in the background is not painted: it does not ask for more pictures
  for (const [pane, bitmap, size] of [
    [panes.annotated, first, header.annotated],
    [panes.raw, second, header.raw],
  ]) {
    if (bitmap) pane.draw(bitmap);
    else if (size === null) pane.clear();
  }
  // The number comes a moment after its picture: until then the one before it stays.
  const outdated = header.annotated && came - state.peopleAt > PEOPLE_KEPT;
  if (header.people !== null || header.camera !== state.camera || outdated) {
    state.people = header.people;
    state.peopleAt = came;
  }
  state.camera = header.camera;
  state.matched = header.matched;
  state.age = header.age;
  state.ageAt = came;
  return header.number;
}

// ---- figures and words

const rate = (stream) => (stream ? stream.fps.toFixed(1) : "–");

function ageText(seconds) {
  if (seconds === null) return "–";
  if (seconds < -1) return "in the future"; // the camera's clock is ahead of the server's
  if (seconds < 0.995) return `${Math.max(0, Math.round(seconds * 100) * 10)} ms`;
  return seconds < 99.95 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds / 60)} min`;
}

// What is wrong, the worst first: [level, words, more]; `more` changes every second, and is not
// read out to those who listen.
function trouble(camera) {
  const now = performance.now();
  const { lost, status } = state;
  if (lost) {
    const seconds = Math.ceil((lost.retryAt - now) / 1000);
    const more = seconds > 1 ? `in ${seconds} s` : "";
    return lost.full
      ? ["lost", "too many viewers at the moment, retrying…", more]
      : ["lost", "connection lost, retrying…", more];
  }
  if (!status) return ["waiting", "connecting…", ""];
  if (status.broker === "away") return ["waiting", "broker away, retrying…", ""];
  const since = (now - state.statusAt) / 1000;
  if (!camera && state.camera) return ["waiting", `no new frames from ${state.camera}`, ""];
  if (!camera) return ["waiting", "waiting for the first frame from the camera…", ""];
  const silence = (stream) => (stream ? stream.silent + since : Infinity);
  const shortest = Math.min(silence(camera.raw), silence(camera.annotated));
  if (shortest > SILENT_AFTER) {
    return ["waiting", "no new frames", shortest < Infinity ? `for ${Math.floor(shortest)} s` : ""];
  }
  if (!camera.annotated) return ["waiting", "waiting for the first annotated frame…", ""];
  if (silence(camera.annotated) > SILENT_AFTER) {
    return ["waiting", "no new annotated frames", `for ${Math.floor(silence(camera.annotated))} s`];
  }
  return ["none", "", ""];
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function words() {
  const camera = state.status?.cameras.find(({ name }) => name === state.status.camera) ?? null;
  const age = state.age === null ? null : state.age + (performance.now() - state.ageAt) / 1000;
  const [level, text, more] = trouble(camera);
  const live = level === "none";

  setText($("people"), state.people === null ? "–" : String(state.people));
  setText($("age"), ageText(age));
  $("age").dataset.level = age > OLD_AFTER || age < -1 ? "warn" : "";
  setText($("raw-rate"), state.lost ? "–" : rate(camera?.raw));
  setText($("annotated-rate"), state.lost ? "–" : rate(camera?.annotated));

  $("banner").dataset.level = level;
  setText($("banner-text"), text);
  setText($("banner-more"), more);
  $("link").dataset.state = live ? "live" : level;
  setText($("link"), live ? "live" : level === "lost" ? "offline" : "waiting");

  const rawFlows = camera?.raw && camera.raw.silent < SILENT_AFTER;
  panes.annotated.figure.classList.toggle("stale", !live);
  panes.raw.figure.classList.toggle("stale", !live && (level === "lost" || !rawFlows));
  for (const pane of Object.values(panes)) pane.figure.classList.toggle("empty", !pane.size);
  setText(panes.annotated.note, panes.annotated.size);
  const moment = state.matched ? "the same moment" : "newest";
  setText(panes.raw.note, panes.raw.size ? `${moment} · ${panes.raw.size}` : "");
}

// ---- cameras

const wish = () => decodeURIComponent(location.hash.slice(1)) || null;

function chooser({ cameras, camera }) {
  const select = $("cameras");
  const names = cameras.map(({ name }) => name);
  const several = names.length > 1;
  select.hidden = !several;
  $("camera").hidden = several;
  setText($("camera"), camera ?? state.camera ?? "–");
  if (names.join("\n") !== [...select.options].map(({ value }) => value).join("\n")) {
    select.replaceChildren(...names.map((name) => new Option(name, name)));
  }
  if (several && select.value !== camera) select.value = camera;
}

$("cameras").addEventListener("change", ({ target }) => {
  history.replaceState(null, "", `#${encodeURIComponent(target.value)}`);
  link.send({ camera: target.value });
});

addEventListener("hashchange", () => link.send({ camera: wish() }));

// ---- all together

const link = new Link(new URL("live", location.href.replace(/^http/, "ws").replace(/#.*/, "")), {
  open() {
    link.send({ camera: wish() });
  },
  lost(how) {
    state.lost = how;
    words();
  },
  status(status) {
    state.lost = null;
    state.status = status;
    state.statusAt = performance.now();
    chooser(status);
    words();
  },
  pictures,
});

setInterval(words, FIGURES_EVERY);
words();
