// Ties the page together: what the server sends, what the person wishes, what is on the screen.

import * as address from "./address.js";
import * as cards from "./cards.js";
import { minutes, Panels } from "./figures.js";
import { explain, listen } from "./keys.js";
import { Link } from "./link.js";
import { layersOf } from "./pane.js";
import { Player } from "./player.js";
import { History } from "./plots.js";
import { Saving } from "./saving.js";
import { Shown } from "./shown.js";
import * as skeletons from "./skeletons.js";
import { Stage } from "./stage.js";
import * as theme from "./theme.js";
import { ofCamera, overall, steady } from "./trouble.js";
import { count, say, setText, speak, time } from "./words.js";

const WORDS_EVERY = 500; // milliseconds between two changes of a figure: faster cannot be read
const REMEMBERED = 600000; // milliseconds for which the wall keeps the place of a camera that is gone

const $ = (id) => document.getElementById(id);

let settings = address.read();
let lost = null; // {why, retryAt} while there is no connection
let status = null; // the newest status, and when it came
let statusAt = 0;
let watching = ""; // what the server was last asked for
const known = new Map(); // cameras seen lately, and when
const player = new Player();
const history = new History();
const panels = new Panels((span) => change({ minutes: span }));
const stage = new Stage($("stage"), open, (frame) => {
  shown.painted(frame);
  tell();
});
const shown = new Shown((number) => link.send({ shown: number }));
const saving = new Saving(
  {
    panes: () => stage.panes,
    name: () => (view() === "wall" ? "" : (camera() ?? "")),
    moment: () => player.moment,
    seek(moment) {
      seek(() => (moment === null ? player.live() : player.seek(moment, onScreen())));
      return player.moment;
    },
    show(moment) {
      player.moment = moment;
      show();
      position();
    },
  },
  $("told"),
  $("record"),
);

// ---- what is shown

const names = () => [...known.keys()].sort();
const present = () => status?.cameras.map(({ name }) => name) ?? [];
const entryOf = (camera) => status?.cameras.find(({ name }) => name === camera);

// The camera that is looked at: the one asked for, else the one before, else the first.
let looked = null;
function camera() {
  const there = present();
  looked = settings.camera || (there.includes(looked) || !there.length ? looked : null) || there[0] || null;
  return looked;
}

const view = () => settings.view || (names().length > 1 && !settings.camera ? "wall" : "side");
const onScreen = () => (view() === "wall" ? names() : view() === "figures" ? [] : [camera()].filter(Boolean));

function change(wishes, entry = false) {
  settings = { ...settings, ...wishes };
  address.write(settings, entry);
  arrange();
}

// Without the keypoints there is nothing to draw skeletons from.
const noKeypoints = () => status !== null && !("keypoints-dest" in status.readers);
const drawing = () => (noKeypoints() ? { ...settings, picture: "annotated" } : settings);
let drawn = settings; // the same object as long as nothing changes: by it a pane knows

let arranged = "";

function arrange() {
  arranged = `${view()} ${onScreen()}`;
  const now = drawing();
  if (JSON.stringify(now) !== JSON.stringify(drawn)) drawn = now;
  speak(settings.lang);
  theme.apply(settings.theme);
  explain($("keys"));
  const chosen = view();
  const figures = chosen === "figures";
  for (const button of $("views").children) button.setAttribute("aria-pressed", String(button.dataset.view === chosen));
  $("stage").hidden = figures;
  $("player").hidden = figures;
  $("cards").hidden = figures || chosen === "wall";
  $("figures").hidden = !figures;
  document.body.classList.toggle("bare", settings.bare === "on" || document.fullscreenElement !== null);
  if (figures) panels.open(settings.minutes);
  else stage.put(chosen, onScreen());
  for (const input of document.querySelectorAll(".sheet input")) {
    input.checked = input.type === "checkbox" ? settings[input.name] === "on" : drawn[input.name] === input.value;
  }
  $("drawn").disabled = $("coloured").disabled = drawn.picture === "annotated";
  $("layers-note").hidden = drawn.picture !== "annotated";
  $("layers-note").textContent = say(noKeypoints() ? "noKeypoints" : "onAnnotated");
  watch();
  show();
  words();
}

// Asks the server for what is shown, and for nothing while nothing new is.
function watch() {
  if (!status || lost) return;
  const layers = { annotated: false, raw: false, keypoints: false };
  for (const what of view() === "side" ? ["people", "camera"] : ["people"]) {
    const { layer, people } = layersOf(what, drawn);
    layers[layer] = true;
    layers.keypoints ||= people;
  }
  const cameras = player.paused || view() === "figures" ? [] : view() === "wall" ? null : onScreen();
  const message = JSON.stringify({ watch: { cameras, ...layers } });
  if (message === watching) return;
  watching = message;
  link.send({ watch: { cameras, ...layers } });
}

