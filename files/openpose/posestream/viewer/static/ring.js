// The last seconds of what came, in a bounded number of bytes.

export const LAYERS = ["annotated", "raw"];

const SECONDS = 30;
const BYTES = 96 * 2 ** 20;
const SMALL = 32 * 2 ** 20; // on a device of 4 GiB and less, as far as the browser says

export class Ring {
  constructor(seconds = SECONDS, bytes = navigator.deviceMemory <= 4 ? SMALL : BYTES) {
    this.milliseconds = seconds * 1000;
    this.bytes = bytes;
    this.held = 0;
    this.frames = []; // the oldest first
  }

  // Takes in a frame; what comes later of a frame that is here, as its people, belongs to the same moment.
  add(frame) {
    const place = this.frames.findLastIndex(({ camera }) => camera === frame.camera);
    const before = this.frames[place];
    if (before && before.taken === frame.taken) {
      const bytes = Object.fromEntries(LAYERS.map((layer) => [layer, frame.bytes[layer] || before.bytes[layer]]));
      this.frames[place] = { ...frame, came: before.came, bytes };
      this.held += size(bytes) - size(before.bytes);
    } else {
      this.frames.push(frame);
      this.held += size(frame.bytes);
    }
    let gone = 0;
    const oldest = frame.came - this.milliseconds;
    const isDue = (each) => this.held > this.bytes || each.came < oldest;
    while (gone < this.frames.length - 1 && isDue(this.frames[gone])) this.held -= size(this.frames[gone++].bytes);
    if (gone) this.frames.splice(0, gone);
  }

  // What was on the screen of `camera` at a moment: the newest frame that had come by then.
  at(camera, moment) {
    return this.frames.findLast((frame) => frame.camera === camera && frame.came <= moment) ?? null;
  }

  // The moments at which frames of these cameras (null: all) came, the oldest first.
  moments(cameras) {
    return this.frames.filter((frame) => !cameras || cameras.includes(frame.camera)).map(({ came }) => came);
  }
}

const size = (bytes) => LAYERS.reduce((sum, layer) => sum + bytes[layer], 0);
