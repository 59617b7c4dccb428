// The clock of a rehearsal, and a recording that never leaves the page.
import { $, $$, text } from './dom.js';
import { clock } from './format.js';

const page = $('[data-rehearse]');
const say = $('[data-say]', page);
const face = $('[data-clock]', page);
const elapsed = $('[data-elapsed]', page);
const total = Number(page.dataset.seconds);
const changeAt = Number(page.dataset.changeAt) * 60;
const change = $('[data-change]', page);
const phases = $$('[data-phases] li', page);
let began = 0;
let timer;

if (change) change.hidden = true; // it comes in mid-round

function tick() {
  const s = (performance.now() - began) / 1000;
  elapsed.value = Math.round(s * 1000);
  const left = total - s;
  text(face, left >= 0 ? clock(left) : `−${clock(-left)}`);
  face.dataset.level = left < 0 ? 'bad' : left < total / 6 ? 'warn' : 'ok';
  let sum = 0;
  for (const p of phases) {
    const from = sum;
    sum += Number(p.dataset.minutes) * 60;
    const here = s >= from && s < sum;
    if (here && !p.hasAttribute('aria-current')) text(say, `Now: ${p.firstElementChild.textContent}`);
    if (here) p.setAttribute('aria-current', 'step'); else p.removeAttribute('aria-current');
  }
  if (change?.hidden && s >= changeAt) change.hidden = false;
}

function start() {
  if (began) return;
  began = performance.now();
  timer = setInterval(tick, 250);
  tick();
  $('[data-start]', page).disabled = true;
  $('[data-text]', page).focus();
  text(say, `You have ${clock(total)}.`);
}

$('[data-clock-tools]', page).hidden = false;
text(face, clock(total));
$('[data-start]', page).addEventListener('click', start);
$('[data-text]', page).addEventListener('input', start, { once: true });
$('[data-form]', page).addEventListener('submit', () => { if (began) { tick(); clearInterval(timer); } });

// The recording is for listening to oneself: it is kept in memory and goes with
// the page.
const record = $('[data-record]', page);
let recorder = null;

if (!globalThis.MediaRecorder || !navigator.mediaDevices) record.hidden = true;

record.addEventListener('click', async () => {
  if (recorder?.state === 'recording') { recorder.stop(); return; }
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const pieces = [];
    recorder = new MediaRecorder(stream);
    recorder.ondataavailable = (e) => pieces.push(e.data);
    recorder.onstop = () => {
      for (const track of stream.getTracks()) track.stop();
      const player = $('[data-playback]', page);
      URL.revokeObjectURL(player.src);
      player.src = URL.createObjectURL(new Blob(pieces, { type: recorder.mimeType }));
      player.hidden = false;
      record.setAttribute('aria-pressed', 'false');
      text(record, 'Record again');
      text(say, 'Recorded, in this page only. Write down what you said to have it scored.');
    };
    recorder.start();
    start();
    record.setAttribute('aria-pressed', 'true');
    text(record, 'Stop recording');
  } catch (err) {
    text(say, `The microphone cannot be used: ${err.message}.`);
  }
});

