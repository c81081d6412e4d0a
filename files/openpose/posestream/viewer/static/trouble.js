// What is wrong, the worst first, and what to do about it: {level, key, values, more, help}.
// `level` is "good", "note" (it goes on, but badly), "waiting" or "lost"; `more` changes every second, and is
// not read out to those who listen.

import { lengthOf, say, time } from "./words.js";

export const SILENT_AFTER = 5; // seconds without anything new until the page says so
const OLD_AFTER = 5; // seconds of age with which a camera's frames come
const NOTE_AFTER = 3000; // milliseconds
const SKIPPED_SHARE = 0.2; // of the frames, without a result: as worker.py has it
const LATE_SECONDS = 3; // that results are older than pictures: as there

const found = (level, key, help = "", values = {}, more = "") => ({ level, key, help, values, more });
const GOOD = found("good", "live");

const percent = (share) => Math.min(99, Math.round(100 * share));
const silence = (stream, since) => (stream ? stream.silent + since : Infinity);
const lasting = (seconds) => (seconds < Infinity ? say("forSeconds", { time: lengthOf(seconds) }) : "");

// What is wrong with a camera: `camera` is what the status says of it (undefined: it is gone), `since` how many
// seconds ago it said so.
export function ofCamera(name, camera, since) {
  const values = { camera: name };
  if (!camera) return found("waiting", "stopped", "stoppedHelp", values);
  const raw = silence(camera.raw, since);
  const annotated = silence(camera.annotated, since);
  if (Math.min(raw, annotated) > SILENT_AFTER) {
    return found("waiting", "stopped", "stoppedHelp", values, lasting(Math.min(raw, annotated)));
  }
  if (!camera.annotated && camera.since <= SILENT_AFTER) return found("waiting", "firstResult", "firstResultHelp");
  if (annotated > SILENT_AFTER) return found("waiting", "down", "downHelp", values, lasting(annotated));
  if (camera.raw?.fps && camera.skipped / camera.raw.fps > SKIPPED_SHARE) {
    return found("note", "tooSlow", "slowHelp", { percent: percent(camera.skipped / camera.raw.fps) });
  }
  const late = camera.annotated.age - (camera.raw?.age ?? camera.annotated.age);
  if (late > LATE_SECONDS) return found("note", "late", "slowHelp", { time: time(late) });
  const age = camera.raw?.age ?? 0;
  if (age > OLD_AFTER) return found("note", "old", "oldHelp", { camera: name, time: time(age) });
  return age < -1 ? found("note", "ahead", "aheadHelp", values) : GOOD;
}

// What is wrong altogether. `cameras` are the names of those on the screen, `of` tells what is wrong with one; on
// the wall the workers count, and what one camera lacks stands in its tile.
export function overall({ lost, status }, cameras, of, wall) {
  if (lost) {
    const seconds = Math.ceil((lost.retryAt - performance.now()) / 1000);
    const more = seconds > 1 && lost.why !== "login" ? say("inSeconds", { seconds }) : "";
    return found("lost", lost.why, `${lost.why}Help`, {}, more);
  }
  if (!status) return found("waiting", "connecting");
  if (status.broker === "away" || status.broker === "stopped") return found("waiting", "broker", "brokerHelp");
  if (!cameras.length) {
    return status.broker === "connecting" ? found("waiting", "brokerConnecting") : found("waiting", "noCamera", "noCameraHelp");
  }
  const each = cameras.map(of);
  const shared = each.find(({ key }) => each.every((other) => other.key === key));
  if (shared?.key === "stopped" && each.length > 1) return { ...shared, key: "stoppedAll" };
  if (shared) return shared;
  if (!wall || status.worker?.state !== "slow") return GOOD;
  if (status.worker.skipped > SKIPPED_SHARE) return found("note", "tooSlow", "slowHelp", { percent: percent(status.worker.skipped) });
  return each.find(({ key }) => key === "late") ?? GOOD;
}

// What goes on, but badly, is said when it has lasted for a while, and until it has been over for a while.
const note = { since: 0, until: 0, trouble: null };

export function steady(trouble) {
  const now = performance.now();
  if (trouble.level === "note") {
    if (now > note.until) note.since = now;
    note.until = now + NOTE_AFTER;
    note.trouble = trouble;
  } else if (trouble.level !== "good") note.until = 0;
  if (now < note.until && now - note.since > NOTE_AFTER) return note.trouble;
  return trouble.level === "note" ? GOOD : trouble;
}
