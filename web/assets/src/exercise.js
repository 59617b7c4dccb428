// The page of one exercise: editor, autosave, hints, verdict.
import { $, $$, announce, make, text, toast } from './dom.js';
import { send } from './api.js';
import { diff, places } from './diff.js';
import { saver } from './save.js';

const desk = $('[data-desk]');
const slug = desk.dataset.exercise;
const given = JSON.parse(desk.dataset.state); // {levels: {name: {file: text}}, reference: …}
const areas = $$('[data-text]', desk);
const names = areas.map((a) => a.dataset.text);
const saved = $('[data-saved]', desk);
let version = Number(desk.dataset.version);
let editors = {}; // by file; empty while the plain text is shown
let current = names[0];

const value = (name) => editors[name]?.text() ?? areas.find((a) => a.dataset.text === name).value;
const files = () => Object.fromEntries(names.map((n) => [n, value(n)]));

let sent = null; // what the last save held
const { touched, save, stopped, over } = saver({
  async put() {
    sent = files();
    version = (await send('PUT', `/api/exercises/${slug}/draft`, { files: sent, version })).version;
  },
  say: (how) => text(saved, how),
  clash,
});

// Two pages with one draft: nothing is saved from here until the reader has
// chosen, and neither text is lost by the choice.
const banner = $('[data-clash]', desk);
let other = null; // what was saved elsewhere: {files, version}

async function clash() {
  const answer = await fetch(`/api/exercises/${slug}/draft`);
  if (!answer.ok) throw new Error('it was changed elsewhere, and that text cannot be read.');
  other = await answer.json();
  other.files ??= given.levels[$('[data-level]', desk).value] ?? {};
  const same = (mine) => mine && names.every((n) => mine[n] === (other.files[n] ?? ''));
  if (same(files()) || same(sent)) { // no other page: the answer to our own save was lost on its way
    version = other.version;
    over(!same(files()));
    text(saved, same(files()) ? 'saved' : 'not saved yet');
    return;
  }
  compare();
  banner.hidden = false;
  toast('This draft was saved in another tab. Nothing is saved from here until you choose, below the editor, which text to keep.');
}

// compare shows the two texts where they differ, with a line or two around.
function compare() {
  const parts = names.filter((n) => value(n) !== (other.files[n] ?? '')).map((n) => {
    const lines = diff(value(n), other.files[n] ?? '');
    const near = lines.map((_, i) => lines.slice(Math.max(0, i - 2), i + 3).some(([sign]) => sign !== ' '));
    return make('pre', { tabindex: '0', 'aria-label': n }, ...lines.flatMap((l, i) => (near[i] ? [marked(l)] : near[i - 1] ? [marked([' ', '…'])] : [])));
  });
  $('[data-clash-diff]', banner).replaceChildren(...parts);
}

const marked = ([sign, line]) => make('span', { class: { '-': 'gone', '+': 'new', ' ': 'same' }[sign] }, `${sign} ${line}\n`);

$('[data-mine]', banner).addEventListener('click', () => {
  version = other.version;
  banner.hidden = true;
  button.focus();
  over(true);
});

$('[data-theirs]', banner).addEventListener('click', () => {
  const mine = files();
  version = other.version;
  for (const n of names) put(n, other.files[n] ?? '');
  banner.hidden = true;
  button.focus();
  over(false);
  text(saved, 'saved');
  offer('The other text is here.', mine);
});

// offer says what has happened to the text and lets it be taken back.
function offer(said, back) {
  const undo = make('button', { type: 'button', class: 'quiet' }, 'Take it back');
  undo.addEventListener('click', () => { for (const n of names) put(n, back[n]); $('[data-undo]', desk).replaceChildren(); changed(); button.focus(); });
  announce(said);
  $('[data-undo]', desk).replaceChildren(said + ' ', undo);
}

function changed() {
  touched();
  if (stopped() && !banner.hidden) compare();
}

function put(name, doc) {
  const area = areas.find((a) => a.dataset.text === name);
  area.value = doc;
  editors[name]?.set(doc);
}

function choose(name) {
  current = name;
  for (const b of $$('[data-file]', desk)) b.setAttribute('aria-pressed', b.dataset.file === name ? 'true' : 'false');
  for (const a of areas) a.hidden = Boolean(editors[a.dataset.text]) || a.dataset.text !== name;
  for (const h of $$('[data-host]', desk)) h.hidden = h.dataset.host !== name;
}

