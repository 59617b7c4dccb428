// The guide's experiments: a guess, then the runs, one after the other, and what
// they give beside the guess. Scenarios are played in this browser's own virtual
// time; programs measure the machine that serves the page.
import { run } from './engine.js';
import { line, points } from './trace.js';
import { $, $$, text } from './dom.js';
import { send } from './api.js';
import { follow, stepText } from './follow.js';

const page = $('[data-guide]');
const CLASSES = ['a', 'b', 'c', 'd', 'e', 'f'];
const [WIDTH, HEIGHT] = [600, 120];

// written writes a value as the guide does.
export function written(value, { unit, factor, digits }) {
  if (value === null) return '–';
  const v = value * factor;
  const round = digits < 0 ? Math.round(v * 10 ** digits) / 10 ** digits : v;
  const number = round.toLocaleString('en', { minimumFractionDigits: Math.max(0, digits), maximumFractionDigits: Math.max(0, digits) });
  return `${number}${unit && unit !== '/s' ? ' ' : ''}${unit}`;
}

function draw(svg, all) {
  svg.setAttribute('viewBox', `0 -4 ${WIDTH} ${HEIGHT + 8}`);
  svg.replaceChildren(...all.map((series, i) => {
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    path.setAttribute('class', `run-${CLASSES[i % CLASSES.length]}`);
    path.setAttribute('d', line(points(series.map(([, came, good]) => (came > 0 ? Math.min(1, good / came) : NaN)), { width: WIDTH, height: HEIGHT, top: 1 })));
    return path;
  }));
}

for (const box of $$('[data-experiment]')) {
  const data = box.dataset.experiment && JSON.parse(box.dataset.experiment);
  if (!data || !page.dataset.worker || !globalThis.Worker || !globalThis.WebAssembly) continue;
  const start = $('[data-run]', box);
  const stop = $('[data-stop]', box);
  const say = $('[data-say]', box);
  $('[data-run-tools]', box).hidden = false;
  start.addEventListener('click', async () => {
    const ended = new AbortController();
    stop.onclick = () => ended.abort();
    start.disabled = true; stop.hidden = false;
    const guess = $('[data-guess]', box).value.trim();
    const rows = $$('[data-rows] tr', box);
    const series = [];
    try {
      for (const [i, flags] of data.runs.entries()) {
        text(say, `Run ${CLASSES[i].toUpperCase()} of ${data.runs.length} …`);
        const got = JSON.parse(await run(page.dataset.worker, { scenario: data.scenario, flags, version: page.dataset.version, measure: data.reads }, { signal: ended.signal }));
        series.push(got.points);
        got.values.forEach((v, k) => text(rows[i].cells[1 + k], written(v, data.reads[k])));
        rows[i].cells[0].firstElementChild.className = `swatch run-${CLASSES[i % CLASSES.length]}`;
        draw($('[data-chart]', box), series);
        $('[data-figure]', box).hidden = false;
        $('[data-kept]', box).open = true;
      }
      text(say, guess ? `Measured just now, in this browser. Your guess was “${guess}”.` : 'Measured just now, in this browser.');
    } catch (err) {
      text(say, err.message === 'stopped' ? 'Stopped.' : `It could not be run: ${err.message}`);
    }
    start.disabled = false; stop.hidden = true;
  });
}

// A program's fresh figures stand beside the kept ones, with the drift; what is
// worked out from a formula has none.
for (const form of $$('[data-program]')) {
  const box = form.closest('section');
  const say = $('[data-say]', box);
  const start = $('[data-run]', form);
  form.addEventListener('submit', async (e) => {
    e.preventDefault();
    start.disabled = true;
    text(say, 'Begins …');
    try {
      const run = await send('POST', form.dataset.program, { guess: $('[data-guess]', form).value.trim() });
      const last = await follow(run.id, (state) => text(say, `${stepText(state)} …`));
      const [got] = last.outcomes;
      if (!got?.result) throw new Error(got?.error ?? 'The run was stopped.');
      fill(box, got);
      const guess = last.guess ? ` Your guess was “${last.guess}”.` : '';
      const { formula } = form.dataset;
      text(say, formula ? `Worked out just now from ${formula}.${guess}` : `Measured just now, on the machine that serves this page, in ${got.took_s.toFixed(1)} s. ${got.won ? 'Every figure is as it was kept.' : 'Not every figure is as it was kept: machines differ, and this one may be busy.'}${guess}`);
    } catch (err) {
      text(say, `It could not be run: ${err.message}`);
    }
    start.disabled = false;
  });
}

function fill(box, { result }) {
  for (const cell of $$('[data-fresh]', box)) cell.hidden = false;
  for (const row of $$('[data-rows] tr', box)) {
    const fresh = result.rows.find(([name]) => name === row.dataset.figure);
    if (!fresh) continue;
    text($('[data-now]', row), fresh[2]);
    if (fresh.length > 3) text($('[data-drift]', row), fresh[3]);
  }
  $('[data-kept]', box).open = true;
}
