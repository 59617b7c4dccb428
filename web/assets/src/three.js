// One setting, three ways: live as it happens, in virtual time and on paper,
// both worked out by this browser, and how far they are apart.
import { run } from './engine.js';
import { line, points } from './trace.js';
import { CALM, calm, seconds } from './record.js';
import { agrees, began, beyond, count, figures, grown, meddled, off, slower, users } from './ways.js';
import { millis, percent } from './format.js';
import { $, announce, make, text } from './dom.js';

const [WIDTH, HEIGHT] = [600, 150];

const signed = (v, digits) => `${v < 0 ? '−' : '+'}${Math.abs(v * 100).toFixed(digits)}`;

export class Three {
  constructor(root) {
    this.root = root;
    this.worker = root.dataset.worker;
    this.calm = Number(root.dataset.calm);
    this.answers = {}; // by way: a report, or {error}
    this.live = null; // the kept report of the live run
    this.key = '';
  }

  // request asks for the setting as the lab stands, with the knobs that grow
  // with the crowd factor times as large.
  request(state, more, factor = 1) {
    const flags = [`--seed=${state.seed}`];
    for (const p of state.patterns) {
      flags.push(`--${p.state === 'yours' ? 'on' : p.state}=${p.name}`);
      if (p.state !== 'off') for (const k of p.knobs) flags.push(`--set=${p.name}.${k.name}=${k.scales ? grown(k.value, factor) : k.value}`);
    }
    return { scenario: state.scenario, version: this.root.dataset.version, event: true, ...more, flags: [...flags, ...beyond(state.link).flags, ...more.flags] };
  }

  // play works the present setting out, one way after the other, and draws each
  // as soon as it is there.
  async play(state, record, position) {
    const ended = new AbortController();
    const stop = $('[data-three-stop]', this.root);
    const bar = $('[data-three-progress]', this.root);
    stop.onclick = () => ended.abort();
    const ask = async (way, say, more, factor) => {
      text($('[data-three-say]', this.root), say);
      try {
        this.answers[way] = JSON.parse(await run(this.worker, this.request(state, more, factor), { signal: ended.signal, progress: (elapsed, total) => { bar.value = elapsed / total; } }));
      } catch (err) {
        this.answers[way] = { error: err.message };
      }
      this.draw();
      return this.answers[way];
    };
    stop.hidden = false; bar.hidden = false; bar.value = 0;
    this.out = leftOut(state);
    this.answers = {}; this.asked = count(users(position)); this.crowd = state.traffic.users * state.scale; this.key = setting(state);
    const here = { flags: [`--scale=${state.scale}`] };
    this.edge = await run(this.worker, { ...this.request(state, here), decide: true }, { signal: ended.signal }).then(JSON.parse, () => '');
    await ask('theory', 'On paper …', { ...here, engine: 'theory' });
    this.cost = 0;
    this.calibration = 'Virtual time leaves out what this machine adds to a request.';
    const bare = ended.signal.aborted ? [] : ((await ask('virtual', `In virtual time, ${count(this.crowd)} users …`, here)).series ?? []).filter((p) => p.t <= this.calm && p.p50_ms > 0).map((p) => p.p50_ms).sort((a, b) => a - b);
    const seen = calm(record.frames, quiet(state));
    if (bare.length && seen.answers >= CALM) {
      this.cost = Math.max(0, seen.p50 - bare[bare.length >> 1]);
      this.calibration = `Calibrated: this machine adds ${this.cost > 0 ? millis(this.cost) : 'nothing'} on a request's way, by ${count(seen.answers)} live answers; the latencies of the others have it too.`;
    } else if (bare.length) {
      this.calibration = `Not calibrated: that takes ${count(CALM)} live answers in calm, and there have been ${count(seen.answers)} since the last change.`;
    }
    if (!ended.signal.aborted) await ask('many', `In virtual time, ${this.asked} users …`, { flags: [`--users=${users(position)}`] }, users(position) / this.crowd);
    stop.hidden = true; bar.hidden = true;
    text($('[data-three-say]', this.root), ended.signal.aborted ? 'Stopped.' : 'Worked out. Press Spike to let the live service follow.');
    if (!ended.signal.aborted) announce('Virtual time and theory are worked out.');
    this.draw();
  }

  // follow brings the live side up to date.
  follow(state, record) {
    this.state = state; this.record = record;
    if (this.key) this.draw();
  }

  // over takes the report of a live run that has ended.
  over(report) { this.live = report; if (this.key) this.draw(); }

