// The controls. A control never shows what was asked for, only what the
// service says: while a request is under way the control is marked pending.
import { send } from './api.js';
import { $, $$, announce, make, text, toast } from './dom.js';
import { rate } from './format.js';
import { again } from './link.js';

export class Panel {
  // took is called with the state that a change answered.
  constructor(root, took) {
    this.root = root;
    this.took = took;
    this.patterns = new Map($$('[data-pattern]', root).map((el) => [el.dataset.pattern, el]));
    for (const el of this.patterns.values()) this.listen(el);
    for (const b of $$('[data-fault-name]', root)) b.addEventListener('click', () => this.fault(b));
    this.traffic();
    this.prediction();
  }

  // change sends a request and shows the control as pending until it is
  // answered. It returns whether it was carried out.
  async change(control, method, path, body, wrong) {
    control.setAttribute('aria-busy', 'true');
    try {
      this.took(await send(method, path, body));
      return true;
    } catch (e) {
      (wrong ?? ((x) => toast(x.message)))(e);
      return false;
    } finally {
      control.removeAttribute('aria-busy');
    }
  }

  listen(el) {
    const name = el.dataset.pattern;
    for (const b of $$('[data-set]', el)) b.addEventListener('click', () => this.set(name, b.dataset.set));
    const form = $('[data-knobs]', el);
    if (!form) return;
    form.addEventListener('input', (e) => { e.target.closest('.knob').dataset.dirty = ''; form.dataset.dirty = ''; });
    form.addEventListener('submit', (e) => { e.preventDefault(); this.apply(name, form); });
  }

  // set asks for a pattern's state.
  async set(name, state) {
    const el = this.patterns.get(name);
    const b = $(`[data-set="${state}"]`, el);
    if (await this.change(b, 'PUT', `/api/lab/patterns/${name}`, { state })) announce(`${name} is ${el.dataset.state}`);
  }

  // flip turns the nth pattern on or off.
  flip(n) {
    const el = [...this.patterns.values()][n - 1];
    if (el) this.set(el.dataset.pattern, el.dataset.state === 'on' ? 'off' : 'on');
  }

  async apply(name, form, path = `/api/lab/patterns/${name}`, now = () => this.last.patterns.find((p) => p.name === name)) {
    const knobs = {};
    for (const row of $$('.knob[data-dirty]', form)) {
      const input = $('input, select', row);
      knobs[row.dataset.knob] = input.type === 'checkbox' ? input.checked : input.value;
    }
    for (const el of $$('[data-fault], [data-form-fault]', form)) text(el, '');
    for (const el of $$('[aria-invalid]', form)) el.removeAttribute('aria-invalid');
    if (!Object.keys(knobs).length) return;
    const done = await this.change($('[type=submit]', form), 'PUT', path, { knobs }, (e) => this.faults(form, e));
    if (!done) return;
    delete form.dataset.dirty;
    for (const row of $$('.knob', form)) delete row.dataset.dirty;
    this.knobs(form, now());
    announce(`${name}: knobs applied`);
  }

  // faults writes each wrong field's fix beside it.
  faults(form, e) {
    let first;
    for (const f of e.errors) {
      const row = $(`[data-knob="${CSS.escape(f.field)}"]`, form);
      if (!row) continue;
      text($('[data-fault]', row), `Give ${f.want}.`);
      const input = $('input, select', row);
      input.setAttribute('aria-invalid', 'true');
      first ??= input;
    }
    if (first) first.focus(); else text($('[data-form-fault]', form), e.message);
  }

  fault(b) {
    this.change(b, 'PUT', `/api/lab/faults/${b.dataset.faultName}`, { on: b.dataset.once !== undefined || b.getAttribute('aria-pressed') !== 'true' });
  }

  traffic() {
    const { root } = this;
    this.dial = $('[data-dial]', root);
    this.dial.addEventListener('input', () => { this.turning = true; text($('[data-factor]', root), `×${factor(this.dial.value)}`); });
    this.dial.addEventListener('change', async () => {
      await this.change(this.dial, 'PUT', '/api/lab/traffic', { factor: factor(this.dial.value) });
      this.turning = false;
      this.show(this.last);
    });
    this.button = $('[data-spike]', root);
    this.button.addEventListener('click', () => this.spike());
    const burst = $('[data-burst]', root);
    burst.addEventListener('click', () => this.change(burst, 'POST', '/api/lab/spike', { factor: 10, for: 10e9 }));
    this.pause = $('[data-pause]', root);
    this.pause.addEventListener('click', () => this.change(this.pause, 'PUT', '/api/lab/traffic', { phase: this.last.phase === 'paused' ? 'running' : 'paused' }));
    const pick = $('[data-scenario-pick]', root);
    pick.addEventListener('change', () => this.change(pick, 'POST', '/api/lab/scenario', { name: pick.value }));
    const reset = $('[data-reset]', root);
    reset.addEventListener('click', () => this.change(reset, 'POST', '/api/lab/scenario', { name: this.last.scenario }));
    for (const restart of $$('[data-restart]', root)) restart.addEventListener('click', () => this.change(restart, 'POST', '/api/lab/scenario', this.last.link ? { link: again(this.last.link) } : { name: this.last.scenario }));
  }

