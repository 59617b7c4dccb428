// The panel of the instances: how many, how each stands, and the settings of
// balancer and autoscaler. It shows what the service says.
import { $, $$, announce, make, text } from './dom.js';
import { percent, rate } from './format.js';

const OPS = { up: [['Kill', 'down'], ['Drain', 'draining']], draining: [['Kill', 'down'], ['Undrain', 'up']], down: [['Restart', 'up']], cold: [] };

export class Team {
  constructor(root, panel) {
    this.el = $('[data-team]', root);
    this.panel = panel;
    for (const [sel, by] of [['[data-fewer]', -1], ['[data-more]', 1]]) {
      const b = $(sel, this.el);
      b.addEventListener('click', () => this.step(b, by));
    }
    $('[data-members]', this.el).addEventListener('click', (e) => {
      const b = e.target.closest('[data-to]');
      if (b) this.set(b);
    });
    for (const d of $$('[data-part]', this.el)) {
      const name = d.dataset.part;
      const form = $('form', d);
      form.addEventListener('input', (e) => { e.target.closest('.knob').dataset.dirty = ''; form.dataset.dirty = ''; });
      form.addEventListener('submit', (e) => { e.preventDefault(); panel.apply(name, form, `/api/lab/${name}`, () => panel.last[name]); });
    }
  }

  async step(b, by) {
    const count = this.count + by;
    if (await this.panel.change(b, 'PUT', '/api/lab/instances', { count })) announce(`${count} instances`);
  }

  async set(b) {
    const name = b.closest('tr').dataset.member;
    if (await this.panel.change(b, 'PUT', `/api/lab/instances/${name}`, { state: b.dataset.to })) announce(`instance ${name}: ${b.textContent}`);
  }

  show(s) {
    const list = s.instances ?? [];
    this.count = list.filter((i) => !i.leaving).length;
    text($('[data-count]', this.el), String(this.count));
    text($('[data-front]', this.el), s.balancer.note);
    text($('[data-lost]', this.el), String(s.balancer.counters?.sessions_lost ?? 0));
    const fixed = s.autoscaler.knobs?.some((k) => k.name === 'on' && k.value === 'true');
    $('[data-fewer]', this.el).disabled = fixed || this.count <= 1;
    $('[data-more]', this.el).disabled = fixed || this.count >= 8;
    const body = $('[data-members]', this.el);
    const rows = new Map($$('tr', body).map((r) => [r.dataset.member, r]));
    for (const i of list) { this.row(rows.get(i.name) ?? body.appendChild(blank(i.name)), i); rows.delete(i.name); }
    for (const gone of rows.values()) gone.remove();
    for (const d of $$('[data-part]', this.el)) {
      const p = s[d.dataset.part];
      text($('[data-part-note]', d), p.note);
      const form = $('form', d);
      if (form.dataset.dirty === undefined) this.panel.knobs(form, p);
    }
  }

  row(tr, i) {
    const [, state, inside, share, errors, users, ops] = tr.children;
    const why = i.why || (i.weight > 0 && i.weight < 1 ? `weight ${i.weight.toFixed(2)}` : '');
    text(state, `${i.leaving ? 'leaving' : i.state} ${why}`.trim());
    text(inside, rate(i.inflight));
    text(share, percent(i.share));
    text(errors, String(i.errors));
    text(users, String(i.users ?? 0));
    const key = i.leaving ? 'leaving' : i.state;
    if (tr.dataset.ops === key) return;
    tr.dataset.ops = key;
    tr.dataset.state = i.state;
    const list = i.leaving ? [] : OPS[i.state] ?? OPS.up;
    ops.replaceChildren(...list.flatMap(([word, to]) => [make('button', { type: 'button', class: 'quiet', 'data-to': to, 'aria-label': `${word} instance ${i.name}` }, word), ' ']));
  }
}

function blank(name) {
  const num = () => make('td', { class: 'num' });
  return make('tr', { 'data-member': name }, make('th', { scope: 'row' }, name), make('td', { class: 'state' }), num(), num(), num(), num(), make('td'));
}
