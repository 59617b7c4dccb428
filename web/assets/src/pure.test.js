// Tests of what needs no browser: node --test web/assets/src
import assert from 'node:assert/strict';
import test from 'node:test';
import { ceiling, cluster, dots, flag, nice, soften, step } from './scale.js';
import { clock, millis, percent, rate } from './format.js';
import { diff, places } from './diff.js';
import { Missed } from './missed.js';
import { line, points } from './trace.js';
import { calm, seconds } from './record.js';
import { agrees, began, beyond, count, grown, meddled, off, slower, users } from './ways.js';
import { again, said } from './link.js';
import { downSince, sum, verdict } from './verdict.js';

test('an axis ends at 1, 2, 2.5 or 5 times a power of ten', () => {
  for (const [v, want] of [[0, 1], [0.7, 1], [1, 1], [1.1, 2], [2.2, 2.5], [160, 200], [201, 250], [1600, 2000], [5001, 10000]]) assert.equal(ceiling(v), want, `ceiling(${v})`);
});

test('an axis grows at once and shrinks late', () => {
  assert.equal(step(200, 201), 250);
  assert.equal(step(250, 100), 250);
  assert.equal(step(2000, 500), 1000);
});

test('dots grow with the logarithm of the rate and never exceed it', () => {
  assert.equal(dots(0), 0);
  assert.ok(dots(2) <= 2);
  assert.ok(dots(1600) > dots(160) && dots(1600) < 3 * dots(160));
  assert.equal(nice(6.8), 7);
  assert.equal(nice(148), 150);
});

test('markers close together share a flag', () => {
  const got = cluster([{ at: 1, n: 1 }, { at: 1.5, n: 2 }, { at: 2, n: 3 }, { at: 9, n: 4 }], 2);
  assert.deepEqual(got.map(flag), ['1–3', '4']);
});

test('numbers are written as the server writes them', () => {
  assert.deepEqual([0, 3.14, 160.4, 12345, 123456, NaN].map(rate), ['0', '3.1', '160', '12.3k', '123k', '–']);
  assert.deepEqual([0, 1e-9, 0.0005254, 0.0005, 0.00996, 0.5, 0.9997, 1].map(percent), ['0 %', 'below 0.0001 %', '0.053 %', '0.05 %', '1 %', '50 %', '99.9 %', '100 %']);
  assert.deepEqual([0, 3.21, 61.8, 2400, 25000].map(millis), ['–', '3.2 ms', '62 ms', '2.4 s', '25 s']);
  assert.equal(clock(65.9), '1:05');
});

const frame = (t, good, tries = 160, offered = 160) => ({ t, good, offered, tries, sat: 1, queue: 9, calls: 200, p99: 60 });
const run = (good, tries) => Array.from({ length: 30 }, (_, i) => frame(i / 10, good, tries));
const state = { phase: 'running', traffic: { spike: 0, capacity: 200 } };

test('a healthy service is called so, with its number', () => {
  const frames = run(160);
  assert.equal(downSince(frames, null), null);
  assert.deepEqual(verdict(sum(frames), state, 3, null), ['ok', 'Everybody gets an answer in time, 99 in 100 within 60 ms.']);
});

test('a retry storm is named with what it costs', () => {
  const frames = run(0, 640);
  const since = downSince(frames, null);
  assert.equal(since, 2);
  const [level, text] = verdict(sum(frames), state, 33, since);
  assert.equal(level, 'bad');
  assert.match(text, /^Down for 0:31\. Traffic is back to normal, yet it does not recover: each user asks 4\.0 times, 640 tries/);
});

test('a busy generator gets no verdict on the service', () => {
  const [level, text] = verdict(sum(run(0, 640)), { ...state, verdict: 'generator' }, 3, 2);
  assert.equal(level, 'idle');
  assert.match(text, /^No verdict/);
});

test('the time of the fall is kept until the service is up again', () => {
  assert.equal(downSince(run(0), 1.5), 1.5);
  assert.equal(downSince(run(160), 1.5), null);
});

