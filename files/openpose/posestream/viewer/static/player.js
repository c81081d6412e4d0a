// What is on the screen: the newest frame of each camera or, while paused, those of a moment ago.

import { LAYERS, Ring } from "./ring.js";

export class Player {
  constructor() {
    this.ring = new Ring();
    this.newest = new Map(); // by camera
    this.moment = null; // performance.now() of what is shown while paused
  }

  get paused() {
    return this.moment !== null;
  }

  // Takes in a message of the server; returns the frame, with its pictures where the message said "as before".
  add(header) {
    const before = this.newest.get(header.camera);
    const frame = { ...header, came: performance.now(), bytes: {} };
    for (const layer of LAYERS) {
      frame.bytes[layer] = frame[layer]?.byteLength ?? 0;
      if (frame[layer] === 0) frame[layer] = before?.[layer] ?? null;
    }
    // The number of people comes a moment after its picture: until then the one before it stays.
    if (frame.people === null && before && frame.came - before.peopleAt < 2000) frame.shownPeople = before.shownPeople;
    else frame.shownPeople = frame.people;
    frame.peopleAt = frame.people === null ? (before?.peopleAt ?? 0) : frame.came;
    this.newest.set(frame.camera, frame);
    this.ring.add(frame);
    return frame;
  }

  frame(camera) {
    return (this.paused && this.ring.at(camera, this.moment)) || this.newest.get(camera) || null;
  }

  forget(camera) {
    this.newest.delete(camera);
  }

  pause() {
    this.moment ??= performance.now();
  }

  live() {
    this.moment = null;
  }

  // Goes by so many frames, or milliseconds, back (-) or forth (+), within what is kept.
  step(frames, cameras) {
    this.pause();
    const moments = this.ring.moments(cameras);
    const here = moments.findLastIndex((moment) => moment <= this.moment);
    const there = Math.min(Math.max(here + frames, 0), moments.length - 1);
    if (moments.length) this.moment = moments[there];
  }

  move(milliseconds, cameras) {
    this.seek((this.moment ?? performance.now()) + milliseconds, cameras);
  }

  seek(moment, cameras) {
    const moments = this.ring.moments(cameras);
    if (!moments.length) return this.pause();
    this.moment = Math.min(Math.max(moment, moments[0]), moments.at(-1));
  }

  // Where it stands: seconds that can be gone back from the end, and how far back it is.
  span(cameras) {
    const moments = this.ring.moments(cameras);
    if (!moments.length) return { seconds: 0, back: 0 };
    const end = moments.at(-1);
    return { seconds: (end - moments[0]) / 1000, back: this.paused ? Math.max(0, end - this.moment) / 1000 : 0 };
  }
}
