// The four charts: ten new points a second, the last sixty seconds, events as
// numbered flags, and a pinned run A as a faint dashed line.
import uPlot from 'uplot';
import { cluster, flag, step } from './scale.js';
import { millis, percent, rate } from './format.js';
import { $, $$, make, text } from './dom.js';

export const SPAN = 60; // s
const DECADES = [1, 10, 100, 1000, 10000, 100000];
const positive = (v) => (v > 0 ? v : null);
const refused = (f) => f.soft.outcomes[2] + f.soft.outcomes[3] + f.soft.outcomes[4];

// What each chart draws. a is the value of the pinned run; show writes a value.
const KINDS = {
  traffic: {
    series: [{ color: '--dim', width: 1.5, get: (f) => f.soft.offered }, { color: '--ok', width: 2, fill: true, get: (f) => f.soft.good }],
    show: [rate, rate], a: (f) => f.soft.good,
  },
  latency: {
    log: true, series: [{ color: '--ok', width: 2, get: (f) => positive(f.p50) }, { color: '--warn', width: 2, dash: [6, 3], get: (f) => positive(f.p99) }],
    show: [millis, millis], a: (f) => positive(f.p99),
  },
  outcomes: {
    series: [ // stacked: each holds the ones after it
      { color: '--mark', width: 1, solid: true, get: (f) => refused(f) + f.soft.outcomes[5] + f.soft.outcomes[6] },
      { color: '--warn', width: 1, solid: true, get: (f) => f.soft.outcomes[5] + f.soft.outcomes[6] },
      { color: '--bad', width: 1, solid: true, get: (f) => f.soft.outcomes[6] },
    ],
    values: [refused, (f) => f.soft.outcomes[5], (f) => f.soft.outcomes[6]], show: [rate, rate, rate], a: (f) => refused(f) + f.soft.outcomes[5] + f.soft.outcomes[6],
  },
  pressure: {
    series: [{ color: '--warn', width: 2, get: (f) => f.queue }, { color: '--ok', width: 1.5, scale: 'share', get: (f) => f.sat * 100 }],
    values: [(f) => f.queue, (f) => f.sat], show: [rate, percent], a: (f) => f.queue, share: true,
  },
};

export class Chart {
  constructor(figure, owner) {
    this.figure = figure;
    this.owner = owner;
    this.kind = KINDS[figure.dataset.chart];
    this.plot = $('[data-plot]', figure);
    this.outputs = $$('[data-value]', figure);
    this.table = $('.as-table', figure);
    this.rows = $('[data-rows]', figure);
    this.top = 1;
    this.build();
    new ResizeObserver(() => this.u.setSize(this.size())).observe(this.plot);
  }

  size() { return { width: Math.max(this.plot.clientWidth, 200), height: this.plot.clientHeight || 150 }; }

  build() {
    const css = getComputedStyle(document.documentElement);
    const color = (name) => css.getPropertyValue(name).trim();
    const { kind } = this;
    const axis = { stroke: color('--dim'), grid: { stroke: color('--grid'), width: 1 }, ticks: { show: false }, font: '12px Inter, system-ui, sans-serif' };
    const y = kind.log
      ? { ...axis, size: 54, splits: () => DECADES, filter: (_, all) => all, values: (_, all) => all.map((v) => (v >= 1000 ? v / 1000 + ' s' : v + ' ms')) }
      : { ...axis, size: 46, splits: () => [0, this.top / 2, this.top], values: (_, all) => all.map((v) => rate(v).replace('.0k', 'k')) };
    const scales = {
      x: { time: false, range: () => [this.owner.now - SPAN, this.owner.now] },
      y: kind.log ? { distr: 3, log: 10, range: () => [1, this.decade()] } : { range: () => [0, this.top] },
    };
    const axes = [
      { ...axis, size: 26, splits: () => this.ticks(), values: (_, all) => all.map((t) => (t === this.owner.now ? 'now' : `−${Math.round(this.owner.now - t)} s`)) },
      y,
    ];
    if (kind.share) {
      scales.share = { range: [0, 100] };
      axes.push({ ...axis, scale: 'share', side: 1, size: 40, grid: { show: false }, splits: () => [0, 50, 100], values: (_, all) => all.map((v) => v + ' %') });
    }
    const series = [{}, ...kind.series.map((s) => ({
      stroke: color(s.color), width: s.width, dash: s.dash, scale: s.scale ?? 'y', spanGaps: false, points: { show: false },
      fill: s.solid ? color(s.color) + 'b0' : s.fill ? color(s.color) + '22' : undefined,
    })), { stroke: color('--ink'), width: 1.2, dash: [3, 4], alpha: 0.55, points: { show: false } }];
    this.u?.destroy();
    this.u = new uPlot({
      ...this.size(), series, scales, axes, legend: { show: false }, padding: [14, kind.share ? 0 : 18, 0, 0],
      cursor: { sync: { key: 'lab' }, y: false, drag: { x: false, y: false }, points: { size: 6 } },
      hooks: { draw: [(u) => this.flags(u, color('--mark'), color('--surface'))], setCursor: [() => this.read()] },
    }, this.data ?? [[], ...series.slice(1).map(() => [])], this.plot);
  }