  async spike() {
    if (await this.change(this.button, 'POST', '/api/lab/spike')) announce('The event begins.');
  }

  prediction() {
    this.card = $('[data-predict]', this.root);
    if (!this.card) return;
    for (const b of $$('[data-choice]', this.card)) {
      b.addEventListener('click', () => this.change(b, 'POST', '/api/lab/prediction', { choice: Number(b.dataset.choice) }));
    }
  }

  // show writes what the service says into the controls.
  show(s) {
    this.last = s;
    for (const p of s.patterns) this.pattern(p);
    for (const f of s.faults ?? []) {
      const b = $(`[data-fault-name="${f.name}"]`, this.root);
      if (b) b.setAttribute('aria-pressed', f.on ? 'true' : 'false');
    }
    this.pause.setAttribute('aria-pressed', s.phase === 'paused' ? 'true' : 'false');
    text(this.pause, s.phase === 'paused' ? 'Resume' : 'Pause');
    if (!this.turning) {
      const set = s.traffic.factor;
      if (set > 0) this.dial.value = Math.max(-100, Math.min(100, Math.round(100 * Math.log10(set))));
      text($('[data-factor]', this.root), `×${Number(set.toPrecision(2))}`);
      this.dial.setAttribute('aria-valuetext', `${Number(set.toPrecision(2))} times the scenario’s traffic, ${rate(s.traffic.rate)} users a second`);
    }
    const pick = $('[data-scenario-pick]', this.root);
    if (pick !== document.activeElement) pick.value = s.scenario;
    this.predict(s.predict);
  }

  pattern(p) {
    const el = this.patterns.get(p.name);
    if (!el) return;
    if (el.dataset.state !== p.state) {
      el.classList.replace(el.dataset.state, p.state);
      el.dataset.state = p.state;
    }
    this.yours(p);
    for (const b of $$('[data-set]', el)) b.setAttribute('aria-pressed', b.dataset.set === p.state ? 'true' : 'false');
    const form = $('[data-knobs]', el);
    if (form && form.dataset.dirty === undefined) this.knobs(form, p);
  }

  // yours offers the state where an answer is plugged in, and says how one fares
  // that decides; view.yoursOf writes the same sentence.
  yours(p) {
    const el = this.patterns.get(p.name);
    if (!el) return;
    const b = $('[data-set="yours"]', el);
    if (p.yours && !b) {
      const fresh = make('button', { type: 'button', 'data-set': 'yours', title: 'your own solution acts' }, 'yours');
      fresh.addEventListener('click', () => this.set(p.name, 'yours'));
      $('.segments', el).append(fresh);
    } else if (b && !p.yours && p.state !== 'yours') b.remove();
    const gauge = (name) => p.gauges?.find((g) => g.name === name) ?? { value: 0 };
    const guard = gauge('yours_guard');
    const n = p.counters ?? {};
    const same = (100 * (n.yours_agreed ?? 0)) / Math.max(1, (n.yours_agreed ?? 0) + (n.yours_differed ?? 0));
    text($('[data-yours]', el), p.state !== 'yours' ? p.remark ?? '' : guard.value ? `yours: ${guard.text}` : `yours: ${n.yours_decisions ?? 0} decisions in ${n.yours_batches ?? 0} frames, ${same.toFixed(1)} % as ours would, 99 in 100 within ${(1000 * gauge('yours_p99_seconds').value).toFixed(1)} ms; ours stood in for ${n.yours_fallbacks ?? 0}`);
  }

  knobs(form, p) {
    for (const k of p.knobs) {
      const input = $(`[data-knob="${k.name}"] :is(input, select)`, form);
      if (!input || input === document.activeElement) continue;
      if (input.type === 'checkbox') input.checked = k.value === 'true'; else input.value = k.value;
    }
  }

  predict(p) {
    if (!this.card || !p) return;
    this.card.disabled = p.locked;
    this.card.dataset.level = p.right === undefined ? '' : p.right ? 'ok' : 'bad';
    for (const b of $$('[data-choice]', this.card)) b.setAttribute('aria-pressed', Number(b.dataset.choice) === p.chosen ? 'true' : 'false');
    let line = p.answer ?? '';
    if (!line && p.locked) line = p.chosen === undefined ? 'The event began without a prediction.' : 'Your answer is locked. It is compared when the event is over.';
    text($('[data-answer]', this.card), line || 'Choose before you press Spike; the answer cannot be changed.');
  }
}

const factor = (position) => Number((10 ** (position / 100)).toPrecision(2));
