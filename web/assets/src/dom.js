// Small helpers. Text is only ever set as text: the page's policy allows no
// HTML from strings.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// text sets an element's text if it is not that already.
export function text(el, value) {
  if (el && el.textContent !== value) el.textContent = value;
}

// make builds an element: make('td', {class: 'num'}, 'text', child).
export function make(tag, attrs = {}, ...children) {
  const el = document.createElement(tag);
  for (const [k, v] of Object.entries(attrs)) if (v !== null && v !== false) el.setAttribute(k, v === true ? '' : v);
  el.append(...children);
  return el;
}

const say = $('[data-say]');

// announce tells a screen reader what happened. For events only.
export function announce(message) { text(say, message); }

let timer;

// toast shows what could not be done and why.
export function toast(message) {
  const el = $('[data-toast]');
  text(el, message);
  el.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => { el.hidden = true; }, 8000);
}
