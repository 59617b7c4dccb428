// Pure functions behind the three engines on one chart.

const BOUNDS = { p50: 0.1, p99: 0.1, refused: 0.02 }; // within which two engines agree

// count writes so many users: "5 M".
export function count(n) {
  for (const [unit, name] of [[1e6, ' M'], [1e3, ' k']]) if (n >= unit) return `${Number((n / unit).toPrecision(3))}${name}`;
  return String(n);
}

// users turns the slider, in quarters of a decade from a thousand, into a count
// that one would say.
export const users = (position) => Number((10 ** (3 + position / 4)).toPrecision(position % 4 === 0 ? 1 : 2));

const refused = (r) => (r.offered ? ['shed', 'limited', 'open'].reduce((sum, o) => sum + (r.outcomes[o] ?? 0), 0) / r.offered : 0);

// figures returns what is compared of a report.
export const figures = (r) => ({ good: r.goodput_share, p50: r.latency_ms.p50, p99: r.latency_ms.p99, refused: refused(r) });

// slower adds what a machine adds to each request: on its way, before and after
// the service, so that it takes nobody's place there.
export const slower = (f, ms) => ({ ...f, p50: f.p50 + ms, p99: f.p99 + ms });

// off returns how far b is from a: shares of a's latencies, a difference of
// the shares refused.
export const off = (a, b) => ({ p50: a.p50 ? b.p50 / a.p50 - 1 : 0, p99: a.p99 ? b.p99 / a.p99 - 1 : 0, refused: b.refused - a.refused });

export const agrees = (o) => Object.entries(BOUNDS).every(([k, most]) => Math.abs(o[k]) <= most);

// LIVE names the faults that the lab of a browser alone has.
const LIVE = /^(broker-down|replica-lag)/;

// beyond takes from a link what is set beside the patterns: as flags for the
// other engines, and in words what these leave out.
export function beyond(link) {
  const flags = [];
  const out = [];
  for (const [name, value] of new URLSearchParams(link)) {
    if (name === 'down') flags.push(...value.split(',').map((i) => `--fault=instance-kill:target=${i}`));
    else if (name === 'drain') out.push(`that ${value} drains`);
    else if (name === 'yours') out.push(`your own ${value} (theirs is the workbench’s)`);
    else if (name === 'set' && value.startsWith('database.')) out.push(value.replace('=', ' '));
    else if (name === 'fault' && LIVE.test(value)) out.push(value);
    else if (['duration', 'instances', 'traffic', 'fault'].includes(name) || (name === 'set' && /^(balancer|autoscaler|alert)\./.test(value))) flags.push(`--${name}=${value}`);
  }
  return { flags, out };
}

// began returns when the latest event of the scenario began, in seconds, or null.
export function began(markers) {
  const at = (markers ?? []).findLast((m) => m.text.startsWith('event:'))?.at;
  return at === undefined ? null : at / 1e9;
}

// BURST is how long the page's own burst lasts, s.
const BURST = 10;

// meddled reports whether somebody changed the service while the event went on,
// or let a burst run into it. What the event itself does is no change.
export const meddled = (markers, at) => (markers ?? []).some((m) => m.hand && !m.text.startsWith('event') && m.at / 1e9 > (m.text.startsWith('spike') ? at - BURST : at));

// grown writes a knob's value factor times as large, whole numbers as such.
export function grown(value, factor) {
  const v = Number(value) * factor;
  return String(/^\d+$/.test(value) ? Math.max(Math.min(1, Number(value)), Math.round(v)) : Number(v.toPrecision(9)));
}