test('a draining backlog is told with the time it takes', () => {
  const frames = run(0, 640).map((f, i) => ({ ...f, calls: 0, queue: 2000 - 20 * i }));
  const [, text] = verdict(sum(frames), state, 33, 2);
  assert.match(text, /The backlog drains: 1420 requests still wait and 200 a second go, so about 8 s are left\./);
});

test('a soft frame is the mean of half a second', () => {
  const frames = [0, 100, 200, 300, 400, 500].map((v) => ({ offered: v, good: v, outcomes: [v, 0, 0, 0, 0, 0, 0] }));
  soften(frames);
  assert.equal(frames[5].soft.offered, 300);
  assert.deepEqual(frames[5].soft.outcomes, [300, 0, 0, 0, 0, 0, 0]);
});

test('missed frames are those of the last ten seconds', () => {
  const m = new Missed();
  assert.equal(m.share(5), 0);
  m.told(5, 2);
  m.told(6, 5);
  assert.equal(m.share(6), 0.05);
  assert.equal(m.share(15.5), 0.03);
  assert.equal(m.share(17), 0);
  m.told(20, 4); // a new stream counts from 0
  assert.equal(m.share(20), 0.04);
  assert.equal(m.share(3), 0); // the scenario began afresh
});

test('a trace spans the canvas and clips what is above it', () => {
  assert.deepEqual(points([0, 5, 20], { width: 100, height: 10, top: 10 }), [[0, 10], [50, 5], [100, 0]]);
  assert.deepEqual(points([1, 100, 0], { width: 100, height: 10, top: 100, log: true }), [[0, 10], [50, 0], null]);
  assert.deepEqual(points([NaN], { width: 100, height: 10, top: 1 }), [null]);
});

test('a line begins anew after a gap', () => {
  assert.equal(line([[0, 1], [1, 2], null, [3, 4]]), 'M0.0 1.0L1.0 2.0M3.0 4.0');
  assert.equal(line([]), '');
});

test('seconds of a live run', () => {
  const frames = Array.from({ length: 30 }, (_, i) => ({ t: (i + 1) / 10 + 5, offered: 10, good: i < 10 ? 10 : 5 }));
  const got = seconds(frames, 5, 4);
  assert.deepEqual(got.slice(0, 3), [{ offered: 10, good: 10 }, { offered: 10, good: 5 }, { offered: 10, good: 5 }]);
  assert.equal(got[3], null);
});

test('the calm of a run', () => {
  const frames = [{ t: 1, good: 100, p50: 90, sat: 0.5 }, { t: 2, good: 100, p50: 20, sat: 0.5 }, { t: 3, good: 100, p50: 50, sat: 1 }, { t: 4, good: 100, p50: 30, sat: 0.6 }];
  assert.deepEqual(calm(frames, 1), { p50: 30, answers: 30 });
  assert.equal(calm([], 0).answers, 0);
  assert.equal(calm(frames.map((f) => ({ ...f, sat: 0.97 })), 0).answers, 0);
});

test('the crowd on the slider', () => {
  assert.deepEqual([0, 1, 4, 15, 20].map(users), [1000, 1800, 10000, 5600000, 100000000]);
  assert.deepEqual([200000, 5600000, 999].map(count), ['200 k', '5.6 M', '999']);
});

test('how far two engines are apart', () => {
  const live = { p50: 20, p99: 100, refused: 0.1 };
  assert.ok(agrees(off(live, { p50: 21.9, p99: 91, refused: 0.119 })));
  for (const other of [{ ...live, p50: 22.1 }, { ...live, p99: 89 }, { ...live, refused: 0.121 }]) assert.ok(!agrees(off(live, other)));
});

test('what the machine adds is added to latencies alone', () => {
  assert.deepEqual(slower({ good: 0.9, p50: 20, p99: 100, refused: 0.1 }, 5), { good: 0.9, p50: 25, p99: 105, refused: 0.1 });
});

