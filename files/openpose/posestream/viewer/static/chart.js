// A plot with axes and a legend, of what Prometheus answered: {unit, start, end, lines: [{name, points}]}.

import { prepare, trace } from "./plots.js";

const COLOURS = ["#3ddbb4", "#5aa9ff", "#ffb454", "#c792ff", "#ff5d7a", "#9be564", "#f78fb3", "#7fd1ff"];
const LEFT = 52; // CSS pixels for the numbers beside, and under the plot
const BELOW = 18;

export const colourOf = (line) => COLOURS[line % COLOURS.length];

const scaled = (value, steps) => {
  const step = steps.findLast(([size]) => Math.abs(value) >= size) ?? steps[0];
  const number = value / step[0];
  return `${Number(number.toPrecision(number < 1 ? 2 : 3))} ${step[1]}`.trim();
};
const BYTES = [[1, "B"], [2 ** 10, "KiB"], [2 ** 20, "MiB"], [2 ** 30, "GiB"], [2 ** 40, "TiB"]];
const TIME = [[0.001, "ms"], [1, "s"], [60, "min"], [3600, "h"]];

// A number as its unit (panels.UNITS) is written.
export function write(value, unit) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  if (unit === "bytes") return scaled(value, BYTES);
  if (unit === "bytes/s") return `${scaled(value, BYTES)}/s`;
  if (unit === "seconds") return scaled(value, TIME);
  if (unit === "share") return `${Number((100 * value).toPrecision(3))} %`;
  const number = Number(value.toPrecision(3)).toString();
  return unit.endsWith("/s") ? `${number} /s` : number;
}

// The next number whose half is easy to read, too; of bytes a power of two.
function roundUp(value, unit) {
  if (unit === "share" && value > 0.5) return 1;
  if (unit.startsWith("bytes")) return 2 ** Math.ceil(Math.log2(value));
  const size = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 6, 8, 10].map((step) => step * size).find((step) => step >= value * 0.999);
}

const clock = (seconds, long) =>
  new Intl.DateTimeFormat(document.documentElement.lang, long ? { month: "numeric", day: "numeric" } : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" })
    .format(new Date(seconds * 1000));

export function chart(canvas, { unit, start, end, lines }) {
  const place = prepare(canvas);
  if (!place) return;
  const { context, width, height } = place;
  const style = getComputedStyle(canvas);
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value ?? 0));
  const most = roundUp(Math.max(...values, 1e-6), unit);
  const x = (at) => LEFT + ((at - start) / (end - start)) * (width - LEFT - 4);
  const y = (value) => height - BELOW - (value / most) * (height - BELOW - 8);
  context.font = `11px ${style.fontFamily}`;
  context.fillStyle = style.color;
  context.strokeStyle = style.borderBottomColor;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const part of [0, 0.5, 1]) {
    context.fillText(write(most * part, unit), LEFT - 6, y(most * part));
    context.beginPath();
    context.moveTo(LEFT, Math.round(y(most * part)) + 0.5);
    context.lineTo(width, Math.round(y(most * part)) + 0.5);
    context.stroke();
  }
  context.textBaseline = "bottom";
  for (const [part, align] of [[0, "left"], [0.5, "center"], [1, "right"]]) {
    const at = start + (end - start) * part;
    context.textAlign = align;
    context.fillText(clock(at, end - start > 2 * 86400), x(at), height);
  }
  context.lineWidth = 1.6;
  context.lineJoin = "round";
  lines.forEach(({ points }, number) => {
    context.strokeStyle = colourOf(number);
    trace(context, points, x, y);
    context.stroke();
  });
}
