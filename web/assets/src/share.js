// A link that holds the setting: scenario, seed, and what is in the path.
// Opening it changes nothing until the reader says so.
import { $, announce, text, toast } from './dom.js';

export function link(state) {
  const q = new URLSearchParams({ scenario: state.scenario, seed: state.seed, scale: state.scale });
  const knobs = [];
  for (const st of ['on', 'shadow']) {
    const names = state.patterns.filter((p) => p.state === st);
    if (names.length) q.set(st, names.map((p) => p.name).join(','));
    for (const p of names) for (const k of p.knobs) knobs.push(`${p.name}.${k.name}=${k.value}`);
  }
  for (const k of knobs) q.append('set', k);
  return `${location.origin}/lab?${q}`;
}

// parse returns the scenario change in a query, or null.
export function parse(query) {
  const q = new URLSearchParams(query);
  if (!q.has('scenario')) return null;
  const patterns = {};
  for (const st of ['on', 'shadow', 'off']) for (const name of (q.get(st) ?? '').split(',').filter(Boolean)) patterns[name] = { state: st, knobs: {} };
  for (const set of q.getAll('set')) {
    const m = /^([\w-]+)\.([\w-]+)=(.*)$/.exec(set);
    if (m && patterns[m[1]]) patterns[m[1]].knobs[m[2]] = m[3];
  }
  const change = { name: q.get('scenario'), patterns };
  if (/^\d{1,15}$/.test(q.get('seed') ?? '')) change.seed = Number(q.get('seed'));
  const scale = Number(q.get('scale'));
  if (scale > 0) change.scale = scale;
  return change;
}

export async function copy(state) {
  try {
    await navigator.clipboard.writeText(link(state));
    announce('Link copied.');
    toast('Link copied. It holds the scenario, the seed and the patterns.');
  } catch {
    toast(link(state));
  }
}

// offer asks whether to start what the address holds.
export function offer(panel) {
  const change = parse(location.search);
  if (!change) return;
  const dialog = $('[data-ask]');
  const names = Object.entries(change.patterns).map(([n, p]) => `${n} ${p.state}`).join(', ');
  text($('[data-ask-text]', dialog), `Scenario ${change.name}${change.seed === undefined ? '' : `, seed ${change.seed}`}, ${names ? `with ${names}` : 'as it is'}. What runs now is stopped.`);
  dialog.addEventListener('close', () => history.replaceState(null, '', '/lab'));
  $('[data-ask-yes]', dialog).addEventListener('click', async (e) => {
    await panel.change(e.currentTarget, 'POST', '/api/lab/scenario', change);
    dialog.close();
  });
  dialog.showModal();
}