// rich puts the code editor over the plain text, unless the plain text was asked
// for while it was on its way; plain takes it away.
async function rich() {
  const { open } = await import('./code.js');
  if (plainBox.checked || Object.keys(editors).length > 0) return;
  for (const a of areas) {
    const host = make('div', { class: 'host', 'data-host': a.dataset.text });
    a.after(host);
    editors[a.dataset.text] = open(host, a.dataset.text, a.value, { changed: (doc) => { a.value = doc; changed(); }, submit: check });
  }
  choose(current);
}

function plain() {
  for (const a of areas) if (editors[a.dataset.text]) a.value = editors[a.dataset.text].text();
  for (const e of Object.values(editors)) e.close();
  editors = {};
  for (const h of $$('[data-host]', desk)) h.remove();
  choose(current);
}

const plainBox = $('[data-plain]', desk);
const PLAIN = 'plain-editor';
plainBox.checked = localStorage.getItem(PLAIN) === 'yes';
plainBox.addEventListener('change', () => {
  localStorage.setItem(PLAIN, plainBox.checked ? 'yes' : 'no');
  if (plainBox.checked) plain(); else rich();
});
for (const a of areas) a.addEventListener('input', changed);
desk.addEventListener('keydown', (e) => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey) && !e.defaultPrevented) { e.preventDefault(); check(); } });
for (const b of $$('[data-file]', desk)) b.addEventListener('click', () => choose(b.dataset.file));

$('[data-reset]', desk).addEventListener('click', () => begin($('[data-level]', desk).value, 'Back at the beginning.'));
$('[data-level]', desk).addEventListener('change', (e) => begin(e.target.value, 'Another beginning.'));

function begin(level, said) {
  const start = given.levels[level];
  if (!start) return;
  const before = files();
  for (const n of names) put(n, start[n] ?? '');
  changed();
  offer(said, before);
}

// Tabs: arrows move, as the pattern for tabs wants it.
const tabs = $$('[data-tab]', desk);
function tab(t) {
  for (const one of tabs) {
    const on = one === t;
    one.setAttribute('aria-selected', on ? 'true' : 'false');
    one.tabIndex = on ? 0 : -1;
    document.getElementById(one.getAttribute('aria-controls')).hidden = !on;
  }
}
for (const [i, t] of tabs.entries()) {
  t.addEventListener('click', () => tab(t));
  t.addEventListener('keydown', (e) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
    if (!step) return;
    const next = tabs[(i + step + tabs.length) % tabs.length];
    tab(next); next.focus();
  });
}
tab(tabs[0]);

for (const task of $$('[data-task]', desk)) {
  const button = $('[data-hint]', task);
  button.addEventListener('click', async () => {
    try {
      const { hints, of } = await send('POST', `/api/exercises/${slug}/hints/${task.dataset.task}`);
      $('[data-taken]', task).replaceChildren(...hints.map((h) => make('li', {}, h)));
      button.hidden = hints.length >= of;
      announce(hints.at(-1));
    } catch (err) { toast(err.message); }
  });
}

// Checking.
const button = $('[data-check]', desk);
const doing = $('[data-doing]', desk);
const outcome = $('[data-outcome]', desk);
let busy = false;

async function check() {
  if (busy || button.disabled) return;
  busy = true; button.setAttribute('aria-busy', 'true');
  text(outcome, 'Being checked');
  $('[data-diff]', desk).hidden = true;
  try {
    const a = await send('POST', `/api/exercises/${slug}/attempts`, { files: files() });
    await follow(a.id);
    const done = await (await fetch(`/api/attempts/${a.id}`)).json();
    show(done);
  } catch (err) {
    text(outcome, 'Not checked');
    text(doing, err.message);
  }
  busy = false; button.removeAttribute('aria-busy');
}

// follow waits for the end of an attempt and says how far it is.
function follow(id) {
  return new Promise((resolve) => {
    const source = new EventSource(`/api/attempts/${id}/stream`);
    const end = () => { source.close(); text(doing, ''); resolve(); };
    source.addEventListener('step', (e) => {
      const s = JSON.parse(e.data);
      text(doing, s.state === 'queued' ? `${s.ahead} before yours` : s.doing || s.state);
      if (s.state === 'done' || s.state === 'interrupted') end();
    });
    source.onerror = () => { if (source.readyState === EventSource.CLOSED) end(); };
  });
}

