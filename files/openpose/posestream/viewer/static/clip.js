// Pictures and clips to keep: what is on the stage, as a PNG or, with the browser's MediaRecorder, as a video.

import { paint, layersOf } from "./pane.js";

const FORMATS = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm", "video/mp4"];
const BITS = 6_000_000; // a second
const WIDEST = 1920; // pixels of a clip
const FRAMES = 15; // a second: cameras send fewer

export const canRecord = () => typeof MediaRecorder === "function" && FORMATS.some((format) => MediaRecorder.isTypeSupported(format));

const stamp = (date = new Date()) => {
  const local = new Date(date - date.getTimezoneOffset() * 60000);
  return local.toISOString().slice(0, 19).replaceAll(":", "-");
};

// Hands a file to the person; returns its name.
export function save(blob, camera, ending) {
  const safe = camera.replace(/[^\p{L}\p{N}_.-]+/gu, "_");
  const link = Object.assign(document.createElement("a"), {
    href: URL.createObjectURL(blob),
    download: `posestream-${safe ? `${safe}-` : ""}${stamp()}.${ending}`,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  return link.download;
}

const isShown = (pane) => pane.size && pane.shown?.frame;

// Draws the panes, side by side as they are on the screen, onto a canvas, which gets the size of `scale` of them
// if it has none yet, and keeps the size that it has: a video cannot change it.
function compose(canvas, panes, scale) {
  const places = panes.map(({ canvas: each }) => each.getBoundingClientRect());
  const left = Math.min(...places.map((place) => place.left));
  const top = Math.min(...places.map((place) => place.top));
  const size = [Math.max(...places.map(({ right }) => right)) - left, Math.max(...places.map(({ bottom }) => bottom)) - top];
  if (!canvas.sized) {
    // Even numbers: some video formats ask for them.
    [canvas.width, canvas.height] = size.map((length) => 2 * Math.ceil((length * scale * (devicePixelRatio || 1)) / 2));
    canvas.sized = true;
  }
  const ratio = Math.min(canvas.width / size[0], canvas.height / size[1]);
  const context = canvas.getContext("2d");
  context.fillStyle = "#000";
  context.fillRect(0, 0, canvas.width, canvas.height);
  panes.forEach((pane, number) => {
    const place = places[number];
    context.drawImage(pane.canvas, (place.left - left) * ratio, (place.top - top) * ratio, place.width * ratio, place.height * ratio);
  });
}

// A picture of one pane is as large as the camera's, or as the screen's if that is larger; resolves to a Blob, or
// null if there is nothing to be seen.
export async function picture(panes) {
  const seen = panes.filter(isShown);
  if (!seen.length) return null;
  const canvas = document.createElement("canvas");
  if (panes.length > 1) compose(canvas, panes, 1);
  else {
    const [{ size, place, what, shown: { frame, settings } }] = seen;
    const scale = Math.max(1, Math.min(place[0] / size.width, place[1] / size.height));
    [canvas.width, canvas.height] = [Math.round(size.width * scale), Math.round(size.height * scale)];
    const { layer, people } = layersOf(what, settings);
    const bitmap = await createImageBitmap(new Blob([frame[layer]]));
    paint(canvas.getContext("2d"), bitmap, frame, people, settings, { left: 0, top: 0, width: canvas.width, height: canvas.height }, scale);
    bitmap.close();
  }
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

// Records what `panesNow` tells to be on the stage, from now until stop().
export class Recording {
  constructor(panesNow) {
    this.canvas = document.createElement("canvas");
    this.panesNow = panesNow;
    this.began = performance.now();
    this.chunks = [];
    this.copy();
    const format = FORMATS.find((each) => MediaRecorder.isTypeSupported(each));
    this.recorder = new MediaRecorder(this.canvas.captureStream(FRAMES), { mimeType: format, videoBitsPerSecond: BITS });
    this.recorder.ondataavailable = ({ data }) => this.chunks.push(data);
    this.recorder.start(1000);
    this.timer = setInterval(() => this.copy(), 1000 / FRAMES);
  }

  get seconds() {
    return (performance.now() - this.began) / 1000;
  }

  copy() {
    const panes = this.panesNow();
    if (!panes.length) return;
    this.scale ??= Math.min(1, WIDEST / (document.getElementById("stage").clientWidth * (devicePixelRatio || 1)));
    compose(this.canvas, panes, this.scale);
  }

  // Resolves to {blob, ending}.
  stop() {
    clearInterval(this.timer);
    return new Promise((done) => {
      this.recorder.onstop = () => {
        const type = this.recorder.mimeType.split(";")[0];
        for (const track of this.recorder.stream.getTracks()) track.stop();
        done({ blob: new Blob(this.chunks, { type }), ending: type.split("/")[1] });
      };
      this.recorder.stop();
    });
  }
}
