// The lab's page: takes what the stream says and hands it to its parts.
import { connect } from './feed.js';
import { Charts, SPAN } from './charts.js';
import { Flow, density } from './flow.js';
import { Panel } from './panel.js';
import { Drawer } from './drawer.js';
import { downSince, sum, verdict } from './verdict.js';
import { millis, percent, rate } from './format.js';
import { cluster, flag, soften } from './scale.js';
import { $, $$, announce, make, text } from './dom.js';
import { keys } from './keys.js';
import { Team } from './team.js';
import { Missed } from './missed.js';
import { Record } from './record.js';
import * as compare from './compare.js';
import * as share from './share.js';

const root = $('[data-lab]');
const drawn = root.dataset.scenario; // what the page was made for
const veiled = 'veiled' in root.dataset; // an incident is rehearsed: the controls are out of use
let state = null;
let frames = [];
let since = null; // since when the service is down, s
let level = '';
let pinned = compare.load();
let finished = 0; // events over that the page knows of
const missed = new Missed();
const record = new Record();
let three = null; // the panel of the three engines, once it is asked for
let status = 'waiting';

const charts = new Charts(root);
let flows = $$('[data-flow]', root).map((el) => new Flow(el));
const panel = new Panel(root, take);
const team = new Team(root, panel);
const drawer = new Drawer(panel);
const still = matchMedia('(prefers-reduced-motion: reduce)');

// take accepts a state unless a newer one was accepted before.
function take(s) {
  if (s.phase === 'starting' || !s.patterns || (state && s.run === state.run && s.version < state.version)) return;
  if (s.scenario !== drawn || Boolean(s.veiled) !== veiled) {
    location.replace('/lab'); // another service, or other controls: another drawing
    return;
  }
  if (state && s.run !== state.run) { frames = []; record.clear(); since = null; $('.slow', root)?.replaceChildren(); announce('The scenario starts afresh.'); }
  if (boxes(s) !== shown) redraw(s);
  const known = state?.run === s.run ? state.markers?.length ?? 0 : Infinity;
  state = s;
  const fresh = (s.markers ?? []).slice(known);
  if (fresh.length) announce(fresh.map((m) => m.text).join('. '));
  if (fresh.some((m) => m.text.startsWith('event over'))) finished++;
  show();
}

const boxes = (s) => s.nodes.map((n) => n.id).sort().join();
let shown = $$('.flow-wide [data-node]', root).map((el) => el.dataset.node).sort().join();
let drawing = 0;

// redraw fetches the drawing anew when instances have come or gone.
function redraw(s) {
  shown = boxes(s);
  const turn = ++drawing;
  const x = new XMLHttpRequest();
  x.open('GET', '/lab');
  x.responseType = 'document';
  x.onload = () => {
    const fresh = x.response?.querySelector('.picture');
    if (!fresh || turn !== drawing) return;
    for (const f of flows) f.end();
    $('.picture', root).replaceChildren(...[...fresh.childNodes].map((n) => document.importNode(n, true)));
    flows = $$('[data-flow]', root).map((el) => new Flow(el));
    if (state) show();
  };
  x.send();
}

// fit returns the words of a note that fit a width, as the server's drawing does.
function fit(note, width) {
  let out = '';
  for (const word of note.split(' ')) {
    const longer = `${out} ${word}`.trim();
    if (longer.length * 6.3 > width) break;
    out = longer;
  }
  const open = out.indexOf('(');
  if (open >= 0 && !out.includes(')', open)) out = out.slice(0, open);
  return out.replace(/[ +·,]+$/, '');
}

