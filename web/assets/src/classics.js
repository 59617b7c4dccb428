// The page of published results: each can be run again in the reader's browser.
import { run } from './engine.js';
import { $, $$, text } from './dom.js';

const page = $('[data-classics]');
const seed = $('[data-seed]');
const stop = $('[data-stop]');
const all = $('[data-all]');
const say = $('[data-say]');
let ended;

// digits writes a number as the server does: n significant digits.
export function digits(v, n) {
  const r = Number(v.toPrecision(n));
  if (r === 0 || (Math.abs(r) >= 1e-4 && Math.abs(r) < 1e6)) return r.toLocaleString('en', { useGrouping: false, maximumFractionDigits: 20 });
  return r.toExponential();
}

function show(row, r) {
  text($('[data-value]', row), digits(r.value, 5));
  text($('[data-half]', row), digits(Math.max(r.high - r.value, r.value - r.low), 2));
  text($('[data-ok]', row), r.ok ? '✓' : '✗');
  text($('[data-samples]', row), `${r.samples} observed, seed ${r.seed}`);
}

async function one(row, signal) {
  row.setAttribute('aria-busy', 'true');
  try {
    const r = JSON.parse(await run(page.dataset.worker, { classic: row.dataset.classic, seed: Number(seed.value) }, { signal }));
    show(row, r);
    return r;
  } finally {
    row.removeAttribute('aria-busy');
  }
}

async function play(rows) {
  if (!seed.reportValidity()) return;
  ended = new AbortController();
  for (const b of [all, ...$$('[data-run]')]) b.disabled = true;
  stop.disabled = false;
  let held = 0;
  let done = 0;
  try {
    for (const row of rows) {
      text(say, `${done + 1} of ${rows.length}: ${row.dataset.classic}`);
      const r = await one(row, ended.signal);
      done += 1;
      if (r.ok) held += 1;
      else text(say, r.reason);
    }
    text(say, rows.length === 1 ? `${rows[0].dataset.classic}: ${held ? 'reproduced' : 'not reproduced'} with seed ${seed.value}.` : `${held} of ${done} reproduced with seed ${seed.value}.`);
  } catch (err) {
    text(say, err.message === 'stopped' ? `Stopped after ${done} of ${rows.length}; ${held} reproduced.` : `It could not be run: ${err.message}`);
  }
  for (const b of [all, ...$$('[data-run]')]) b.disabled = false;
  stop.disabled = true;
}

if (page?.dataset.worker && globalThis.Worker && globalThis.WebAssembly) {
  $('[data-tools]').hidden = false;
  for (const row of $$('[data-classic]')) {
    const b = $('[data-run]', row);
    b.hidden = false;
    b.addEventListener('click', () => play([row]));
    b.setAttribute('aria-label', `Run ${row.dataset.classic}`);
  }
  all.addEventListener('click', () => play($$('[data-classic]')));
  stop.addEventListener('click', () => ended.abort());
}