const show = () => stage.show((name) => player.frame(name), drawn);

// What no pane shows is not waited for.
const tell = () => shown.tell(new Set(player.paused ? [] : stage.panes.map((pane) => pane.camera)));

// ---- words and figures

const ageOf = (frame) => (frame?.age === null || !frame ? null : frame.age + (player.paused ? 0 : (performance.now() - frame.came) / 1000));
const since = () => (performance.now() - statusAt) / 1000;
const troubleOf = (name) => ofCamera(name, entryOf(name), since());

const QUIET = { stopped: "stateQuiet", down: "stateNoResults", firstResult: "stateNoResults", tooSlow: "stateSlow" };

function stateOf(pane, trouble) {
  const frame = pane.shown?.frame;
  if (view() !== "wall") {
    const size = pane.size ? `${pane.size.width} × ${pane.size.height}` : "";
    if (view() === "one" || !size || pane.what !== "camera") return size;
    return `${say(frame?.matched ? "sameMoment" : "newest")} · ${size}`;
  }
  const words = [];
  if (QUIET[trouble.key]) words.push(say(QUIET[trouble.key], trouble.values));
  else if (!frame) words.push(say("stateNone"));
  if (trouble.level !== "waiting") {
    if (frame && frame.shownPeople !== null) words.push(count(frame.shownPeople));
    words.push(time(ageOf(frame)));
  } else if (trouble.more) words.push(trouble.more);
  return words.join(" · ");
}

const TITLES = { people: () => say(drawn.picture === "annotated" ? "paneAnnotated" : "panePeople"), camera: () => say("paneCamera") };

function words() {
  const trouble = steady(overall({ lost, status }, view() === "figures" ? present() : onScreen(), troubleOf, view() === "wall"));
  const quiet = view() === "figures" && !lost;
  const level = quiet ? "good" : trouble.level;

  $("banner").dataset.level = player.paused && level !== "lost" ? "good" : level;
  setText($("banner-text"), say(trouble.key, trouble.values));
  setText($("banner-more"), trouble.more);
  setText($("banner-help"), trouble.help && say(trouble.help));
  $("banner-link").hidden = trouble.key !== "login";
  $("banner-link").href = "login";
  setText($("banner-link"), say("loginLink"));
  $("link").dataset.state = player.paused && level !== "lost" ? "paused" : level;
  setText($("link"), say(player.paused && level !== "lost" ? "paused" : { good: "live", note: "slow", waiting: "waiting", lost: "offline" }[level]));

  for (const pane of stage.panes) {
    const own = troubleOf(pane.camera);
    pane.element.dataset.level = own.level;
    const flows = own.key === "down" && pane.what === "camera";
    pane.element.classList.toggle("stale", !player.paused && !flows && (lost !== null || own.level === "waiting"));
    setText(pane.name, view() === "wall" ? pane.camera : view() === "one" ? pane.camera : TITLES[pane.what]());
    setText(pane.state, stateOf(pane, own));
    const label = `${say("tile", { camera: pane.camera, state: pane.state.textContent })} – ${say(view() === "wall" ? "openOne" : "openWall")}`;
    if (pane.button.getAttribute("aria-label") !== label) pane.button.setAttribute("aria-label", label);
  }
  const frame = stage.panes[0]?.shown?.frame;
  cards.show(frame, ageOf(frame), lost ? null : entryOf(camera()));
  position();
}

function plots() {
  if (document.hidden) return;
  if (view() === "figures") minutes(history, status, open);
  else cards.plots(history, camera());
}

function chooser() {
  const select = $("cameras");
  const [all, one] = [names(), camera()];
  const several = all.length > 1 && view() !== "wall" && view() !== "figures";
  select.hidden = !several;
  select.parentElement.hidden = view() === "wall" || view() === "figures";
  $("camera").hidden = several;
  setText($("camera"), one ?? "–");
  const listed = all.includes(one) || !one ? all : [...all, one].sort();
  if (listed.join("\n") !== [...select.options].map(({ value }) => value).join("\n")) {
    select.replaceChildren(...listed.map((name) => new Option(name, name)));
  }
  if (several && select.value !== one) select.value = one;
}

// ---- pause, and back

function position() {
  const { seconds, back } = player.span(onScreen());
  const slider = $("moment");
  slider.min = -seconds;
  slider.max = 0;
  slider.value = -back;
  slider.disabled = seconds === 0;
  setText($("ago"), player.paused ? say("ago", { seconds: back.toFixed(1) }) : seconds ? say("now") : "");
  slider.setAttribute("aria-valuetext", $("ago").textContent);
  document.body.classList.toggle("paused", player.paused);
  const word = player.paused ? "play" : "pause";
  $("pause").title = say(word);
  $("pause").setAttribute("aria-label", say(word));
}

