// The moving dots: a dot is a number of requests, and nothing else moves. Round
// dots are served; squares were refused and bounce off the pattern that refused
// them; hollow ones came too late or failed. The canvas lies under the drawing.
import { dots, nice } from './scale.js';
import { text } from './dom.js';

const TRAVEL = 1700; // ms from the users to the database
const MOST = 400; // dots at once
const COLORS = ['--ok', '--mark', '--warn', '--bad', '--hit', '--dim'];

export class Flow {
  constructor(root) {
    this.root = root;
    this.svg = root.querySelector('svg');
    this.canvas = root.querySelector('canvas');
    this.ctx = this.canvas.getContext('2d');
    this.geo = JSON.parse(this.svg.dataset.geometry);
    this.routes = this.geo.routes.map(measure);
    this.live = [];
    this.owed = 0;
    this.still = matchMedia('(prefers-reduced-motion: reduce)');
    this.stopped = new Set();
    this.paint();
    document.addEventListener('theme', () => this.paint());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.paint());
    new ResizeObserver(() => this.resize()).observe(this.svg);
    this.visible = true;
    new IntersectionObserver((seen) => { this.visible = seen.at(-1).isIntersecting; if (this.visible) this.run(); }).observe(root);
    document.addEventListener('visibilitychange', () => this.run());
  }

  // end lets go of a drawing that is replaced.
  end() { this.visible = false; this.live = []; }

  paint() {
    const style = getComputedStyle(document.documentElement);
    this.colors = Object.fromEntries(COLORS.map((c) => [c, style.getPropertyValue(c).trim()]));
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    this.scale = this.svg.clientWidth / this.geo.w;
    this.canvas.width = this.svg.clientWidth * ratio;
    this.canvas.height = this.svg.clientHeight * ratio;
    this.ctx.setTransform(ratio * this.scale, 0, 0, ratio * this.scale, 0, 0);
  }

  // state tells which instances are down and which pattern owns which reason.
  state(s) {
    this.stopped = new Set(s.nodes.filter((n) => !n.up).map((n) => n.id));
    this.owner = {};
    for (const p of s.patterns) if (p.side !== 'client') for (const r of p.reasons ?? []) if (!(r in this.owner) || p.state === 'on') this.owner[r] = p.name;
    this.cache = s.patterns.find((p) => p.name === 'cache')?.state === 'on';
  }

  // frame starts the dots of a tenth of a second.
  frame(f) {
    this.last = f;
    if (!this.active()) return;
    this.owed += dots(f.tries) / 10;
    const fates = this.fates(f);
    while (this.owed >= 1) {
      this.owed -= 1;
      if (this.live.length < MOST) this.live.push(this.start(pick(fates)));
    }
    this.run();
  }

  active() { return this.visible && !document.hidden && !this.still.matches && this.svg.clientWidth > 0; }

  // fates lists what becomes of requests now, with weights.
  fates(f) {
    const [ok, stale, limited, shed, open, late, failed] = f.outcomes;
    const out = [];
    const hits = this.cache ? f.hit : 0;
    out.push({ w: (ok + stale) * (1 - hits), kind: 'served' }, { w: (ok + stale) * hits, kind: 'hit', stop: 'cache' });
    let named = 0;
    for (const [reason, w] of Object.entries(f.reasons ?? {})) {
      const stop = this.owner?.[reason];
      if (stop) { out.push({ w, kind: 'refused', stop }); named += w; }
    }
    const rest = limited + shed + open - named;
    if (rest > 0) out.push({ w: rest, kind: 'refused', stop: null });
    out.push({ w: late, kind: 'late' }, { w: failed, kind: 'failed' });
    if (!out.some((o) => o.w > 0)) return [{ w: 1, kind: 'late' }];
    return out;
  }

  start(fate) {
    const open = this.routes.filter((r) => !this.stopped.has(r.lane));
    const route = (open.length ? open : this.routes)[Math.floor(Math.random() * (open.length || this.routes.length))];
    const d = { route, fate, at: -Math.random() * route.length * 0.06, turn: Infinity, back: 0, jitter: (Math.random() - 0.5) * 7, fade: 1 };
    if (fate.kind === 'refused' || fate.kind === 'hit') {
      const stop = this.geo.stops[fate.stop];
      d.turn = stop === undefined ? route.gate : route.entry + stop - this.geo.enter;
    }
    return d;
  }

  run() {
    if (this.running || !this.active()) return;
    this.running = true;
    let before = performance.now();
    const loop = (now) => {
      const dt = Math.min(now - before, 100);
      before = now;
      this.draw(dt);
      if (this.active() && this.live.length) requestAnimationFrame(loop);
      else { this.running = false; if (!this.active()) { this.live = []; this.clear(); } }
    };
    requestAnimationFrame(loop);
  }

  clear() { this.ctx.clearRect(0, 0, this.geo.w, this.geo.h); }

  draw(dt) {
    this.clear();
    this.live = this.live.filter((d) => this.move(d, dt));
    for (const d of this.live) if (d.at >= 0) this.dot(d);
  }

  // move returns whether the dot is still there.
  move(d, dt) {
    const speed = d.route.length / TRAVEL;
    if (d.back) {
      d.back += dt;
      d.at -= speed * dt * 0.75;
      d.fade = 1 - d.back / 700;
    } else {
      const waits = (d.fate.kind === 'late' || d.fate.kind === 'failed') && d.at > d.route.gate;
      d.at += speed * dt * (waits ? 0.25 : 1);
      if (waits) d.fade -= dt / 1400;
      if (d.at >= d.turn) d.back = 1;
      if (d.at >= d.route.length) return false;
    }
    return d.fade > 0;
  }

  dot(d) {
    const { ctx, colors } = this;
    let [x, y] = place(d.route, Math.min(d.at, d.route.length));
    const aside = d.jitter * 0.5 + (d.back && d.fate.kind === 'refused' ? d.back / 700 * 26 * Math.sign(d.jitter || 1) : 0);
    if (this.geo.tall) x += aside; else y += aside;
    ctx.globalAlpha = Math.max(0, Math.min(1, d.fade));
    const kind = d.back || d.fate.kind === 'served' || d.at > d.route.gate ? d.fate.kind : 'coming'; // what becomes of it shows where it does
    if (kind === 'coming') {
      ctx.fillStyle = colors['--dim'];
      ctx.beginPath(); ctx.arc(x, y, 2.6, 0, 7); ctx.fill();
    } else if (kind === 'refused') {
      ctx.fillStyle = colors['--mark'];
      ctx.fillRect(x - 3.2, y - 3.2, 6.4, 6.4);
    } else if (kind === 'late' || kind === 'failed') {
      ctx.strokeStyle = colors['--bad'];
      ctx.lineWidth = 1.6;
      ctx.beginPath(); ctx.arc(x, y, 3, 0, 7); ctx.stroke();
    } else {
      ctx.fillStyle = d.fate.kind === 'hit' && d.back ? colors['--hit'] : colors['--ok'];
      ctx.beginPath(); ctx.arc(x, y, 3.1, 0, 7); ctx.fill();
    }
    ctx.globalAlpha = 1;
  }
}

