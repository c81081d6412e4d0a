// The view of figures: the last minutes of each camera, and what Prometheus knows of the time before.

import { choicesOf } from "./address.js";
import { chart, colourOf, write } from "./chart.js";
import { spark } from "./plots.js";
import { knows, say, setText, time } from "./words.js";

const SPARKS = { people: 1, age: 0.5, in: 1, out: 1, lag: 2 }; // and the least height of their axes
const EVERY = 30000; // milliseconds between two questions
const LINES = 8; // named in a legend; more are drawn

const $ = (id) => document.getElementById(id);
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

const shown = {
  people: (camera) => camera?.people ?? "–",
  age: (camera) => time((camera?.annotated ?? camera?.raw)?.age),
  in: (camera) => camera?.raw?.fps.toFixed(1) ?? "–",
  out: (camera) => camera?.annotated?.fps.toFixed(1) ?? "–",
  lag: (camera) => camera?.lag ?? "–",
};

// The table of the last minutes, a row for each camera.
export function minutes(history, status, opened) {
  const body = $("minutes");
  const names = [...history.cameras.keys()].sort();
  if (names.join("\n") !== [...body.rows].map((row) => row.dataset.camera).join("\n")) {
    body.replaceChildren(...names.map((name) => row(name, opened)));
  }
  for (const each of body.rows) {
    const camera = status?.cameras.find(({ name }) => name === each.dataset.camera);
    for (const [place, [figure, least]] of Object.entries(SPARKS).entries()) {
      const cell = each.cells[place + 1];
      cell.firstChild.textContent = shown[figure](camera);
      spark(cell.lastChild, history.points(each.dataset.camera, figure), least);
    }
  }
}

function row(name, opened) {
  const link = make("button", { type: "button", textContent: name, className: "plain" });
  link.addEventListener("click", () => opened(name));
  const line = make("tr", {}, make("th", { scope: "row" }, link));
  line.dataset.camera = name;
  for (const figure of Object.keys(SPARKS)) {
    const plot = make("canvas", { className: `spark ${figure}` });
    plot.setAttribute("aria-hidden", "true");
    line.append(make("td", {}, make("span"), plot));
  }
  return line;
}

// The panels, each with its plot; asked for anew every so often while they are looked at.
export class Panels {
  // `chosen` is called with the span that was chosen.
  constructor(chosen) {
    this.present = false; // whether the server knows a Prometheus
    this.panels = null;
    $("span").addEventListener("change", ({ target }) => chosen(target.value));
    setInterval(() => this.visible && this.load(), EVERY);
  }

  get visible() {
    return !$("figures").hidden && !document.hidden;
  }

  async open(span) {
    this.span = span;
    $("span").replaceChildren(...[...choicesOf("minutes")].sort((a, b) => a - b).map((each) => new Option(say(`minutes${each}`), each)));
    $("span").value = span;
    await this.load();
  }

  async load() {
    const span = this.span;
    $("no-figures").hidden = this.present;
    setText($("no-figures"), this.present ? "" : say("noPrometheus"));
    $("span-line").hidden = !this.present;
    if (!this.present) return;
    try {
      this.panels ??= await ask("api/figures").then(({ panels }) => panels);
      const answers = await Promise.all(
        this.panels.map((panel) => ask(`api/figures?panel=${encodeURIComponent(panel.id)}&minutes=${span}`)),
      );
      if (span !== this.span) return;
      this.answers = answers;
      this.show();
      $("no-figures").hidden = true;
    } catch (error) {
      this.answers = null;
      $("panels").replaceChildren();
      $("no-figures").hidden = false;
      setText($("no-figures"), say("noFigures", { why: error.message }));
    }
  }

  show() {
    if (!this.answers) return;
    const rows = Map.groupBy ? Map.groupBy(this.panels, ({ row }) => row) : new Map([["", this.panels]]);
    $("panels").replaceChildren(
      ...[...rows].map(([row, panels]) => make("section", {},
        make("h3", { textContent: knows(`row_${row}`) ? say(`row_${row}`) : row }),
        make("div", { className: "grid" }, ...panels.map((panel) => plot(panel, this.answers[this.panels.indexOf(panel)]))))),
    );
    for (const canvas of $("panels").querySelectorAll("canvas")) chart(canvas, canvas.answer);
  }
}

async function ask(address) {
  const answer = await fetch(address).catch(() => null);
  if (answer?.ok) return answer.json();
  throw new Error((await answer?.json().catch(() => ({})))?.error ?? say("away"));
}

function plot(panel, answer) {
  const title = knows(`panel_${panel.id}`) ? say(`panel_${panel.id}`) : panel.title;
  const lines = answer.lines.filter(({ points }) => points.some(([, value]) => value !== null));
  const figure = make("figure", { className: "panel" }, make("figcaption", { textContent: title }));
  if (!lines.length) {
    figure.append(make("p", { className: "quiet", textContent: say("nothing") }));
    return figure;
  }
  const legend = make("ul", {}, ...lines.slice(0, LINES).map(({ name, points }, number) => {
    const key = make("i");
    key.style.background = colourOf(number);
    return make("li", {}, key, name || title, make("b", { textContent: write(points.at(-1)[1], panel.unit) }));
  }));
  const canvas = make("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", title);
  canvas.answer = { ...answer, lines };
  figure.append(canvas, legend);
  return figure;
}
