// The keyboard: one table for what keys do and for the help that lists them.

import { say } from "./words.js";

// [shown keys, what they do (a word), how an event is recognised, the action's name and its value]
const KEYS = [
  [["Space"], "keySpace", { " ": ["pause"] }],
  [["←", "→"], "keyArrows", { ArrowLeft: ["step", -1], ArrowRight: ["step", 1] }],
  [["Shift", "←", "→"], "keyShiftArrows", { "shift+ArrowLeft": ["move", -1000], "shift+ArrowRight": ["move", 1000] }],
  [["w"], "keyWall", { w: ["view", "wall"], 0: ["view", "wall"] }],
  [["1", "…", "9"], "keyDigits", Object.fromEntries(Array.from({ length: 9 }, (_, place) => [place + 1, ["camera", place]]))],
  [["o"], "keyOne", { o: ["view", "one"] }],
  [["b"], "keySide", { b: ["view", "side"] }],
  [["g"], "keyFigures", { g: ["view", "figures"] }],
  [["Esc"], "keyEscape", { Escape: ["escape"] }],
  [["f"], "keyFull", { f: ["fullscreen"] }],
  [["s"], "keySave", { s: ["snapshot"] }],
  [["c"], "keyClip", { c: ["clip"] }],
  [["r"], "keyRecord", { r: ["record"] }],
  [["k"], "keySkeletons", { k: ["toggle", "skeletons"] }],
  [["a"], "keyAnnotated", { a: ["toggle", "picture"] }],
  [["p"], "keyPeople", { p: ["toggle", "colours"] }],
  [["n"], "keyNumbers", { n: ["toggle", "numbers"] }],
  [["i"], "keyConfidence", { i: ["toggle", "confidence"] }],
  [["t"], "keyTheme", { t: ["theme"] }],
  [["?"], "keyHelp", { "?": ["help"] }],
];

const BY_KEY = Object.assign({}, ...KEYS.map(([, , keys]) => keys));
const WRITES = "input:not([type=checkbox], [type=radio]), select, textarea"; // what keys have a meaning of their own in

// Calls the action of a key that was pressed outside of what needs the key for itself.
export function listen(actions) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
    const { target } = event;
    if (target.matches?.(WRITES) && event.key !== "Escape") return;
    if (event.key === " " && target.matches?.("button, summary, input")) return;
    const key = event.key.startsWith("Arrow") && event.shiftKey ? `shift+${event.key}` : event.key;
    const found = BY_KEY[key.length === 1 ? key.toLowerCase() : key];
    if (!found) return;
    const [action, value] = found;
    if (actions[action](value) !== false) event.preventDefault();
  });
}

// Writes the table of keys into a list of the help.
export function explain(list) {
  list.replaceChildren(...KEYS.flatMap(([keys, word]) => {
    const [names, does] = [document.createElement("dt"), document.createElement("dd")];
    names.append(...keys.map((key) => Object.assign(document.createElement("kbd"), { textContent: key })));
    does.textContent = say(word);
    return [names, does];
  }));
}