  ticks() { const n = this.owner.now; return [n - 60, n - 40, n - 20, n]; }

  decade() { return DECADES.find((d) => d >= Math.max(100, this.max)) ?? DECADES.at(-1); }

  // update draws frames; a is the pinned run on the same time axis, or null.
  update(frames, a) {
    const { kind } = this;
    const t = frames.map((f) => f.t);
    const columns = kind.series.map((s) => frames.map(s.get));
    const pinned = frames.map((f) => { const g = a?.get(Math.round(f.t * 10)); return g ? kind.a(g) : null; });
    let max = 0;
    for (const [i, column] of [...columns, pinned].entries()) if (kind.series[i]?.scale !== 'share') for (const v of column) if (v > max) max = v;
    this.max = max;
    this.top = step(this.top, max);
    this.frames = frames;
    this.data = [t, ...columns, pinned];
    this.u.setData(this.data);
    this.read();
    if (this.table.open && frames.length && Math.floor(this.owner.now) % 5 === 0) this.fill();
  }

  // read writes the values under the cursor, or the latest, beside the names.
  read() {
    const at = this.u.cursor.idx ?? (this.frames?.length ?? 0) - 1;
    const f = this.frames?.[this.u.cursor.left >= 0 ? at : this.frames.length - 1];
    if (!f) return;
    const get = this.kind.values ?? this.kind.series.map((s) => s.get);
    this.outputs.forEach((el, i) => text(el, this.kind.show[i](get[i](f) ?? NaN)));
  }

  // fill writes the table: one row every five seconds.
  fill() {
    const get = this.kind.values ?? this.kind.series.map((s) => s.get);
    const rows = this.frames.filter((f) => Math.round(f.t * 10) % 50 === 0);
    this.rows.replaceChildren(...rows.map((f) => make('tr', {}, make('th', { scope: 'row' }, f.t.toFixed(0)), ...get.map((g, i) => make('td', {}, this.kind.show[i](g(f) ?? NaN))))));
  }

  flags(u, color, ink) {
    const { ctx } = u;
    const ratio = uPlot.pxRatio;
    ctx.save();
    ctx.strokeStyle = color;
    ctx.lineWidth = ratio;
    ctx.font = `600 ${11 * ratio}px Inter, system-ui, sans-serif`;
    ctx.textAlign = 'center';
    ctx.textBaseline = 'middle';
    for (const c of cluster(this.owner.flags, SPAN * 16 / (u.bbox.width / ratio))) {
      const x = u.valToPos(c.at, 'x', true);
      if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) continue;
      ctx.setLineDash([3 * ratio, 3 * ratio]);
      ctx.beginPath(); ctx.moveTo(x, u.bbox.top); ctx.lineTo(x, u.bbox.top + u.bbox.height); ctx.stroke();
      const label = flag(c);
      const w = ctx.measureText(label).width + 7 * ratio;
      ctx.fillStyle = color;
      ctx.beginPath(); ctx.roundRect(x - w / 2, u.bbox.top - 14 * ratio, w, 14 * ratio, 3 * ratio); ctx.fill();
      ctx.fillStyle = ink;
      ctx.fillText(label, x, u.bbox.top - 6.5 * ratio);
    }
    ctx.restore();
  }
}

// Charts holds all of a page's, on one time axis.
export class Charts {
  constructor(root) {
    this.now = 0;
    this.flags = [];
    this.all = $$('[data-chart]', root).map((f) => new Chart(f, this));
    const rebuild = () => { for (const c of this.all) c.build(); };
    document.addEventListener('theme', rebuild);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', rebuild);
    for (const c of this.all) c.table.addEventListener('toggle', () => c.frames && c.fill());
  }

  // draw shows frames up to now with numbered markers and the pinned run.
  draw(frames, markers, pinned) {
    this.now = frames.at(-1)?.t ?? 0;
    this.flags = markers;
    for (const c of this.all) c.update(frames, pinned);
  }
}
