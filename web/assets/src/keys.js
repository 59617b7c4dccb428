// Single-key shortcuts: never inside a field, and can be switched off.
import { $ } from './dom.js';

export function keys(actions) {
  const dialog = $('[data-help-dialog]');
  const box = $('[data-keys]', dialog);
  const open = $('[data-help]');
  box.checked = localStorage.getItem('keys') !== 'off';
  box.addEventListener('change', () => localStorage.setItem('keys', box.checked ? 'on' : 'off'));
  open.hidden = false;
  open.addEventListener('click', () => dialog.showModal());
  document.addEventListener('keydown', (e) => {
    if (!box.checked || e.ctrlKey || e.metaKey || e.altKey || e.repeat) return;
    if (e.target.closest?.('input, select, textarea, [contenteditable], dialog')) return;
    const act = e.key === '?' ? () => dialog.showModal() : /^[1-9]$/.test(e.key) ? actions.pattern && (() => actions.pattern(Number(e.key))) : actions[e.key.toLowerCase()];
    if (!act) return;
    e.preventDefault();
    act();
  });
}