// density says how many requests a dot stands for.
export function density(el, tries, still) {
  const d = dots(tries);
  text(el, still || d === 0 ? '' : `1 dot ≈ ${nice(tries / d)} request${nice(tries / d) === 1 ? '' : 's'}`);
}

// measure adds to a route its lengths: in all, to the service and to its end.
function measure(r) {
  const lengths = [0];
  for (let i = 1; i < r.pts.length; i++) {
    lengths.push(lengths[i - 1] + Math.hypot(r.pts[i][0] - r.pts[i - 1][0], r.pts[i][1] - r.pts[i - 1][1]));
  }
  return { ...r, lengths, length: lengths.at(-1), entry: lengths[2], gate: lengths[3] };
}

function place(r, at) {
  let i = 1;
  while (i < r.lengths.length - 1 && r.lengths[i] < at) i++;
  const k = (at - r.lengths[i - 1]) / (r.lengths[i] - r.lengths[i - 1] || 1);
  return [r.pts[i - 1][0] + k * (r.pts[i][0] - r.pts[i - 1][0]), r.pts[i - 1][1] + k * (r.pts[i][1] - r.pts[i - 1][1])];
}

function pick(fates) {
  let x = Math.random() * fates.reduce((a, f) => a + f.w, 0);
  for (const f of fates) { x -= f.w; if (x <= 0 && f.w > 0) return f; }
  return fates[0];
}