// show writes a state into the page.
function show() {
  panel.show(state);
  team.show(state);
  for (const f of flows) f.state(state);
  for (const n of state.nodes) {
    const [, which = ''] = n.title.split(': ');
    const [first, ...rest] = n.note.split(/[,;] /);
    for (const el of $$(`[data-node="${n.id}"]`, root)) {
      el.classList.toggle('down', !n.up || Boolean(n.degraded));
      const note = $('[data-note]', el);
      if (!note) continue;
      const width = Number($('rect', el).getAttribute('width')) - 24;
      text(note, fit(n.kind === 'queue' ? which : n.note, width));
      if (n.kind === 'queue') { text($('[data-figure]', el), first); text($('[data-figure2]', el), fit(rest.join(', '), width)); }
    }
  }
  for (const p of state.patterns) chip(p);
  const warning = $('[data-warning]', root);
  text(warning, state.confidence ?? '');
  warning.hidden = !state.confidence;
  text($('[data-stalled-text]', root), state.stalled ?? '');
  $('[data-stalled]', root).hidden = !state.stalled;
  root.dataset.limited = state.verdict ?? '';
  root.dataset.phase = state.phase;
  markers();
  drawer.show(state, frames.at(-1));
  headline();
  if (finished) { finished = 0; runs(); }
}

// chip shows how a pattern stands in the drawing.
function chip(p) {
  for (const el of $$(`[data-chip="${p.name}"]`, root)) {
    el.setAttribute('class', `chip ${p.state}`);
    const guard = p.state === 'yours' && p.gauges?.some((g) => g.name === 'yours_guard' && g.value > 0);
    const word = guard ? 'guard open' : p.state === 'on' ? p.gauges?.find((g) => g.name === 'state')?.text : '';
    text($('[data-chip-state]', el), word || p.state);
    el.classList.toggle('alarm', guard || word === 'open' || word === 'half-open');
  }
}

// recent lists the markers of the last minute with their numbers in the run.
function recent() {
  const now = frames.at(-1)?.t ?? 0;
  return (state?.markers ?? []).map((m, i) => ({ at: m.at / 1e9, n: i + 1, text: m.text })).filter((m) => m.at > now - SPAN);
}

let legend = '';

// markers writes the legend of the flags. Flags that stand together share one.
function markers() {
  const list = recent();
  const key = list.map((m) => m.n).join();
  if (key === legend) return;
  legend = key;
  const groups = cluster(list, 2.5);
  $('[data-markers]', root).replaceChildren(...groups.slice(-6).map((c) => make('li', {}, make('b', {}, flag(c)), ' ', list.filter((m) => m.n >= c.from && m.n <= c.to).map((m) => m.text).join(', '))));
}

function pulse(p) {
  if (!state || p.run !== state.run) return;
  Object.assign(state.traffic, p.traffic);
  state.elapsed = p.elapsed;
  for (const n of state.nodes) if (p.busy && n.id in p.busy) n.busy = p.busy[n.id];
  if (p.instances) { state.instances = p.instances; state.balancer.counters = { ...state.balancer.counters, sessions_lost: p.lost }; team.show(state); }
  for (const one of state.patterns) {
    const now = p.patterns?.[one.name];
    if (now) { Object.assign(one, now); chip(one); panel.yours(one); }
  }
  drawer.show(state, frames.at(-1));
  markers();
}

function frame(f) {
  if (!state || (frames.length && f.t <= frames.at(-1).t && f.run === frames.at(-1).run)) return;
  if (frames.length && frames[0].run !== f.run) { frames = []; record.clear(); }
  frames.push(f);
  record.add(f);
  soften(frames);
  if (frames.length > SPAN * 10 + 5) frames.shift();
  since = downSince(frames, since);
  for (const one of flows) one.frame(f);
  if (!document.hidden) draw();
}

let turn = 0;

// draw brings the moving parts up to date: charts at every frame, words four
// times a second.
function draw() {
  const from = compare.anchor(state.markers);
  charts.draw(frames, recent(), compare.shift(pinned, from));
  if (turn++ % 3) return;
  headline();
  nodes(frames.at(-1));
  reasons();
  if (turn % 10 === 1) {
    compare.table($('[data-deltas]', root), pinned, frames, from, state.patterns.filter((p) => p.state === 'on').map((p) => p.name));
    badge();
    three?.follow(state, record);
  }
}

