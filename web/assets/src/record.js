// What the page has seen of a run, a tenth of a second an entry, for as long as
// the longest scenario: the charts forget after a minute.

const MOST = 9000; // entries: a quarter of an hour

export class Record {
  constructor() { this.frames = []; }

  clear() { this.frames = []; }

  add(f) {
    this.frames.push({ t: f.t, offered: f.offered, good: f.good, p50: f.p50, p99: f.p99, sat: f.sat });
    if (this.frames.length > MOST) this.frames.shift();
  }
}

// seconds sums frames up by the second of scenario time: entry i holds those
// from i to i+1 after from, null where there are fewer than half.
export function seconds(frames, from, n) {
  const sums = Array.from({ length: n }, () => ({ frames: 0, offered: 0, good: 0 }));
  for (const f of frames) {
    const s = sums[Math.ceil(Math.round((f.t - from) * 10) / 10) - 1];
    if (!s) continue;
    s.frames++; s.offered += f.offered; s.good += f.good;
  }
  return sums.map((s) => (s.frames >= 5 && s.offered > 0 ? { offered: s.offered / s.frames, good: Math.min(s.good, s.offered) / s.frames } : null));
}

export const CALM = 5000; // answers that a calibration needs

// calm returns the median of the tenths' medians since a moment, and how many
// answers it rests on; none while there was no room for more on the whole.
export function calm(frames, since) {
  const all = frames.filter((f) => f.t > since && f.p50 > 0);
  const busy = all.reduce((sum, f) => sum + f.sat, 0) / all.length;
  if (!(busy < 0.95)) return { p50: NaN, answers: 0 };
  const medians = all.map((f) => f.p50).sort((a, b) => a - b);
  return { p50: medians[medians.length >> 1], answers: Math.round(all.reduce((sum, f) => sum + f.good / 10, 0)) };
}