test('knobs that grow with the crowd', () => {
  assert.deepEqual([grown('10', 5), grown('0.1', 5), grown('3', 0.1), grown('0', 5), grown('160', 28)], ['50', '0.5', '1', '0', '4480']);
});

test('the difference of two answers', () => {
  const text = (lines) => lines.map(([s, l]) => s + l).join('|');
  assert.equal(text(diff('a\nb\nc', 'a\nx\nc')), ' a|-b|+x| c');
  assert.equal(text(diff('a\nb', 'a\nb')), ' a| b');
  assert.equal(text(diff('', 'a')), '-|+a');
  assert.equal(text(diff('a\nb\nc\nd', 'b\nd\ne')), '-a| b|-c| d|+e');
});

test('places in a message', () => {
  assert.deepEqual(places('gate.go:12:3: undefined: x; other.go:4, gate.go:7', ['gate.go']), [{ file: 'gate.go', line: 12 }, { file: 'gate.go', line: 7 }]);
});

test('the other engines get what is set beside the patterns, and what they leave out is said', () => {
  const link = 'scenario=metastable&seed=1&scale=0.2&on=queue&set=queue.length%3D20&set=balancer.picker%3Dtwo-choices&set=autoscaler.max%3D4&set=database.reads%3Dreplicas'
    + '&instances=3&traffic=0.5&fault=gate-slow%3Afactor%3D3&fault=broker-down&down=b%2Cc&drain=a&yours=breaker';
  assert.deepEqual(beyond(link).flags.sort(), [
    '--fault=gate-slow:factor=3', '--fault=instance-kill:target=b', '--fault=instance-kill:target=c', '--instances=3', '--set=autoscaler.max=4', '--set=balancer.picker=two-choices', '--traffic=0.5',
  ]);
  const out = beyond(link).out.join('; ');
  for (const word of ['database.reads replicas', 'broker-down', 'a drains', 'your own breaker']) assert.ok(out.includes(word), `${word} in ${out}`);
  assert.deepEqual(beyond('scenario=metastable&seed=1&scale=0.2&on=queue'), { flags: [], out: [] });
  assert.deepEqual(beyond(''), { flags: [], out: [] });
});

test('an event is the scenario’s own, and only a person meddles with it', () => {
  const event = { at: 30e9, text: 'event: traffic rises to 1600/s', hand: true };
  const of = (...more) => [{ at: 5e9, text: 'queue on', hand: true }, event, ...more];
  assert.equal(began(of()), 30);
  assert.equal(began([{ at: 5e9, text: 'spike ×10 for 10s', hand: true }]), null);
  assert.equal(began(undefined), null);
  assert.equal(meddled(of({ at: 31e9, text: 'gate-slow' }, { at: 32e9, text: 'autoscaler: instances 2 → 4' }, { at: 33e9, text: 'instance c serves' }), 30), false);
  assert.equal(meddled(of({ at: 31e9, text: 'queue off', hand: true }), 30), true);
  assert.equal(meddled(of({ at: 31e9, text: 'spike ×10 for 10s', hand: true }), 30), true);
  assert.equal(meddled([{ at: 22e9, text: 'spike ×10 for 10s', hand: true }, event], 30), true);
  assert.equal(meddled([{ at: 15e9, text: 'spike ×10 for 10s', hand: true }, event], 30), false);
});

test('a restart keeps what is set and mends what is broken', () => {
  assert.equal(again('scenario=x&seed=7&instances=3&set=balancer.picker%3Dtwo-choices&traffic=2&fault=gate-slow&down=b&drain=c'), 'scenario=x&seed=7&instances=3&set=balancer.picker%3Dtwo-choices');
});

test('what is copied is said, and what is not in it', () => {
  assert.match(said({ link: 'scenario=x' }), /^Link copied\..*by hand\.$/);
  assert.match(said({ link: 'scenario=x', left_out: ['that the traffic is paused'] }), /Not in it: that the traffic is paused\.$/);
  assert.equal(said({ link: '', left_out: ['this scenario is a file of your own; send the file'] }), 'There is no link: this scenario is a file of your own; send the file.');
});