  draw() {
    const length = Math.round(this.answers.virtual?.duration_s ?? this.answers.theory?.duration_s ?? this.answers.many?.duration_s ?? 0);
    if (!length) { this.table(null); return; }
    const svg = $('[data-three-chart]', this.root);
    svg.setAttribute('viewBox', `0 -4 ${WIDTH} ${HEIGHT + 8}`);
    const shares = (r) => Array.from({ length }, (_, i) => { const p = r.series?.find((q) => Math.round(q.t) === i + 1); return p?.offered ? Math.min(1, p.good / p.offered) : NaN; });
    const ways = ['theory', 'many', 'virtual'].filter((w) => this.answers[w]?.series).map((w) => [w, shares(this.answers[w])]);
    const at = began(this.state?.markers);
    if (at !== null) ways.push(['live', seconds(this.record.frames, at - this.calm, length).map((s) => (s ? s.good / s.offered : NaN))]);
    svg.replaceChildren(...ways.map(([name, values]) => {
      const path = document.createElementNS(svg.namespaceURI, 'path');
      path.setAttribute('class', name);
      path.setAttribute('d', line(points(values, { width: WIDTH, height: HEIGHT, top: 1 })));
      return path;
    }));
    text($('[data-three-end]', this.root), `${length} s`);
    $('[data-three-result]', this.root).hidden = false;
    this.table(at);
  }

  // table writes the figures of the event, and how far each way is from the live
  // one once that is over.
  table(at) {
    const fair = at === null ? '' : unfair(this.state, at, this.key);
    const live = at !== null && this.live && !fair && (this.state.markers ?? []).some((m) => m.text.startsWith('event over') && m.at / 1e9 > at) ? figures(this.live) : null;
    const strained = live && (this.live.verdict === 'generator-limited' || this.live.late_share > 0.05);
    const rows = [['live', 'Live, on this machine', count(this.crowd ?? 0), live]];
    for (const [way, name, n] of [['virtual', 'Virtual time', count(this.crowd ?? 0)], ['many', 'Virtual time', this.asked], ['theory', 'Theory', count(this.crowd ?? 0)]]) {
      const r = this.answers[way];
      if (r) rows.push([way, name, n, r.error ? r : slower(figures(r), this.cost)]);
    }
    const cell = (v) => make('td', { class: 'num' }, v);
    $('[data-three-rows]', this.root).replaceChildren(...rows.map(([way, name, n, f]) => {
      const head = make('th', { scope: 'row', class: `way ${way}` }, name);
      if (f?.error) return make('tr', {}, head, cell(n), make('td', { class: 'dim', colspan: '5' }, f.error === 'stopped' ? 'Stopped.' : `None: ${f.error}.`));
      if (!f) return make('tr', {}, head, cell(n), make('td', { class: 'dim', colspan: '5' }, at === null ? 'Press Spike to begin.' : fair || 'Under way; the figures come when the event is over.'));
      const o = live && way !== 'live' ? off(live, f) : null;
      const verdict = !o ? '' : this.edge || strained || this.out.length ? 'no verdict' : `${way === 'many' ? 'another size:' : agrees(o) ? '✓' : '✗'} p50 ${signed(o.p50, 0)} %, p99 ${signed(o.p99, 0)} %, turned away ${signed(o.refused, 1)} points`;
      return make('tr', {}, head, cell(n), cell(percent(f.good)), cell(millis(f.p50)), cell(millis(f.p99)), cell(percent(f.refused)), make('td', {}, verdict));
    }));
    text($('[data-three-note]', this.root), [this.calibration, this.out?.length && `No verdict: virtual time and theory leave out ${this.out.join('; ')}.`, this.edge && `No verdict: ${this.edge}.`, strained && 'No verdict: this machine was too busy to send its traffic on time.'].filter(Boolean).join(' '));
  }
}

const setting = (state) => JSON.stringify([state.scenario, state.seed, state.patterns.map((p) => [p.name, p.state, p.state === 'off' ? 0 : p.knobs.map((k) => k.value)]), beyond(state.link), joined(state)]);

const joined = (state) => (state.instances ?? []).filter((i) => i.process).length;

// leftOut says what of the setting the other engines do not have.
const leftOut = (state) => [...beyond(state.link).out, ...(joined(state) ? [`${joined(state)} instances that are processes of their own`] : [])];

// quiet returns since when nothing was changed, s.
const quiet = (state) => ((state.markers ?? []).at(-1)?.at ?? 0) / 1e9;

// unfair says why the live event cannot be held to the other ways, or nothing.
function unfair(state, at, key) {
  if (setting(state) !== key) return 'The setting is another than the one worked out: work it out again.';
  if (meddled(state.markers, at)) return 'You changed the service under way; the others had it from the start. Spike again to compare.';
  return '';
}