function headline() {
  if (!frames.length) return;
  const s = sum(frames);
  const [now, sentence] = verdict(s, state, frames.at(-1).t, since);
  const el = $('[data-headline]', root);
  text($('[data-good]', el), rate(s.good));
  text($('[data-offered]', el), rate(s.offered));
  text($('[data-share]', el), percent(s.share));
  text($('[data-p99]', el), millis(s.p99));
  text($('[data-tries]', el), s.offered > 0 ? (s.tries / s.offered).toFixed(1) + '×' : '–');
  text($('[data-sat]', el), percent(s.sat));
  text($('[data-verdict]', el), sentence);
  $('[data-share-bar]', el).setAttribute('width', Math.round((s.share || 0) * 100));
  el.dataset.level = now;
  if (level !== now && (now === 'bad' || now === 'ok')) announce(sentence);
  level = now;
  density($('[data-density]', root), s.tries, still.matches);
}

// nodes writes each node's figures and, for readers who want no motion, lets
// the width of the arrows say how much goes through.
function nodes(f) {
  const s = sum(frames);
  const set = (id, one, two) => {
    for (const el of $$(`[data-node="${id}"]`, root)) {
      text($('[data-figure]', el), one);
      text($('[data-figure2]', el), two ?? '');
    }
  };
  set('clients', `${rate(s.offered)} users/s`, s.offered > 0 ? `${(s.tries / s.offered).toFixed(1)} tries each` : '');
  set('balancer', `${rate(s.tries)}/s`);
  for (const n of state.nodes) {
    if (n.kind === 'gate') {
      if (n.id !== 'gate') set(n.id, `${percent(n.busy ?? 0)} busy`);
      for (const el of $$(`[data-node="${n.id}"] [data-meter]`, root)) {
        el.setAttribute('width', Math.round(Number(el.dataset.meter) * Math.min(1, n.busy ?? 0)));
        el.classList.toggle('full', n.busy > 0.98);
      }
    }
    if (n.kind !== 'instance') continue;
    for (const el of $$(`[data-node="${n.id}"] [data-lane-figure]`, root)) text(el, n.degraded || (n.up ? '' : 'down'));
  }
  set('gate', `${rate(s.calls)}/s in`, `${rate(s.queue)} waiting`);
  set('cache', `${percent(f.hit)} hits`);
  for (const el of $$('.lane rect', root)) el.style.strokeWidth = still.matches ? `${1 + Math.min(6, Math.log2(1 + s.tries / 20))}px` : '';
}

// reasons lists why requests were not served in the last 2.5 seconds.
function reasons() {
  const total = {};
  const last = frames.slice(-25);
  for (const f of last) for (const [r, v] of Object.entries(f.reasons ?? {})) total[r] = (total[r] ?? 0) + v / last.length;
  const rows = Object.entries(total).sort((a, b) => b[1] - a[1]).slice(0, 6);
  const owner = (r) => state.patterns.find((p) => p.state !== 'off' && p.reasons?.includes(r))?.name ?? '';
  const body = $('[data-reasons]', root);
  if (!rows.length) {
    body.replaceChildren(make('tr', {}, make('td', { class: 'dim', colspan: '3' }, 'None in the last seconds.')));
    return;
  }
  body.replaceChildren(...rows.map(([r, v]) => make('tr', {}, make('th', { scope: 'row' }, r.replaceAll('_', ' ')), make('td', { class: 'dim' }, owner(r)), make('td', { class: 'num' }, `${rate(v)}/s`))));
}

// badge says whether the figures are live, and owns up to what was missed as
// soon as it is more than a reader would see.
function badge() {
  const el = $('[data-live]');
  el.hidden = false;
  el.dataset.status = status;
  const words = { live: 'live', waiting: 'live', lost: 'connection lost, trying again' };
  const share = missed.share(frames.at(-1)?.t ?? 0);
  text(el, share > 0.01 ? `${words[status]} · ${percent(share)} of the frames missed` : words[status]);
}

