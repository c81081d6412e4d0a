// The last seconds of what came, in a bounded number of bytes.

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

  add(frame) {
    this.frames.push(frame);
    this.held += frame.bytes;
    let gone = 0;
    const oldest = frame.came - this.milliseconds;
    while (this.held > this.bytes || this.frames[gone].came < oldest) this.held -= this.frames[gone++].bytes;
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
