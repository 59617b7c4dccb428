// A pinned run: what was seen from an event on, laid under what is seen now
// from its event on. Kept for this tab only.
import { millis, percent, rate } from './format.js';
import { make, text } from './dom.js';

const KEY = 'pinned-2'; // the number grows with the form of what is kept

export function load() {
  try { return JSON.parse(sessionStorage.getItem(KEY)); } catch { return null; }
}

// anchor returns when the latest event began, or null.
export function anchor(markers) {
  const events = (markers ?? []).filter((m) => /^(event:|spike)/.test(m.text));
  return events.length ? events.at(-1).at / 1e9 : null;
}

// pin keeps the frames since the last event, or the last half minute.
export function pin(frames, state) {
  const now = frames.at(-1).t;
  const from = anchor(state.markers) ?? Math.max(frames[0].t, now - 30);
  const keep = frames.filter((f) => f.t >= from);
  const on = state.patterns.filter((p) => p.state === 'on').map((p) => p.name);
  const a = {
    frames: keep.map((f) => ({ t: Math.round((f.t - from) * 10), offered: f.offered, good: f.good, tries: f.tries, p50: f.p50, p99: f.p99, outcomes: f.outcomes, soft: f.soft, queue: f.queue, sat: f.sat })),
    on, event: anchor(state.markers) !== null,
  };
  try { sessionStorage.setItem(KEY, JSON.stringify(a)); } catch { /* a full store only means that a reload forgets A */ }
  return a;
}

export function drop() { sessionStorage.removeItem(KEY); }

// shift places A on the present time axis: a map from tenths of a second.
export function shift(a, from) {
  if (!a || from === null) return null;
  const base = Math.round(from * 10);
  return new Map(a.frames.map((f) => [base + f.t, f]));
}

// figures sums up frames for the table.
export function figures(frames) {
  let good = 0; let offered = 0; let worst = 0; let queue = 0; let bad = 0; let tries = 0;
  for (const f of frames) {
    good += f.good; offered += f.offered; tries += f.tries;
    worst = Math.max(worst, f.p99); queue = Math.max(queue, f.queue);
    if (f.offered > 0 && f.good < 0.9 * f.offered) bad += 0.1;
  }
  return { share: offered ? Math.min(1, good / offered) : NaN, worst, queue, bad, tries: offered ? tries / offered : NaN };
}

// table writes A beside B, over the time that both have.
export function table(el, a, frames, from, onNow) {
  el.hidden = !a;
  if (!a) return;
  if (from === null) {
    text(el, `A is pinned (${a.on.join(', ') || 'no pattern on'}, ${(a.frames.length / 10).toFixed(0)} s). Press Spike: the next event is laid over it.`);
    return;
  }
  const b = frames.filter((f) => f.t >= from);
  const n = Math.min(a.frames.length, b.length);
  const [x, y] = [figures(a.frames.slice(0, n)), figures(b.slice(0, n))];
  const signed = (v, write) => (v === 0 || Number.isNaN(v) ? '–' : (v > 0 ? '+' : '−') + write(Math.abs(v)));
  const seconds = (v) => v.toFixed(1) + ' s';
  const times = (v) => v.toFixed(1) + '×';
  const rows = [
    ['in time', x.share, y.share, percent, (v) => (v * 100).toFixed(0) + ' points'], ['below 90 % for', x.bad, y.bad, seconds, seconds],
    ['worst p99', x.worst, y.worst, millis, millis], ['most waiting', x.queue, y.queue, rate, rate], ['tries per user', x.tries, y.tries, times, times],
  ];
  el.replaceChildren(make('table', {},
    make('caption', {}, `First ${(n / 10).toFixed(0)} s of the event. A: ${a.on.join(', ') || 'no pattern on'}. B: ${onNow.join(', ') || 'no pattern on'}.`),
    make('thead', {}, make('tr', {}, make('td'), ...['A', 'B', 'B − A'].map((h) => make('th', { scope: 'col', class: 'num' }, h)))),
    make('tbody', {}, ...rows.map(([name, va, vb, write, diff]) => make('tr', {}, make('th', { scope: 'row' }, name),
      make('td', { class: 'num' }, write(va)), make('td', { class: 'num' }, write(vb)), make('td', { class: 'num' }, signed(vb - va, diff))))),
  ));
}