function seek(act) {
  act();
  watch();
  tell();
  show();
  words();
}

// What the person does; not while a clip is played.
const wind = (act) => view() !== "figures" && !saving.clipping && seek(act);
const pause = () => wind(() => (player.paused ? player.live() : player.pause()));

// ---- what the person does

function open(name) {
  if (view() === "wall" || view() === "figures") change({ view: "one", camera: name }, true);
  else if (names().length > 1) change({ view: "wall" }, true);
  else change({ view: view() === "one" ? "side" : "one" }, true);
}

async function fullscreen() {
  if (document.fullscreenElement) return document.exitFullscreen();
  if (!document.documentElement.requestFullscreen) return saving.report(say("noFullscreen"));
  await document.documentElement.requestFullscreen().catch(() => saving.report(say("noFullscreen")));
}

const help = () => ($("help").open ? $("help").close() : $("help").showModal());

function toggle(name) {
  const choices = address.choicesOf(name);
  change({ [name]: choices[(choices.indexOf(settings[name]) + 1) % choices.length] });
}

function escape() {
  const menu = document.querySelector("details[open]");
  if (menu) menu.open = false;
  else if (settings.bare === "on") change({ bare: "off" });
  else if (player.paused) pause();
  else if (names().length > 1 && view() !== "wall") change({ view: "wall" }, true);
  else if (view() === "figures") change({ view: "" }, true);
}

const keep = {
  snapshot: () => saving.snapshot(),
  clip: () => view() !== "figures" && saving.clip(),
  record: () => saving.record(),
};

listen({
  pause,
  step: (frames) => wind(() => player.step(frames, onScreen())),
  move: (milliseconds) => wind(() => player.move(milliseconds, onScreen())),
  view: (name) => change({ view: name }, true),
  camera: (place) => names()[place] && change({ view: view() === "side" ? "side" : "one", camera: names()[place] }, true),
  escape,
  fullscreen,
  ...keep,
  toggle,
  theme: () => change({ theme: theme.shown() === "light" ? "dark" : "light" }),
  help,
});

for (const [id, act] of Object.entries({ pause, ...keep, fullscreen, ask: help })) $(id).addEventListener("click", act);
$("back").addEventListener("click", () => wind(() => player.step(-1, onScreen())));
$("forth").addEventListener("click", () => wind(() => player.step(1, onScreen())));
$("moment").addEventListener("input", ({ target }) => {
  const moments = player.ring.moments(onScreen());
  if (moments.length) wind(() => player.seek(moments.at(-1) + 1000 * target.value, onScreen()));
});
$("cameras").addEventListener("change", ({ target }) => change({ camera: target.value }, true));
$("views").addEventListener("click", ({ target }) => target.dataset.view && change({ view: target.dataset.view }, true));
for (const menu of document.querySelectorAll(".menu")) {
  menu.addEventListener("change", ({ target: { name, type, value, checked } }) => change({ [name]: type === "checkbox" ? (checked ? "on" : "off") : value }));
  addEventListener("click", ({ target }) => menu.contains(target) || (menu.open = false));
}
$("logout").addEventListener("click", async () => {
  await fetch("logout", { method: "POST", redirect: "manual" });
  location.assign("login");
});
for (const event of ["popstate", "hashchange"]) {
  addEventListener(event, () => {
    settings = address.read();
    arrange();
  });
}
document.addEventListener("fullscreenchange", arrange);

// ---- what the server sends

const link = new Link(new URL("live", location.href.replace(/^http/, "ws").replace(/#.*/, "")), {
  open() {
    watching = "";
    shown.reset();
    history.load().catch(() => null); // the status messages fill it, too
  },
  lost(how) {
    lost = how;
    words();
  },
  status(now) {
    const first = status === null || lost !== null;
    lost = null;
    status = now;
    statusAt = performance.now();
    for (const name of present()) known.set(name, statusAt);
    for (const [name, at] of known) if (statusAt - at > REMEMBERED) known.delete(name);
    history.add(now);
    if (first || `${view()} ${onScreen()}` !== arranged) arrange();
    chooser();
    words();
    plots();
    saving.tick();
  },
  frame(header) {
    const frame = player.add(header);
    shown.came(frame);
    tell();
    if (!player.paused) show();
  },
});

// What does not change while the page is open; without it there are no skeletons, so it is asked for again.
async function learn() {
  const answer = await fetch("api/page").catch(() => null);
  if (!answer?.ok) return setTimeout(learn, 5000);
  const page = await answer.json();
  skeletons.use(page.skeletons);
  panels.present = page.prometheus;
  $("logout").hidden = !page.login;
  drawn = { ...drawn };
  arrange();
}
learn();

setInterval(words, WORDS_EVERY);
arrange();
