// The figures of one camera, each with its last minutes.

import { spark } from "./plots.js";
import { setText, time } from "./words.js";

const OLD_AFTER = 2; // seconds of age from which the figure is shown as a warning
const LEAST = { people: 1, age: 0.5, in: 1, out: 1, lag: 2 }; // heights of the plots' axes

const $ = (id) => document.getElementById(id);
const rate = (stream) => stream?.fps.toFixed(1) ?? "–";

// `frame` is on the screen, `age` seconds old; `entry` is what the status says of the camera. Each may be missing.
export function show(frame, age, entry) {
  setText($("people"), String(frame?.shownPeople ?? "–"));
  setText($("age"), time(age));
  $("age").dataset.level = age > OLD_AFTER || age < -1 ? "warn" : "";
  setText($("raw-rate"), rate(entry?.raw));
  setText($("annotated-rate"), rate(entry?.annotated));
  setText($("lag"), String(entry?.lag ?? "–"));
}

export function plots(history, camera) {
  for (const canvas of document.querySelectorAll("#cards .spark")) {
    const { figure } = canvas.dataset;
    spark(canvas, history.points(camera, figure), LEAST[figure]);
  }
}
