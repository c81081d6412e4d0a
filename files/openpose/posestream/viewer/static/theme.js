// Light or dark: as the address says, else as the device does.

const light = matchMedia("(prefers-color-scheme: light)");
const GROUND = { dark: "#0b1017", light: "#f4f6f9" };
let wanted = "";

export const shown = () => wanted || (light.matches ? "light" : "dark");

export function apply(theme = wanted) {
  wanted = theme;
  document.documentElement.dataset.theme = shown();
  document.querySelector('meta[name="theme-color"]').content = GROUND[shown()];
}

light.addEventListener("change", () => apply());
