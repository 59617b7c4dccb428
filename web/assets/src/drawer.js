// The drawer: all that is known about a node or a pattern.
import { $, make, text } from './dom.js';
import { percent, rate, words } from './format.js';

export class Drawer {
  constructor(panel) {
    this.panel = panel;
    this.dialog = $('[data-drawer]');
    this.body = $('[data-drawer-body]');
    document.addEventListener('click', (e) => {
      const chip = e.target.closest('[data-chip]');
      const open = e.target.closest('[data-open]');
      const node = e.target.closest('[data-node]');
      if (chip && (e.ctrlKey || e.metaKey || e.shiftKey)) return; // a link like any other
      if (chip) { e.preventDefault(); this.open('pattern', chip.dataset.chip); }
      else if (open) this.open('pattern', open.dataset.open);
      else if (node) this.open('node', node.dataset.node);
    });
    document.addEventListener('keydown', (e) => {
      if ((e.key === 'Enter' || e.key === ' ') && e.target.matches?.('g[data-node]')) { e.preventDefault(); this.open('node', e.target.dataset.node); }
    });
    for (const d of document.querySelectorAll('dialog')) {
      d.addEventListener('click', (e) => { if (e.target === d || e.target.closest('[data-close]')) d.close(); });
    }
  }

  open(kind, id) {
    this.kind = kind;
    this.id = id;
    this.doc = null;
    this.body.replaceChildren();
    this.draw();
    if (!this.dialog.open) this.dialog.showModal();
    $('[data-drawer-title]').focus();
    if (kind === 'pattern') this.load(id);
  }

  async load(id) {
    const answer = await fetch(`/patterns/${encodeURIComponent(id)}`, { headers: { Accept: 'text/plain' } }).catch(() => null);
    if (!answer?.ok || this.id !== id) return;
    this.doc = paragraphs(await answer.text());
    this.draw();
  }

  show(state, frame) {
    this.state = state;
    this.frame = frame;
    if (this.dialog.open) this.draw();
  }

  draw() {
    if (!this.state) return;
    const parts = this.kind === 'pattern' ? this.pattern() : this.node();
    if (!this.figures) { this.figures = make('div'); }
    this.figures.replaceChildren(...parts);
    if (!this.figures.isConnected) this.body.replaceChildren(this.figures);
    if (this.doc && !this.doc[0]?.isConnected) this.body.replaceChildren(this.figures, ...this.doc);
  }

  pattern() {
    const p = this.state.patterns.find((one) => one.name === this.id);
    if (!p) return [];
    text($('[data-drawer-title]'), p.title);
    return [
      make('p', {}, make('span', { class: `state ${p.state}` }, p.state), ' ', p.line),
      figures('Now', (p.gauges ?? []).map((g) => [words(g.name), g.text || number(g.value)])),
      figures('Counted', Object.entries(p.counters ?? {}).map(([k, v]) => [words(k), String(v)])),
      figures('Knobs', p.knobs.map((k) => [words(k.name), `${k.value} ${k.unit ?? ''}`])),
      figures('Refuses for', (p.reasons ?? []).map((r) => [words(r), `${rate(this.frame?.reasons?.[r] ?? 0)}/s`])),
      make('p', {}, make('a', { href: `/patterns/${p.name}` }, 'All about it, on its own page')),
    ];
  }

  node() {
    const n = this.state.nodes.find((one) => one.id === this.id);
    if (!n) return [];
    const f = this.frame;
    text($('[data-drawer-title]'), n.title);
    const rows = [['state', n.up ? 'up' : 'down'], ...(n.degraded ? [['degraded', n.degraded]] : []), ...(n.note ? [['what', n.note]] : [])];
    const t = this.state.traffic;
    if (n.kind === 'clients') {
      rows.push(['users', String(t.users)], ['give up after', `${t.clients.timeout / 1e6} ms`], ['tries at most', String(1 + t.clients.retries)], ['ask now', `${rate(f?.offered ?? 0)}/s`], ['tries now', `${rate(f?.tries ?? 0)}/s`]);
    }
    if (n.kind === 'gate' && f) rows.push(['can serve', `${rate(t.capacity)}/s`], ['serves now', `${rate(f.calls)}/s`], ['busy', percent(f.sat)], ['waiting', rate(f.queue)]);
    if (n.kind === 'cache' && f) rows.push(['hit share', percent(f.hit)]);
    const faults = (this.state.faults ?? []).filter((x) => x.on);
    return [figures('Now', rows), figures('Faults that are on', faults.map((x) => [x.title, 'on']))];
  }
}

function figures(title, rows) {
  if (!rows.length) return '';
  return make('section', {}, make('h3', {}, title), make('dl', { class: 'rows' }, ...rows.map(([k, v]) => make('div', {}, make('dt', {}, k), make('dd', {}, v)))));
}

const number = (v) => (Math.abs(v) >= 100 ? v.toFixed(0) : String(Number(v.toPrecision(3))));

// paragraphs turns a Go doc comment into elements.
function paragraphs(doc) {
  return doc.split(/\n\n+/).filter((b) => b.trim()).map((b) => {
    if (b.trim().startsWith('# ')) return make('h3', {}, b.trim().slice(2));
    if (/^(\t| {4})/.test(b)) return make('pre', { tabindex: '0' }, b);
    return make('p', {}, b.trim().replace(/\s+/g, ' '));
  });
}
