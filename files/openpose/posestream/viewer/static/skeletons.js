// Draws people over a picture, as drawing.py does on pixels; parts, limbs and colours come from the server.

const LINE = 1 / 60; // width of a limb, in shorter sides of the picture
const DISC = 1 / 100; // radius of a part
const FACE = 0.45; // how much finer faces and hands are drawn
const HAND = 0.4;
const PERSON_SIZE = 400; // width + height, in pixels of the picture, of a person drawn at full width ...
const PERSON_SCALE_MIN = 0.4; // ... and how much finer small people get
const THRESHOLD = { pose: 0.05, face: 0.4, hand: 0.2 }; // confidence from which a part is drawn, as OpenPose has it
const THINNEST = 1.5; // device pixels

let tables = null;

// Takes the tables in: {models: {NAME: {parts, limbs, colours}}, face, hand, people: colours}.
export const use = (loaded) => (tables = loaded);

const css = ([red, green, blue], alpha = 1) => `rgb(${red} ${green} ${blue} / ${alpha})`;

// [[x, y, confidence], …], or null where nobody looked for these parts.
function points(list) {
  if (!list?.length) return null;
  return Array.from({ length: list.length / 3 }, (_, part) => list.slice(3 * part, 3 * part + 3));
}

function modelOf(name, keypoints) {
  return tables.models[name] ?? Object.values(tables.models).find(({ parts }) => 3 * parts === keypoints.length);
}

// How fine a person is drawn, by the size in pixels of the picture.
function fineness(seen) {
  const size = [0, 1].map((axis) => seen.map((point) => point[axis]));
  const extent = size.reduce((sum, places) => sum + Math.max(...places) - Math.min(...places), 0);
  return Math.min(1, Math.max(PERSON_SCALE_MIN, extent / PERSON_SIZE));
}

function drawParts(context, parts, model, own, threshold, width, radius, options) {
  const { scale, confidence } = options;
  const seen = ([, , sure]) => sure > threshold;
  const alpha = (sure) => (confidence ? Math.min(1, 0.2 + sure) : 1);
  context.lineCap = "round";
  for (const [from, to] of model.limbs) {
    const [start, end] = [parts[from], parts[to]];
    if (!start || !end || !seen(start) || !seen(end)) continue;
    context.beginPath();
    context.moveTo(start[0] * scale, start[1] * scale);
    context.lineTo(end[0] * scale, end[1] * scale);
    context.strokeStyle = css(own ?? model.colours[to], 0.8 * alpha(Math.min(start[2], end[2])));
    context.lineWidth = Math.max(THINNEST, width);
    context.stroke();
  }
  parts.forEach((part, number) => {
    if (!seen(part) || !model.colours[number]) return;
    context.beginPath();
    context.arc(part[0] * scale, part[1] * scale, Math.max(THINNEST * 0.8, radius), 0, 2 * Math.PI);
    context.fillStyle = css(own ?? model.colours[number], alpha(part[2]));
    context.fill();
  });
}

function label(context, text, x, y, colour, size) {
  context.font = `600 ${size}px system-ui, sans-serif`;
  const width = context.measureText(text).width + size * 0.8;
  const left = Math.min(Math.max(x - width / 2, 0), context.canvas.width - width);
  const top = Math.max(y - size * 1.5, 0);
  context.fillStyle = "rgb(8 12 18 / .78)";
  context.beginPath();
  context.roundRect(left, top, width, size * 1.4, size * 0.4);
  context.fill();
  context.fillStyle = colour;
  context.textBaseline = "middle";
  context.textAlign = "center";
  context.fillText(text, left + width / 2, top + size * 0.74);
}

// Draws everybody of OpenPose's JSON. `options`: scale (device pixels a pixel of the picture), side (the shorter
// one of the picture, in device pixels), colours ("parts", "people"), numbers, confidence, unit (device pixels of
// a CSS pixel).
export function draw(context, json, name, options) {
  if (!tables || !json) return;
  const labels = [];
  for (const person of json.people) {
    const list = person.pose_keypoints_2d ?? [];
    const model = modelOf(name, list);
    const parts = points(list);
    const number = [person.person_id].flat()[0] ?? -1;
    const own = options.colours === "people" && number >= 0 ? tables.people[number % tables.people.length] : null;
    const seen = parts?.filter(([, , sure]) => sure > THRESHOLD.pose) ?? [];
    const size = options.side * (seen.length ? fineness(seen) : 1);
    const layers = [
      [parts, model, THRESHOLD.pose, 1],
      [points(person.face_keypoints_2d), tables.face, THRESHOLD.face, FACE],
      [points(person.hand_left_keypoints_2d), tables.hand, THRESHOLD.hand, HAND],
      [points(person.hand_right_keypoints_2d), tables.hand, THRESHOLD.hand, HAND],
    ];
    for (const [found, shape, threshold, finer] of layers) {
      if (!found || !shape) continue;
      drawParts(context, found, shape, own, threshold, size * LINE * finer, size * DISC * finer, options);
    }
    if (seen.length) labels.push({ number, own, seen });
  }
  for (const { number, own, seen } of labels) {
    const sure = seen.reduce((sum, part) => sum + part[2], 0) / seen.length;
    const text = [
      options.numbers && number >= 0 ? `${number}` : "",
      options.confidence ? `${Math.round(100 * sure)} %` : "",
    ].filter(Boolean).join(" · ");
    if (!text) continue;
    const x = seen.reduce((sum, part) => sum + part[0], 0) / seen.length;
    const y = Math.min(...seen.map((part) => part[1])) - 8;
    label(context, text, x * options.scale, y * options.scale, own ? css(own) : "#fff", 12 * options.unit);
  }
}
