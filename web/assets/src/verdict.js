import { clock, percent, rate } from './format.js';

// WINDOW is how many frames the headline averages: 2.5 s, since a figure that
// changes ten times a second cannot be read.
const WINDOW = 25;

// sum adds up the last frames.
export function sum(frames) {
  const last = frames.slice(-WINDOW);
  const s = { n: last.length, good: 0, offered: 0, tries: 0, sat: 0, queue: 0, calls: 0 };
  for (const f of last) {
    s.good += f.good; s.offered += f.offered; s.tries += f.tries; s.sat += f.sat; s.queue += f.queue; s.calls += f.calls;
  }
  for (const k of ['good', 'offered', 'tries', 'sat', 'queue', 'calls']) s[k] /= Math.max(s.n, 1);
  s.share = s.offered > 0 ? Math.min(1, s.good / s.offered) : NaN;
  s.drain = last.length > 1 ? (last[0].queue - last.at(-1).queue) / (last.at(-1).t - last[0].t) : 0; // a second
  s.left = last.length ? last.at(-1).queue : 0;
  s.p99 = last.length ? last[last.length - 1].p99 : 0;
  return s;
}

// downSince returns the time since when fewer than half have been served,
// looking at whole seconds, or null. known is the answer of the last call.
export function downSince(frames, known) {
  const last = frames.slice(-10);
  if (last.length < 10) return null;
  const offered = last.reduce((a, f) => a + f.offered, 0);
  const share = offered > 0 ? last.reduce((a, f) => a + f.good, 0) / offered : 1;
  if (share >= 0.5) return null;
  return known ?? last[0].t;
}

// verdict says in one sentence how the service is, with a number in it.
export function verdict(s, state, now, since) {
  if (state.phase === 'paused') return ['idle', 'The traffic is paused.'];
  if (state.phase === 'stopped' || state.phase === 'finished') return ['idle', `The run is ${state.phase}. Restart the scenario to go on.`];
  if (state.verdict === 'generator') return ['idle', 'No verdict: the traffic generator was the bottleneck, not the service.'];
  if (!s.n || !(s.offered > 0)) return ['idle', 'Nobody asks right now.'];
  const t = state.traffic;
  const amplified = s.tries / s.offered;
  if (since !== null) {
    const down = `Down for ${clock(now - since)}.`;
    if (t.spike > 1) return ['bad', `${down} ${rate(s.offered)} users a second ask; the database can serve ${rate(t.capacity)}.`];
    if (s.offered < t.capacity && amplified > 1.3 && s.calls >= 0.9 * t.capacity) {
      return ['bad', `${down} Traffic is back to normal, yet it does not recover: each user asks ${amplified.toFixed(1)} times, ${rate(s.tries)} tries a second for a database that serves ${rate(t.capacity)}.`];
    }
    if (s.left > 0.5 * t.capacity && s.drain > 0.1 * t.capacity) {
      return ['bad', `${down} The backlog drains: ${rate(s.left)} requests still wait and ${rate(s.drain)} a second go, so about ${Math.ceil(s.left / s.drain)} s are left.`];
    }
    return ['bad', `${down} Only ${percent(s.share)} of the users get an answer in time.`];
  }
  if (s.share >= 0.99) return ['ok', `Everybody gets an answer in time${s.p99 > 0 ? ', 99 in 100 within ' + Math.ceil(s.p99) + ' ms' : ''}.`];
  return [s.share >= 0.9 ? 'warn' : 'bad', `${percent(1 - s.share)} of the users get no answer in time.`];
}
