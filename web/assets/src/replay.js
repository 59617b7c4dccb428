// The replay page: a scenario played by the reader's own browser.
import { run } from './engine.js';
import { line, points } from './trace.js';
import { millis, percent, rate } from './format.js';
import { $, make, text } from './dom.js';

const page = $('[data-replay]');
const play = $('[data-play]');
const stop = $('[data-stop]');
let kept = '';

function chart(svg, series, { top, log }) {
  const NS = 'http://www.w3.org/2000/svg';
  svg.setAttribute('viewBox', '0 0 600 120');
  svg.replaceChildren(...series.map(({ values, name }) => {
    const path = document.createElementNS(NS, 'path');
    path.setAttribute('class', name);
    path.setAttribute('d', line(points(values, { width: 600, height: 120, top, log })));
    return path;
  }));
}

function show(report, took) {
  text($('[data-hash]'), report.events_hash);
  text($('[data-good]'), percent(report.goodput_share));
  text($('[data-users]'), rate(report.offered));
  text($('[data-p50]'), millis(report.latency_ms.p50));
  text($('[data-p99]'), millis(report.latency_ms.p99));
  text($('[data-took]'), millis(took));
  const { series } = report;
  const most = Math.max(1, ...series.map((p) => p.offered));
  text($('[data-top]'), rate(most));
  chart($('[data-chart="good"]'), [{ name: 'come', values: series.map((p) => p.offered) }, { name: 'good', values: series.map((p) => p.good) }], { top: most });
  chart($('[data-chart="p99"]'), [{ name: 'slow', values: series.map((p) => p.p99_ms) }], { top: 100000, log: true });
  $('[data-claims]').replaceChildren(...(report.claims ?? []).map((c) => c.not_judged ? make('li', { class: 'dim' }, `– ${c.text}: not judged, ${c.not_judged}`) : make('li', { class: c.ok ? 'ok' : 'bad' }, `${c.ok ? '✓' : '✗'} ${c.text}`)));
  $('[data-no-claims]').hidden = (report.claims ?? []).length > 0;
  $('[data-rows]').replaceChildren(...series.map((p) => make('tr', {}, ...[p.t.toFixed(0), rate(p.offered), rate(p.good), millis(p.p99_ms)].map((v) => make('td', { class: 'num' }, v)))));
  $('[data-result]').hidden = false;
}

async function start() {
  const say = $('[data-say]');
  const progress = $('[data-progress]');
  const ended = new AbortController();
  stop.onclick = () => ended.abort();
  play.disabled = true; stop.hidden = false; progress.hidden = false; progress.value = 0;
  text(say, 'Virtual time begins.');
  try {
    const began = performance.now();
    kept = await run(page.dataset.worker, JSON.parse(page.dataset.request), { signal: ended.signal, progress: (elapsed, total) => { progress.value = elapsed / total; } });
    const report = JSON.parse(kept);
    show(report, performance.now() - began);
    text(say, `${report.duration_s.toFixed(0)} s have passed. Events ${report.events_hash}.`);
  } catch (err) {
    text(say, err.message === 'stopped' ? 'Stopped.' : `It could not be played: ${err.message}`);
  }
  play.disabled = false; stop.hidden = true; progress.hidden = true;
}

function save() {
  const url = URL.createObjectURL(new Blob([kept], { type: 'application/json' }));
  make('a', { href: url, download: 'report.json' }).click();
  URL.revokeObjectURL(url);
}

if (page?.dataset.worker && globalThis.Worker && globalThis.WebAssembly) {
  play.hidden = false;
  play.addEventListener('click', start);
  $('[data-save]').addEventListener('click', save);
}