function show(a) {
  const v = a.verdict ?? { accepted: false, reason: 'The workbench ended while this was checked. Check it again.', cases: [] };
  const said = a.passed ? `Accepted, ${v.score} of ${v.of ?? 100} points` : 'Not accepted yet';
  text(outcome, said);
  outcome.focus();
  announce(said);
  const faults = {};
  const note = (message) => { for (const p of places(message, names)) (faults[p.file] ??= []).push({ line: p.line, message }); };
  note(v.reason);
  const idle = (v.cases ?? []).filter((c) => !c.ok && c.status === 'not-run');
  const rows = (v.cases ?? []).filter((c) => !idle.includes(c)).map((c) => {
    note(c.message);
    const spots = places(c.message, names).map((p) => {
      const b = make('button', { type: 'button', class: 'plain' }, `${p.file}:${p.line}`);
      b.addEventListener('click', () => { choose(p.file); editors[p.file]?.line(p.line); });
      return b;
    });
    return make('li', { class: c.ok ? 'ok' : 'bad', 'data-case': c.name }, make('b', {}, `${c.ok ? '✓' : '✗'} ${c.name}`), make('span', { class: 'dim' }, c.ok ? ` ${c.points ?? ''}`.trimEnd() : ''), !c.ok && c.message ? make('pre', { tabindex: '0' }, c.message + (c.expected ? `\nexpected ${c.expected}\ngot      ${c.got}` : '')) : '', ...spots, !c.ok && c.hint ? make('p', { class: 'dim' }, c.hint) : '');
  });
  if (idle.length) rows.push(make('li', { class: 'dim', 'data-idle': '' }, `${idle.length} ${idle.length === 1 ? 'test' : 'tests'} not run${idle[0].message ? `: ${idle[0].message}` : ''}`));
  const facts = [['race detector', v.race], ['goroutine leaks', v.leak]].filter(([, f]) => f !== undefined && f !== null && f !== '').map(([n, f]) => make('li', {}, `${n}: ${f === true ? 'found' : f === false ? 'none found' : f}`));
  $('[data-verdict]', desk).replaceChildren(v.reason && !a.passed ? make('pre', { class: 'reason', tabindex: '0' }, v.reason) : '', v.lesson ? make('p', { class: 'lesson' }, make('b', {}, 'This looks like a known mistake. '), v.lesson) : '', make('ul', { class: 'verdicts' }, ...rows), v.output && !a.passed ? make('details', {}, make('summary', {}, 'What your code printed'), make('pre', { tabindex: '0' }, v.output)) : '', ...(v.advice ?? []).map((l) => make('p', { class: 'warn' }, `vet: ${l}`)), make('ul', { class: 'facts dim' }, ...facts, make('li', {}, `${((v.duration_ms ?? 0) / 1000).toFixed(1)} s`)));
  for (const [name, e] of Object.entries(editors)) e.faults(faults[name] ?? []);
  const past = $('[data-past]', desk);
  $('[data-empty]', past)?.remove();
  past.prepend(make('tr', {}, make('td', {}, 'now'), make('td', {}, a.passed ? 'accepted' : v.state ?? 'not accepted'), make('td', { class: 'num' }, String(v.score ?? ''))));
  const plug = $('[data-plug]', desk);
  if (plug && a.passed) plug.hidden = false;
  $('[data-answer]', desk).hidden = !(a.passed || $$('tr', past).length >= 3);
  if (!$('[data-answer]', desk).hidden) $('[data-read] button', desk)?.replaceWith(make('a', { href: `/exercises/${slug}/read` }, 'Read them'));
}

$('[data-answer]', desk).addEventListener('click', async () => {
  try {
    const right = await (await fetch(`/api/exercises/${slug}/answer`)).json();
    if (!right.files) throw new Error(right.detail);
    const box = $('[data-diff]', desk);
    box.replaceChildren(make('h2', {}, 'Yours (−) beside one right answer (+)'), ...names.map((n) => make('pre', { tabindex: '0', 'aria-label': n }, ...diff(value(n), right.files[n] ?? '').map(marked))));
    box.hidden = false;
  } catch (err) { toast(err.message); }
});

// In the lab: what a button asks for is done, and the page is drawn anew.
for (const b of $$('[data-do]', desk)) {
  b.addEventListener('click', async () => {
    b.setAttribute('aria-busy', 'true');
    try {
      const done = await send(...b.dataset.do.split(' '));
      await save();
      if (done.page) location.href = done.page;
      else { location.hash = 'plug-title'; location.reload(); }
    } catch (err) { toast(err.message); }
    b.removeAttribute('aria-busy');
  });
}

button.addEventListener('click', check);
if (!plainBox.checked) rich();
