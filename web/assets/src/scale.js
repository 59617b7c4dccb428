// Pure functions behind the charts and the dots.

// ceiling returns the next of 1, 2, 2.5, 5 × 10ⁿ.
export function ceiling(v) {
  if (!(v > 0)) return 1;
  const base = 10 ** Math.floor(Math.log10(v));
  for (const m of [1, 2, 2.5, 5]) if (m * base >= v) return m * base;
  return 10 * base;
}

// step returns the top of an axis for data up to max: it grows at once and
// shrinks only when less than a third is used, so the axis does not flicker.
export function step(top, max) {
  if (max > top) return ceiling(max);
  return max < top / 3 ? Math.max(ceiling(max * 1.5), 1) : top;
}

// dots returns how many dots a second stand for a rate: logarithmic, so that
// ten times the traffic is visibly more and still not a bar.
export function dots(rate) {
  return rate <= 0 ? 0 : Math.min(rate, 16 * Math.log10(1 + rate / 5));
}

// nice rounds a count to one or two figures, for "1 dot ≈ 7 requests".
export function nice(v) {
  if (v < 1.5) return 1;
  const base = 10 ** Math.max(0, Math.floor(Math.log10(v)) - 1);
  return Math.round(v / base) * base;
}

// cluster joins markers that are closer than gap seconds: their flags would
// cover each other. It returns [{at, from, to}] with numbers from 1.
export function cluster(markers, gap) {
  const out = [];
  for (const m of markers) {
    const last = out[out.length - 1];
    if (last && m.at - last.at < gap) last.to = m.n;
    else out.push({ at: m.at, from: m.n, to: m.n });
  }
  return out;
}

export const flag = (c) => (c.from === c.to ? `${c.from}` : `${c.from}–${c.to}`);

const SOFT = 5; // frames: half a second

// soften adds to the last frame the mean of the last half second: a tenth of a
// second holds a dozen users, and its rate is mostly chance.
export function soften(frames) {
  const last = frames.slice(-SOFT);
  const mean = (get) => last.reduce((a, f) => a + get(f), 0) / last.length;
  frames[frames.length - 1].soft = {
    offered: mean((f) => f.offered), good: mean((f) => f.good), outcomes: frames[frames.length - 1].outcomes.map((_, i) => mean((f) => f.outcomes[i])),
  };
}
