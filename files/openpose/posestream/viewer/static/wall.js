// How pictures fill a place: so many rows and columns that each of them is as large as can be.

const NARROWEST = 150; // CSS pixels: narrower ones are not looked at, the wall is scrolled instead

// Returns {columns, width, height} of the cells for `count` pictures of `shape` (width / height) in a place of
// `width` by `height`, with `gap` between them and a line of height `caption` above each.
export function arrange(count, width, height, shape, gap, caption = 0) {
  let best = { columns: 1, width: 0, height: 0, spare: Infinity };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const across = (width - gap * (columns - 1)) / columns;
    const down = (height - gap * (rows - 1)) / rows - caption;
    const shown = Math.min(across, down * shape);
    const spare = rows * columns - count;
    if (shown > best.width + 0.5 || (shown > best.width - 0.5 && spare < best.spare)) {
      best = { columns, width: shown, height: shown / shape, spare };
    }
  }
  if (best.width >= NARROWEST || count === 0) return best;
  const columns = Math.max(1, Math.min(count, Math.floor((width + gap) / (NARROWEST + gap))));
  const across = (width - gap * (columns - 1)) / columns;
  return { columns, width: across, height: across / shape };
}
