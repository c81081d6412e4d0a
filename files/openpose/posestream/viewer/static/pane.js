// One picture on the screen: drawn at the device's own pixels, with the skeletons over it.

import { draw as drawPeople } from "./skeletons.js";

const decode = (bytes) => (bytes ? createImageBitmap(new Blob([bytes])).catch(() => null) : null);
const repaint = () => new Promise((done) => requestAnimationFrame(done));

// Which picture of a frame a pane shows, and whether people are drawn over it.
export function layersOf(what, settings) {
  if (what === "camera") return { layer: "raw", people: false };
  const annotated = settings.picture === "annotated";
  return { layer: annotated ? "annotated" : "raw", people: !annotated && settings.skeletons === "on" };
}

// Draws a picture into the rectangle of a context, as large as fits.
export function paint(context, bitmap, frame, people, settings, { left, top, width, height }, unit = 1) {
  const scale = Math.min(width / bitmap.width, height / bitmap.height);
  const x = left + Math.round((width - bitmap.width * scale) / 2);
  const y = top + Math.round((height - bitmap.height * scale) / 2);
  context.imageSmoothingQuality = "medium";
  context.drawImage(bitmap, x, y, Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
  if (!people) return;
  context.save();
  context.translate(x, y);
  drawPeople(context, frame.keypoints, frame.skeleton, {
    scale,
    unit,
    side: Math.min(bitmap.width, bitmap.height) * scale,
    colours: settings.colours,
    numbers: settings.numbers === "on",
    confidence: settings.confidence === "on",
  });
  context.restore();
}

export class Pane {
  // `what` is "people" or "camera"; `painted(frame)` is called for each frame that is on the screen.
  constructor(camera, what, opened, painted) {
    this.camera = camera;
    this.what = what;
    this.painted = painted;
    this.element = document.getElementById("pane").content.firstElementChild.cloneNode(true);
    this.element.dataset.what = what;
    this.element.dataset.camera = camera;
    this.name = this.element.querySelector(".name");
    this.state = this.element.querySelector(".state");
    this.button = this.element.querySelector("button");
    this.canvas = this.element.querySelector("canvas");
    this.button.addEventListener("click", () => opened(camera));
    this.size = null; // of the picture, in its own pixels: {width, height}
    this.wanted = null;
    this.shown = null; // what is on the screen, and how: {frame, settings, place}
    this.busy = false;
  }

  // Tells how large the canvas is on the screen, in CSS pixels.
  fit(width, height) {
    const ratio = devicePixelRatio || 1;
    const pixels = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
    if (this.place?.[0] === pixels[0] && this.place[1] === pixels[1]) return;
    this.place = pixels;
    this.shown = null;
  }

  // Shows a frame, as soon as it is decoded; of several it is the newest.
  async show(frame, settings) {
    this.wanted = { frame, settings };
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.place && this.differs()) await this.draw();
    } finally {
      this.busy = false;
    }
  }

  differs() {
    const { wanted, shown } = this;
    return !shown || shown.frame !== wanted.frame || shown.settings !== wanted.settings;
  }

  async draw() {
    const { frame, settings } = this.wanted;
    const { layer, people } = layersOf(this.what, settings);
    const bitmap = await decode(frame?.[layer]);
    await repaint(); // a page in the background is not painted: it does not ask for more pictures
    const { canvas, place } = this;
    // Setting the size clears the canvas, even if it is the same one.
    if (canvas.width !== place[0] || canvas.height !== place[1]) [canvas.width, canvas.height] = place;
    const context = canvas.getContext("2d");
    if (!bitmap || this.size?.width !== bitmap.width || this.size.height !== bitmap.height) {
      context.clearRect(0, 0, ...place);
      this.size = bitmap && { width: bitmap.width, height: bitmap.height };
    }
    if (bitmap) {
      paint(context, bitmap, frame, people, settings, { left: 0, top: 0, width: place[0], height: place[1] }, devicePixelRatio);
      bitmap.close();
    }
    this.element.classList.toggle("empty", !bitmap);
    canvas.dataset.taken = frame?.taken ?? "";
    this.shown = { frame, settings };
    if (frame) this.painted(frame, this);
  }
}
