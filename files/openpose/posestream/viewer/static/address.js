// What is shown stands in the address, so that it can be bookmarked: #view=one&camera=street&numbers=off

// The settings, what each may be, and what it is if the address does not say; "" is: as the page sees fit.
const CHOICES = {
  view: ["", "wall", "one", "side", "figures"],
  picture: ["raw", "annotated"],
  skeletons: ["on", "off"],
  colours: ["parts", "people"],
  numbers: ["on", "off"],
  confidence: ["off", "on"],
  lang: ["", "en", "ja"],
  theme: ["", "light", "dark"],
  minutes: ["60", "15", "360", "1440", "10080"],
  bare: ["off", "on"],
};

export const choicesOf = (name) => CHOICES[name];

export function read() {
  const hash = location.hash.slice(1);
  // A camera's name alone is an address of earlier versions.
  const said = new URLSearchParams(hash && !hash.includes("=") ? { camera: decodeURIComponent(hash) } : hash);
  const settings = { camera: said.get("camera") ?? "" };
  for (const [name, choices] of Object.entries(CHOICES)) {
    settings[name] = choices.includes(said.get(name)) ? said.get(name) : choices[0];
  }
  return settings;
}

// `entry`: as a new step of the browser's history, so that its back button leads here.
export function write(settings, entry = false) {
  const said = new URLSearchParams();
  for (const name of ["view", "camera", ...Object.keys(CHOICES)]) {
    if (settings[name] && settings[name] !== CHOICES[name]?.[0]) said.set(name, settings[name]);
  }
  const hash = said.size ? `#${said}` : "";
  if (hash === location.hash) return;
  history[entry ? "pushState" : "replaceState"](null, "", location.pathname + location.search + hash);
}
