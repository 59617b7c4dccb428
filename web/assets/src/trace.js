// Pure functions that turn a series into a path.

// points places values on a canvas, one beside the other. top is the value at
// the upper edge; on a log scale the lower edge is 1. What is no number, or not
// above 0 on a log scale, leaves a gap (null).
export function points(values, { width, height, top, log = false }) {
  const step = width / Math.max(1, values.length - 1);
  return values.map((v, i) => {
    if (!Number.isFinite(v) || (log && v <= 0)) return null;
    const share = log ? Math.log(Math.max(1, v)) / Math.log(top) : v / top;
    return [i * step, height * (1 - Math.min(1, Math.max(0, share)))];
  });
}

// line joins points by straight lines and begins anew after each gap.
export function line(all) {
  let d = '';
  let pen = false;
  for (const p of all) {
    if (p) d += `${pen ? 'L' : 'M'}${p[0].toFixed(1)} ${p[1].toFixed(1)}`;
    pen = p !== null;
  }
  return d;
}
