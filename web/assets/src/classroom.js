// The class's page changes by itself: the server tells that there is something
// new, and the parts that differ are fetched and put in place. What somebody is
// about to choose or to write stays, for a part that is the same is not touched.
import { $, $$, text } from './dom.js';

const say = $('[data-say]');
const parts = (page) => new Map($$('[data-part]', page).map((p) => [p.dataset.part, p.outerHTML]));
// A form that was refused stands as it was sent until there is something new.
let shown = 'refused' in $('[data-class]').dataset ? undefined : parts(document);
let source;
let timer;
let seen; // the last number that the server told

// fresh fetches the page as a document; the page's policy forbids making one from
// a string.
function fresh() {
  return new Promise((done, fail) => {
    const ask = new XMLHttpRequest();
    ask.open('GET', '/classroom');
    ask.responseType = 'document';
    ask.onload = () => (ask.status === 200 ? done(ask.responseXML) : fail(new Error(`the server answered ${ask.status}`)));
    ask.onerror = () => fail(new Error('the server does not answer'));
    ask.send();
  });
}

async function update() {
  timer = undefined;
  try {
    const page = await fresh();
    shown ??= parts(page);
    for (const part of $$('[data-part]', page)) {
      const name = part.dataset.part;
      const html = part.outerHTML;
      if (html === shown.get(name)) continue;
      shown.set(name, html);
      const old = $(`[data-part="${name}"]`);
      const open = $$('details[open]', old).map((d) => d.dataset.keep);
      const held = old.contains(document.activeElement) ? document.activeElement : null;
      old.replaceWith(document.adoptNode(part));
      for (const d of $$('details', part)) d.open = open.includes(d.dataset.keep);
      for (const field of $$('input, textarea', old)) restore(part, field);
      if (held) again(part, held)?.focus();
      const title = $('h2', part);
      say.className = 'sr';
      if (name === 'round' && title) text(say, `${title.textContent}: ${title.nextElementSibling?.textContent ?? ''}`);
    }
  } catch (err) {
    say.className = 'warn';
    text(say, `Not up to date: ${err.message}. Trying again.`);
    later(3000);
  }
}

// again finds the element of a new part that stands where one of the old did.
function again(part, el) {
  return $$(el.tagName, part).find((one) => one.name === el.name && one.value === el.value && one.getAttribute('aria-label') === el.getAttribute('aria-label'));
}

// restore brings back what somebody had begun to write or choose.
function restore(part, field) {
  if (field.type === 'hidden') return;
  const one = field.type === 'radio' ? again(part, field) : $$(field.tagName, part).find((f) => f.name === field.name);
  if (!one) return;
  if (field.type === 'radio') one.checked = field.checked; else one.value = field.value;
}

function later(wait) { timer ??= setTimeout(update, wait); }

// A browser opens six connections to a host at most, so that only a page that
// can be seen holds one.
function listen() {
  if (document.hidden) { source?.close(); source = undefined; return; }
  if (source) return;
  source = new EventSource('/api/classroom/stream');
  source.addEventListener('state', (e) => {
    const { news } = JSON.parse(e.data);
    if (news !== seen) later(seen === undefined ? 0 : 300 + Math.random() * 700); // a class does not ask all at once
    seen = news;
  });
  source.onerror = () => {
    if (source?.readyState !== EventSource.CLOSED) return;
    source = undefined; // refused: the browser would not try again
    setTimeout(listen, 3000);
    later(3000);
  };
}

document.addEventListener('visibilitychange', listen);
listen();
