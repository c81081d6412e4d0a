// What the person keeps: the picture, a recording, or the last seconds as a clip.

import { canRecord, picture, Recording, save } from "./clip.js";
import { say } from "./words.js";

const CLIP_SECONDS = 10;
const TOLD = 8000; // milliseconds for which a word on what was done is shown
const BETWEEN = 40; // milliseconds between two steps of a clip that is played

const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

export class Saving {
  // `page` has panes(), name() for the files, moment() and seek(moment) of the player (null: live), and
  // show(moment), which shows a moment without asking the server for anything.
  constructor(page, told, button) {
    this.page = page;
    this.told = told;
    this.button = button;
    this.recording = null;
    this.clipping = false;
  }

  report(text) {
    this.told.textContent = text;
    this.toldAt = performance.now();
  }

  // To be called once a second.
  tick() {
    if (this.recording && !this.clipping) this.report(say("recording", { seconds: Math.round(this.recording.seconds) }));
    else if (!this.clipping && performance.now() - this.toldAt > TOLD) this.told.textContent = "";
  }

  keep(blob, ending) {
    this.report(say("saved", { name: save(blob, this.page.name(), ending) }));
  }

  async snapshot() {
    const blob = await picture(this.page.panes());
    if (blob) this.keep(blob, "png");
    else this.report(say("nothingToSave"));
  }

  start() {
    if (!canRecord()) this.report(say("noRecorder"));
    else if (!this.page.panes().some((pane) => pane.size)) this.report(say("nothingToSave"));
    else this.recording = new Recording(this.page.panes);
    this.button.setAttribute("aria-pressed", String(this.recording !== null));
    return this.recording !== null;
  }

  async stop() {
    const over = this.recording;
    this.recording = null;
    this.button.setAttribute("aria-pressed", "false");
    const { blob, ending } = await over.stop();
    this.keep(blob, ending);
  }

  record() {
    if (this.clipping) return;
    if (this.recording) this.stop();
    else this.start();
  }

  // Plays the last seconds once more, and records them: a browser records at no other speed.
  async clip() {
    const { page } = this;
    if (this.recording || this.clipping) return;
    this.clipping = true;
    const before = page.moment();
    const end = before ?? performance.now();
    try {
      const first = page.seek(end - 1000 * CLIP_SECONDS);
      await sleep(5 * BETWEEN); // the first picture is decoded
      if (!this.start()) return;
      const began = performance.now();
      for (let moment = first; moment < end; await sleep(BETWEEN)) {
        moment = Math.min(end, first + performance.now() - began);
        page.show(moment);
        this.report(say("clipping", { seconds: Math.ceil((end - moment) / 1000) }));
      }
      await this.stop();
    } finally {
      this.clipping = false;
      page.seek(before);
    }
  }
}