// runs adds the run that has just ended to the history.
async function runs() {
  const answer = await fetch('/api/runs').catch(() => null);
  const [r] = answer?.ok ? await answer.json() : [];
  const body = $('[data-runs]', root);
  if (r && three) three.over(await fetch(`/api/runs/${r.id}`).then((a) => a.json()).catch(() => null));
  if (!r || $$('th', body).some((th) => th.textContent === `#${r.id}`)) return;
  $('[data-empty]', body)?.remove();
  body.prepend(make('tr', {}, make('th', { scope: 'row', class: 'num' }, `#${r.id}`), make('td', {}, r.title), make('td', { class: 'on' }, (r.on ?? []).join(', ') || 'nothing'),
    make('td', { class: 'num' }, percent(r.goodput_share)), make('td', { class: 'num' }, millis(r.p99_ms)), make('td', {}, r.claims ? `${r.claims_ok} of ${r.claims}` : ''),
    make('td', {}, r.prediction ?? ''), make('td', {}, make('a', { href: `/runs/${r.id}/report`, download: true, 'aria-label': `Download the report of run ${r.id}` }, 'download'))));
}

const pinButton = $('[data-pin]', root);

function togglePin() {
  if (pinned) { compare.drop(); pinned = null; announce('A is let go.'); }
  else if (frames.length > 10) { pinned = compare.pin(frames, state); announce('Pinned as A.'); }
  showPin();
  turn = 0;
  if (state && frames.length) draw();
  $('[data-deltas]', root).hidden = !pinned;
}

function showPin() {
  pinButton.setAttribute('aria-pressed', pinned ? 'true' : 'false');
  text($('[data-pin-word]', pinButton), pinned ? 'Unpin A' : 'Pin as A');
}

pinButton.addEventListener('click', togglePin);
showPin();
$('[data-share-link]', root).addEventListener('click', () => state && share.copy(state));

const panel3 = $('[data-three]', root);

// engines works the setting out in the other engines. Their part of the script
// is loaded with the first press.
async function engines(button) {
  if (!state) return;
  button.disabled = true;
  try {
    if (!three) { const { Three } = await import('./three.js'); three = new Three(panel3); }
    three.follow(state, record);
    await three.play(state, record, Number($('[data-three-users]', panel3).value));
  } finally { button.disabled = false; }
}

if (panel3 && globalThis.Worker && globalThis.WebAssembly) {
  const slider = $('[data-three-users]', panel3);
  const said = () => { const t = slider.list.options[slider.value].label; text($('[data-three-count]', panel3), t); slider.setAttribute('aria-valuetext', `${t} users`); };
  slider.addEventListener('input', said);
  $('[data-three-play]', panel3).addEventListener('click', (e) => engines(e.currentTarget));
  panel3.hidden = false;
}

const watched = veiled || 'watched' in root.dataset; // somebody else drives, or nobody may
keys({ p: togglePin, ...(!watched && { s: () => panel.spike(), pattern: (n) => panel.flip(n) }) });
document.addEventListener('visibilitychange', () => { if (!document.hidden && state && frames.length) draw(); });
if (!watched) share.offer(panel);

connect((kind, data) => {
  if (kind !== 'status' && status !== 'live') { status = 'live'; badge(); } // another tab passes it on
  if (kind === 'state') {
    take(data.state);
    if (data.history && state?.run === data.state.run) {
      frames = [];
      for (const f of data.history) if (f.run === state.run) { frames.push(f); soften(frames); if (!(f.t <= record.frames.at(-1)?.t)) record.add(f); }
      turn = 0;
      if (frames.length) draw();
    }
  } else if (kind === 'frame') frame(data);
  else if (kind === 'pulse') pulse(data);
  else if (kind === 'dropped') missed.told(frames.at(-1)?.t ?? 0, data);
  else if (kind === 'status') { status = data; badge(); }
});
