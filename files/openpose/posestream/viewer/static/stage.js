// The pictures on the screen: which panes there are, and where each has its place.

import { Pane } from "./pane.js";
import { arrange } from "./wall.js";

const GAP = { wall: 4, one: 0, side: 16 }; // CSS pixels
const CAPTION = { wall: 0, one: 32, side: 32 }; // height of the line above a picture; on the wall it lies over it
const USUAL = 4 / 3;

export class Stage {
  constructor(element, opened, painted) {
    this.element = element;
    this.opened = opened;
    this.painted = (frame, pane) => {
      this.reshape(pane);
      painted(frame);
    };
    this.panes = [];
    this.view = "";
    new ResizeObserver(() => this.layout()).observe(element);
  }

  // Puts up the panes of a view. Those that stay are kept, with what they show.
  put(view, cameras) {
    const wanted = cameras.flatMap((camera) => (view === "side" ? ["people", "camera"] : ["people"]).map((what) => [camera, what]));
    const same = view === this.view && wanted.length === this.panes.length;
    if (same && wanted.every(([camera, what], place) => this.panes[place].camera === camera && this.panes[place].what === what)) return;
    this.view = view;
    const old = this.panes;
    this.panes = wanted.map(
      ([camera, what]) => old.find((pane) => pane.camera === camera && pane.what === what) ?? new Pane(camera, what, this.opened, this.painted),
    );
    this.element.dataset.view = view;
    this.element.replaceChildren(...this.panes.map((pane) => pane.element));
    this.layout();
  }

  layout() {
    const { panes, view, element } = this;
    this.ratio = devicePixelRatio;
    if (!panes.length || !element.clientWidth) return;
    // The shape of most pictures is that of all places.
    const shapes = panes.filter(({ size }) => size).map(({ size }) => size.width / size.height).sort((a, b) => a - b);
    this.shape = shapes[Math.floor(shapes.length / 2)] ?? USUAL;
    const style = getComputedStyle(element);
    const width = element.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const height = element.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
    const place = arrange(panes.length, width, height, this.shape, GAP[view], CAPTION[view]);
    element.style.setProperty("--columns", place.columns);
    element.style.setProperty("--width", `${Math.floor(place.width)}px`);
    element.style.setProperty("--height", `${Math.floor(place.height)}px`);
    element.style.setProperty("--gap-pictures", `${GAP[view]}px`);
    for (const pane of panes) pane.fit(Math.floor(place.width), Math.floor(place.height));
    this.refresh?.();
  }

  // Shows the newest of each: `frameOf` tells the frame of a camera.
  show(frameOf, settings) {
    this.refresh = () => this.show(frameOf, settings);
    // The same place can come to have other pixels: on another screen, or by zooming.
    if (this.ratio !== devicePixelRatio) return this.layout();
    for (const pane of this.panes) pane.show(frameOf(pane.camera), settings);
  }

  // To be called when a frame was drawn: pictures of another shape than before move the others.
  reshape(pane) {
    if (pane.size && Math.abs(pane.size.width / pane.size.height - this.shape) > 0.01 && pane.reshaped !== pane.size) {
      pane.reshaped = pane.size;
      this.layout();
    }
  }
}
